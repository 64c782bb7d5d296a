// Regular tmpfs files: read, write, fallocate, holes, mmap.
#include <algorithm>
#include <utility>
#include <vector>

#include "abi/fcntl.h"
#include "sentry/fs/tmpfs/inode.h"
#include "sentry/mm/memory_file.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/path_walk.h"

namespace ringwall::tmpfs {

namespace {

constexpr uint64_t kRound = 64 << 10;       // bytes moved per turn of the inode's lock
constexpr uint64_t kAppendRound = 1 << 20;  // an append up to this size is one piece
constexpr uint64_t kAllocateRound = 1 << 20;
alignas(64) constexpr std::byte kZeros[kPageSize] = {};

// A mapping keeps the open file description alive (mmap(2)).
class TmpMappable final : public mm::Mappable {
 public:
  TmpMappable(Ref<vfs::File> file, Ref<RegularInode> inode) : file_(std::move(file)), inode_(std::move(inode)) {}
  Result<Ref<SharedFd>> HostFile(bool) override { return inode_->MemoryFile(); }
  Identity identity() const override { return {inode_->file_system().dev(), inode_->ino()}; }
  std::string Name() const override { return vfs::NameFromTop(file_->path()); }

 private:
  const Ref<vfs::File> file_;
  const Ref<RegularInode> inode_;
};

class RegularFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kRegular;
  RegularFile(RegularInode& inode, const vfs::Path& path, uint32_t flags) : File(kKind, path, flags), inode_(inode) {}

  Result<size_t> PRead(Context& ctx, mm::IoSink& sink, uint64_t offset) override {
    if (!readable()) return Errno::kEBADF;
    const size_t n = TRY(inode_->Read(ctx, sink, offset));
    inode_->Accessed(ctx, path(), flags());
    return n;
  }
  Result<size_t> PWrite(Context& ctx, mm::IoSource& source, uint64_t offset) override {
    if (!writable()) return Errno::kEBADF;
    uint64_t end;
    // pwrite(2), BUGS: O_APPEND wins over the offset.
    return inode_->Write(ctx, source, append() ? nullptr : &offset, &end);
  }
  Result<size_t> Append(Context& ctx, mm::IoSource& source, uint64_t& end) override {
    if (!writable()) return Errno::kEBADF;
    return inode_->Write(ctx, source, nullptr, &end);
  }
  Result<int64_t> Seek(Context& ctx, int64_t offset, int32_t whence) override {
    if (whence != abi::kSEEK_DATA && whence != abi::kSEEK_HOLE) return File::Seek(ctx, offset, whence);
    if (offset < 0) return Errno::kENXIO;
    const uint64_t at = TRY(inode_->SeekData(static_cast<uint64_t>(offset), whence == abi::kSEEK_HOLE));
    SetPosition(at);
    return static_cast<int64_t>(at);
  }
  Result<void> Allocate(Context& ctx, int32_t mode, uint64_t offset, uint64_t length) override {
    if (!writable()) return Errno::kEBADF;
    return inode_->Allocate(ctx, mode, offset, length);
  }
  Result<Ref<mm::Mappable>> Mmap(Context& ctx) override {
    inode_->Accessed(ctx, path(), flags());
    return Ref<mm::Mappable>(MakeRef<TmpMappable>(Ref<vfs::File>(*this), inode_));
  }

 private:
  const Ref<RegularInode> inode_;
};

}  // namespace

RegularInode::RegularInode(TmpFs& fs, const vfs::NewFileOwner& owner, const abi::Timespec& now)
    : TmpInode(fs, owner, 0, now), data_(fs.space()) {}

void RegularInode::FillSizeLocked(vfs::Attributes& attributes) {
  data_.Reconcile();
  attributes.size = data_.size();
  attributes.blocks = data_.allocated_pages() * (kPageSize / 512);
}

Result<void> RegularInode::ResizeLocked(uint64_t size) { return data_.Resize(size); }

Result<Ref<vfs::File>> RegularInode::Open(Context&, const vfs::Path& path, const vfs::OpenRequest& request) {
  return Ref<vfs::File>(MakeRef<RegularFile>(*this, path, request.flags));
}

Result<size_t> RegularInode::Read(Context&, mm::IoSink& sink, uint64_t offset) {
  size_t done = 0;
  std::vector<RefPtr<Page>> pages;
  std::vector<std::byte> staging;
  while (sink.remaining() != 0) {
    RefPtr<SharedFd> memory_file;
    size_t want;
    {
      MutexLock lock(mu_);
      if (offset >= data_.size()) break;
      want = static_cast<size_t>(std::min({static_cast<uint64_t>(sink.remaining()), kRound - offset % kPageSize, data_.size() - offset}));
      memory_file = data_.memory_file();
      if (!memory_file) data_.Snapshot(offset, want, pages);
    }
    size_t moved = 0;
    Errno fault{};
    if (memory_file) {
      staging.resize(want);
      TRY(mm::ReadMemoryFile(*memory_file, offset, absl::MakeSpan(staging)));
      const Result<size_t> put = sink.Put(staging);
      put.ok() ? void(moved = put.value()) : void(fault = put.error());
    } else {
      for (const RefPtr<Page>& page : pages) {
        const size_t within = (offset + moved) % kPageSize;
        const size_t n = std::min<size_t>(kPageSize - within, want - moved);
        const std::byte* from = page ? page->bytes : kZeros;
        const Result<size_t> put = sink.Put(absl::Span<const std::byte>(from + within, n));
        if (!put.ok()) {
          fault = put.error();
          break;
        }
        moved += put.value();
        if (put.value() < n) break;
      }
    }
    done += moved;
    offset += moved;
    if (moved < want) {
      // A fault behind what was stored: the count wins.
      if (done == 0 && fault != Errno{}) return fault;
      break;
    }
  }
  return done;
}

