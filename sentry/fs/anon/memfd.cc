// memfd_create(2) and file seals (fcntl(2)): an inode around an unnamed tmpfs file that checks the seals before it passes a call on.
#include "sentry/fs/anon/memfd.h"

#include <string>
#include <utility>

#include "abi/fcntl.h"
#include "abi/memfd.h"
#include "abi/stat.h"
#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "base/sync/mutex.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/vfs/operations.h"

namespace ringwall::anon {

namespace {

constexpr uint32_t kAllSeals =
    abi::kF_SEAL_SEAL | abi::kF_SEAL_SHRINK | abi::kF_SEAL_GROW | abi::kF_SEAL_WRITE | abi::kF_SEAL_FUTURE_WRITE | abi::kF_SEAL_EXEC;
constexpr uint32_t kWriteSeals = abi::kF_SEAL_WRITE | abi::kF_SEAL_FUTURE_WRITE;

class MemfdInode final : public vfs::Inode {
 public:
  MemfdInode(Ref<vfs::Inode> data, uint32_t seals) : Inode(data->file_system(), abi::kS_IFREG), data_(std::move(data)), seals_(seals) {}

  vfs::Inode& data() const { return *data_; }
  const Ref<vfs::Inode>& data_ref() const { return data_; }
  uint32_t seals() const {
    MutexLock lock(mu_);
    return seals_;
  }
  Result<void> AddSeals(uint32_t seals) {
    MutexLock lock(mu_);
    if ((seals_ & abi::kF_SEAL_SEAL) != 0) return Errno::kEPERM;
    if ((seals & abi::kF_SEAL_WRITE) != 0 && (seals_ & abi::kF_SEAL_WRITE) == 0 && writable_mappings_ > 0) return Errno::kEBUSY;
    // Sealing the executable bits of an executable file makes its bytes final too (memfd_create(2), MFD_EXEC).
    if ((seals & abi::kF_SEAL_EXEC) != 0 && executable_) seals |= abi::kF_SEAL_SHRINK | abi::kF_SEAL_GROW | kWriteSeals;
    seals_ |= seals;
    return {};
  }
  // EPERM for a shared writable mapping of a sealed file.
  Result<void> CheckWritableMapping() const {
    if ((seals() & kWriteSeals) != 0) return Errno::kEPERM;
    return {};
  }
  void CountWritableMapping(int delta) {
    MutexLock lock(mu_);
    writable_mappings_ += delta;
  }
  void SetExecutable(bool executable) {
    MutexLock lock(mu_);
    executable_ = executable;
  }

  Result<vfs::Attributes> GetAttributes(Context& ctx) override { return data_->GetAttributes(ctx); }
  Result<void> SetAttributes(Context& ctx, const vfs::AttributeChange& change) override {
    const uint32_t seals = this->seals();
    if ((change.mask & vfs::AttributeChange::kSize) != 0) {
      const vfs::Attributes now = TRY(data_->GetAttributes(ctx));
      if (change.size < now.size && (seals & abi::kF_SEAL_SHRINK) != 0) return Errno::kEPERM;
      if (change.size > now.size && (seals & abi::kF_SEAL_GROW) != 0) return Errno::kEPERM;
    }
    if ((change.mask & vfs::AttributeChange::kMode) != 0) {
      const vfs::Attributes now = TRY(data_->GetAttributes(ctx));
      if ((seals & abi::kF_SEAL_EXEC) != 0 && ((change.mode ^ now.mode) & 0111) != 0) return Errno::kEPERM;
      SetExecutable((change.mode & 0111) != 0);
    }
    return data_->SetAttributes(ctx, change);
  }
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override;
  Result<std::string> GetXattr(Context& ctx, std::string_view name) override { return data_->GetXattr(ctx, name); }
  Result<void> SetXattr(Context& ctx, std::string_view name, std::string_view value, uint32_t flags) override {
    return data_->SetXattr(ctx, name, value, flags);
  }
  Result<std::vector<std::string>> ListXattr(Context& ctx) override { return data_->ListXattr(ctx); }
  Result<void> RemoveXattr(Context& ctx, std::string_view name) override { return data_->RemoveXattr(ctx, name); }
  Result<vfs::FileSystemStats> StatFs(Context& ctx) override { return data_->StatFs(ctx); }