void RegularInode::WrittenLocked(Context& ctx) {
  const abi::Timespec now = ctx.Now();
  mtime_ = ctime_ = now;
  mode_ = vfs::ModeAfterWrite(ctx, mode_);
}

// Differs from Linux: an append of more than 1 MiB may interleave with another one, in pieces of 1 MiB.
Result<size_t> RegularInode::Write(Context& ctx, mm::IoSource& source, const uint64_t* offset, uint64_t* end) {
  const uint64_t round = offset == nullptr ? kAppendRound : kRound;
  std::vector<std::byte> staging(static_cast<size_t>(std::min<uint64_t>(round, source.remaining())));
  size_t done = 0;
  uint64_t at = offset == nullptr ? 0 : *offset;
  if (offset == nullptr) {
    MutexLock lock(mu_);
    at = data_.size();
  }
  *end = at;
  while (source.remaining() != 0) {
    // Copied first, outside of the lock; what there is no space for stays in the source.
    size_t want = std::min(staging.size(), source.remaining());
    if (offset != nullptr && want == staging.size() && round == kRound) want -= std::min<size_t>(want - 1, (at + want) % kPageSize);
    const Result<size_t> got = source.Peek(absl::MakeSpan(staging).subspan(0, want));
    if (!got.ok() || got.value() == 0) {
      if (done == 0 && !got.ok()) return got.error();
      break;
    }
    size_t written = 0;
    {
      MutexLock lock(mu_);
      if (offset == nullptr) at = data_.size();
      const Result<size_t> room = vfs::WritableLength(ctx, at, got.value());
      Result<size_t> result = room;
      if (room.ok()) result = data_.Write(at, absl::MakeConstSpan(staging).subspan(0, room.value()));
      if (!result.ok()) {
        if (done == 0) return result.error();
        break;
      }
      written = result.value();
      if (written != 0) WrittenLocked(ctx);
    }
    source.Skip(written);
    done += written;
    at += written;
    *end = at;
    if (written < want) break;
  }
  return done;
}

Result<void> RegularInode::Allocate(Context& ctx, int32_t mode, uint64_t offset, uint64_t length) {
  const auto flags = static_cast<uint32_t>(mode);
  const bool keep = (flags & abi::kFALLOC_FL_KEEP_SIZE) != 0;
  const bool punch = (flags & abi::kFALLOC_FL_PUNCH_HOLE) != 0;
  const bool zero = (flags & abi::kFALLOC_FL_ZERO_RANGE) != 0;
  // Differs from Linux: tmpfs there has no ZERO_RANGE; the disk file systems that programs expect below / have it.
  if ((flags & ~(abi::kFALLOC_FL_KEEP_SIZE | abi::kFALLOC_FL_PUNCH_HOLE | abi::kFALLOC_FL_ZERO_RANGE)) != 0) return Errno::kEOPNOTSUPP;
  if (punch && (!keep || zero)) return Errno::kEOPNOTSUPP;
  if (length == 0 || offset > static_cast<uint64_t>(INT64_MAX)) return Errno::kEINVAL;
  if (length > static_cast<uint64_t>(INT64_MAX) - offset) return Errno::kEFBIG;
  const uint64_t end = offset + length;
  if (punch || zero) {
    MutexLock lock(mu_);
    // What lies behind the end is zero already and must not be allocated by punching.
    TRY(data_.Punch(offset, length));
    if (punch) {
      WrittenLocked(ctx);
      return {};
    }
  }
  {
    MutexLock lock(mu_);
    if (!keep && end > data_.size() && end > ctx.FileSizeLimit()) return Errno::kEFBIG;
    // Refused before a single page is made, as Linux does.
    if ((length + kPageSize - 1) / kPageSize > fs().space().limit()) return Errno::kENOSPC;
  }
  for (uint64_t at = offset; at < end;) {
    if (at != offset && ctx.SignalPending()) return Errno::kEINTR;
    const uint64_t n = std::min(kAllocateRound, end - at);
    MutexLock lock(mu_);
    TRY(data_.Reserve(at, n));
    at += n;
  }
  MutexLock lock(mu_);
  if (!keep && end > data_.size()) TRY(data_.Resize(end));
  WrittenLocked(ctx);
  return {};
}

Result<uint64_t> RegularInode::SeekData(uint64_t offset, bool hole) {
  MutexLock lock(mu_);
  return hole ? data_.NextHole(offset) : data_.NextData(offset);
}

Result<Ref<SharedFd>> RegularInode::MemoryFile() {
  MutexLock lock(mu_);
  return data_.MoveToMemoryFile("tmpfs");
}

}  // namespace ringwall::tmpfs