 private:
  const Ref<vfs::Inode> data_;
  mutable Mutex<LockRank::kInode> mu_;
  uint32_t seals_ ABSL_GUARDED_BY(mu_);
  int64_t writable_mappings_ ABSL_GUARDED_BY(mu_) = 0;
  bool executable_ ABSL_GUARDED_BY(mu_) = false;
};

class MemfdMappable final : public mm::Mappable {
 public:
  MemfdMappable(Ref<MemfdInode> inode, Ref<mm::Mappable> data, Ref<vfs::File> file, std::string name)
      : inode_(std::move(inode)), data_(std::move(data)), file_(std::move(file)), name_(std::move(name)) {}
  Result<Ref<SharedFd>> HostFile(bool write_shared) override {
    if (write_shared) TRY(inode_->CheckWritableMapping());
    return data_->HostFile(write_shared);
  }
  Identity identity() const override { return data_->identity(); }
  std::string Name() const override { return name_; }
  void SharedWritableChanged(int delta) override {
    inode_->CountWritableMapping(delta);
    data_->SharedWritableChanged(delta);
  }

 private:
  const Ref<MemfdInode> inode_;
  const Ref<mm::Mappable> data_;
  const Ref<vfs::File> file_;
  const std::string name_;
};

class MemfdFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kMemfd;
  MemfdFile(Ref<MemfdInode> inode, Ref<vfs::File> data, vfs::Path path, uint32_t flags)
      : File(kKind, std::move(path), flags), inode_(std::move(inode)), data_(std::move(data)) {}
  MemfdInode& inode() const { return *inode_; }

  Result<size_t> PRead(Context& ctx, mm::IoSink& sink, uint64_t offset) override { return data_->PRead(ctx, sink, offset); }
  Result<size_t> PWrite(Context& ctx, mm::IoSource& source, uint64_t offset) override {
    if (append()) {
      uint64_t end = 0;
      return Append(ctx, source, end);
    }
    if (!writable()) return Errno::kEBADF;
    const uint32_t seals = inode_->seals();
    if (source.remaining() == 0) return size_t{0};
    if ((seals & kWriteSeals) != 0) return Errno::kEPERM;
    if ((seals & abi::kF_SEAL_GROW) == 0) return data_->PWrite(ctx, source, offset);
    // shmem_write_begin: a write that would grow a sealed file is refused where it would begin to grow.
    const vfs::Attributes now = TRY(data_->GetAttributes(ctx));
    if (offset >= now.size) return Errno::kEPERM;
    const size_t fits = std::min<uint64_t>(source.remaining(), now.size - offset);
    std::vector<std::byte> copy(std::min<size_t>(fits, 64 << 10));
    const size_t got = TRY(source.Peek({copy.data(), copy.size()}));
    mm::KernelSource limited({copy.data(), got});
    const size_t n = TRY(data_->PWrite(ctx, limited, offset));
    source.Skip(n);
    return n;
  }
  Result<size_t> Append(Context& ctx, mm::IoSource& source, uint64_t& end) override {
    if (!writable()) return Errno::kEBADF;
    if (source.remaining() != 0 && (inode_->seals() & (kWriteSeals | abi::kF_SEAL_GROW)) != 0) return Errno::kEPERM;
    return data_->Append(ctx, source, end);
  }
  Result<int64_t> Seek(Context& ctx, int64_t offset, int32_t whence) override {
    // Only data knows its holes; the position is ours.
    if (whence == abi::kSEEK_DATA || whence == abi::kSEEK_HOLE) {
      const int64_t found = TRY(data_->Seek(ctx, offset, whence));
      SetPosition(static_cast<uint64_t>(found));
      return found;
    }
    return File::Seek(ctx, offset, whence);
  }
  Result<void> Allocate(Context& ctx, int32_t mode, uint64_t offset, uint64_t length) override {
    const uint32_t seals = inode_->seals();
    const auto bits = static_cast<uint32_t>(mode);
    if ((bits & abi::kFALLOC_FL_PUNCH_HOLE) != 0 && (seals & kWriteSeals) != 0) return Errno::kEPERM;
    if ((bits & abi::kFALLOC_FL_KEEP_SIZE) == 0 && (seals & abi::kF_SEAL_GROW) != 0) {
      const vfs::Attributes now = TRY(data_->GetAttributes(ctx));
      uint64_t end;
      if (__builtin_add_overflow(offset, length, &end) || end > now.size) return Errno::kEPERM;
    }
    return data_->Allocate(ctx, mode, offset, length);
  }
  Result<Ref<mm::Mappable>> Mmap(Context& ctx) override {
    Ref<mm::Mappable> data = TRY(data_->Mmap(ctx));
    return Ref<mm::Mappable>(
        MakeRef<MemfdMappable>(inode_, std::move(data), Ref<vfs::File>(*this), absl::StrCat("/", DisplayName(), " (deleted)")));
  }
  Result<vfs::Attributes> GetAttributes(Context& ctx) override { return inode_->GetAttributes(ctx); }
  Result<void> SetAttributes(Context& ctx, const vfs::AttributeChange& change) override { return inode_->SetAttributes(ctx, change); }
  std::string DisplayName() const override { return path().dentry->name(); }

 private:
  ~MemfdFile() override = default;
  const Ref<MemfdInode> inode_;
  const Ref<vfs::File> data_;  // of the tmpfs file
};

Result<Ref<vfs::File>> MemfdInode::Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) {
  if (request.write() && (seals() & abi::kF_SEAL_WRITE) != 0) return Errno::kEPERM;
  // tmpfs expects to find its own inode behind the path.
  const vfs::Path inner = vfs::AnonymousPath(data_, path.dentry->name());
  Ref<vfs::File> data = TRY(data_->Open(ctx, inner, request));
  return Ref<vfs::File>(MakeRef<MemfdFile>(Ref<MemfdInode>(*this), std::move(data), path, request.flags));
}

}  // namespace

Result<Ref<vfs::File>> MakeMemfd(Context& ctx, tmpfs::TmpFs& fs, std::string_view name, uint32_t flags) {
  constexpr uint32_t kKnown = abi::kMFD_CLOEXEC | abi::kMFD_ALLOW_SEALING | abi::kMFD_HUGETLB | abi::kMFD_NOEXEC_SEAL | abi::kMFD_EXEC;
  const bool huge = (flags & abi::kMFD_HUGETLB) != 0;
  if ((flags & ~(kKnown | (huge ? abi::kMFD_HUGE_MASK << abi::kMFD_HUGE_SHIFT : 0))) != 0) return Errno::kEINVAL;
  if ((flags & abi::kMFD_EXEC) != 0 && (flags & abi::kMFD_NOEXEC_SEAL) != 0) return Errno::kEINVAL;
  if (name.size() > abi::kMFD_NAME_MAX_LEN) return Errno::kEINVAL;
  // As a Linux without hugetlb pages set aside answers.
  if (huge) return Errno::kENOMEM;
  const bool noexec = (flags & abi::kMFD_NOEXEC_SEAL) != 0;
  uint32_t seals = abi::kF_SEAL_SEAL;
  if ((flags & abi::kMFD_ALLOW_SEALING) != 0) seals = 0;
  if (noexec) seals = abi::kF_SEAL_EXEC;
  Ref<vfs::Inode> data = TRY(fs.MakeUnnamedFile(ctx, noexec ? 0666 : 0777));
  const Ref<MemfdInode> inode = MakeRef<MemfdInode>(std::move(data), seals);
  inode->SetExecutable(!noexec);
  const vfs::Path path = vfs::AnonymousPath(inode, absl::StrCat("memfd:", std::string(name)));
  return inode->Open(ctx, path, {.flags = abi::kO_RDWR | abi::kO_LARGEFILE});
}

namespace {
bool IsOfTmpfs(const vfs::File& file) {
  return file.kind() == vfs::FileKind::kRegular && file.path() && file.path().inode().file_system().type_name() == "tmpfs";
}
}  // namespace

Result<void> AddSeals(vfs::File& file, uint32_t seals) {
  auto* memfd = file.As<MemfdFile>();
  // Files of a mounted tmpfs are of the same kind, born with the seal against seals (memfd_create(2)).
  if (memfd == nullptr && !IsOfTmpfs(file)) return Errno::kEINVAL;
  if (!file.writable()) return Errno::kEPERM;
  if ((seals & ~kAllSeals) != 0) return Errno::kEINVAL;
  if (memfd == nullptr) return Errno::kEPERM;
  return memfd->inode().AddSeals(seals);
}

Result<int64_t> GetSeals(vfs::File& file) {
  auto* memfd = file.As<MemfdFile>();
  if (memfd == nullptr && IsOfTmpfs(file)) return int64_t{abi::kF_SEAL_SEAL};
  if (memfd == nullptr) return Errno::kEINVAL;
  return static_cast<int64_t>(memfd->inode().seals());
}

}  // namespace ringwall::anon
