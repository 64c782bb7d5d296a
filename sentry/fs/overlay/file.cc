// Open files of an overlay: each works on an open file of one layer, and moves to the upper layer when its inode is copied up.
#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "abi/fcntl.h"
#include "sentry/fs/overlay/inode.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/file_mappable.h"

namespace ringwall::overlay {

namespace {

constexpr uint8_t kDtDir = 4;

class OverlayFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kRegular;
  OverlayFile(vfs::Path path, uint32_t flags, Ref<vfs::File> inner, bool inner_is_upper)
      : File(kKind, std::move(path), flags), first_(std::move(inner)), second_(inner_is_upper ? first_.get() : nullptr) {}

  Result<size_t> PRead(Context& ctx, mm::IoSink& sink, uint64_t offset) override {
    if (!readable()) return Errno::kEBADF;
    const Ref<vfs::File> inner = TRY(Current(ctx));
    return inner->PRead(ctx, sink, offset);
  }
  Result<size_t> PWrite(Context& ctx, mm::IoSource& source, uint64_t offset) override {
    if (!writable()) return Errno::kEBADF;
    if (append()) {
      uint64_t end = 0;
      return Append(ctx, source, end);
    }
    const Ref<vfs::File> inner = TRY(Current(ctx));
    return inner->PWrite(ctx, source, offset);
  }
  Result<size_t> Append(Context& ctx, mm::IoSource& source, uint64_t& end) override {
    if (!writable()) return Errno::kEBADF;
    const Ref<vfs::File> inner = TRY(Current(ctx));
    return inner->Append(ctx, source, end);
  }
  Result<int64_t> Seek(Context& ctx, int64_t offset, int32_t whence) override {
    if (whence != abi::kSEEK_DATA && whence != abi::kSEEK_HOLE) return File::Seek(ctx, offset, whence);
    const Ref<vfs::File> inner = TRY(Current(ctx));
    const int64_t at = TRY(inner->Seek(ctx, offset, whence));
    return File::Seek(ctx, at, abi::kSEEK_SET);
  }
  Result<int64_t> Ioctl(Context& ctx, uint32_t command, uint64_t argument) override {
    const Ref<vfs::File> inner = TRY(Current(ctx));
    return inner->Ioctl(ctx, command, argument);
  }
  Result<void> Sync(Context& ctx, bool data_only) override {
    // What was never changed is on its medium already.
    if (second_.load(std::memory_order_acquire) == nullptr) return {};
    const Ref<vfs::File> inner = TRY(Current(ctx));
    return inner->Sync(ctx, data_only);
  }
  Result<void> Allocate(Context& ctx, int32_t mode, uint64_t offset, uint64_t length) override {
    if (!writable()) return Errno::kEBADF;
    const Ref<vfs::File> inner = TRY(Current(ctx));
    return inner->Allocate(ctx, mode, offset, length);
  }
  Result<Ref<mm::Mappable>> Mmap(Context& ctx) override;

 private:
  ~OverlayFile() override {
    vfs::File* second = second_.load(std::memory_order_acquire);
    if (second != nullptr && second != first_.get()) second->Release();
  }
  OverlayInode& inode() const { return static_cast<OverlayInode&>(path().inode()); }

  Result<Ref<vfs::File>> Current(Context& ctx) {
    vfs::File* second = second_.load(std::memory_order_acquire);
    if (second != nullptr) return Ref<vfs::File>(*second);
    vfs::Inode* up = inode().upper();
    if (up == nullptr) return first_;
    // Opened for reading before somebody changed the file: see the change, as on one file system.
    Ref<vfs::File> opened = TRY(OpenLayer(ctx, *up, flags() & ~abi::kO_APPEND));
    opened->AddRef();  // for second_
    if (second_.compare_exchange_strong(second, opened.get(), std::memory_order_acq_rel)) return opened;
    opened->Release();
    return Ref<vfs::File>(*second);
  }

  const Ref<vfs::File> first_;
  std::atomic<vfs::File*> second_;  // the upper layer's: first_, or one that owns a reference; set once
};

// Differs from Linux as overlayfs does: a mapping made before the copy-up keeps showing the lower file.
class OverlayMappable final : public vfs::FileMappable {
 public:
  OverlayMappable(Ref<vfs::File> file, const vfs::Attributes& attributes, Ref<mm::Mappable> inner)
      : FileMappable(std::move(file), attributes), inner_(std::move(inner)) {}
  Result<Ref<SharedFd>> HostFile(bool write_shared) override {
    if (write_shared && !file().writable()) return Errno::kEACCES;
    return inner_->HostFile(write_shared);
  }
  void SharedWritableChanged(int delta) override { inner_->SharedWritableChanged(delta); }

 private:
  const Ref<mm::Mappable> inner_;
};

Result<Ref<mm::Mappable>> OverlayFile::Mmap(Context& ctx) {
  const vfs::Attributes attributes = TRY(GetAttributes(ctx));
  const Ref<vfs::File> current = TRY(Current(ctx));
  Ref<mm::Mappable> inner = TRY(current->Mmap(ctx));
  return Ref<mm::Mappable>(MakeRef<OverlayMappable>(Ref<vfs::File>(*this), attributes, std::move(inner)));
}

// Passes the lower directory's entries on; only ".." is somebody else's.
class PassSink final : public vfs::DirSink {
 public:
  PassSink(vfs::DirSink& to, uint64_t parent_ino) : to_(to), parent_ino_(parent_ino) {}
  bool Add(std::string_view name, uint64_t ino, uint8_t type, int64_t next) override {
    return to_.Add(name, name == ".." ? parent_ino_ : ino, type, next);
  }

 private:
  vfs::DirSink& to_;
  const uint64_t parent_ino_;
};

class OverlayDirectory final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kDirectory;
  OverlayDirectory(vfs::Path path, uint32_t flags) : File(kKind, std::move(path), flags) {}
  Result<size_t> PRead(Context&, mm::IoSink&, uint64_t) override { return Errno::kEISDIR; }
  Result<void> Sync(Context&, bool) override { return {}; }

  // A directory that nobody changed is read straight from below. One with an upper half is read as it was when reading began, so that
  // positions stay what they are; rewinding looks again.
  Result<void> ReadDirAt(Context& ctx, vfs::DirSink& sink, uint64_t& position) override {
    if (position == 0 || (!lower_ && !merged_.has_value())) {
      lower_.reset();
      merged_.reset();
      OverlayInode& mine = inode();
      if (mine.upper() == nullptr) {
        lower_ = TRY(OpenLayer(ctx, *mine.lower(), abi::kO_RDONLY | abi::kO_DIRECTORY));
      } else {
        merged_ = TRY(mine.ListMerged(ctx));
      }
    }
    const uint64_t parent_ino = TRY(ParentIno(ctx));
    if (lower_) {
      PassSink pass(sink, parent_ino);
      return lower_->ReadDirAt(ctx, pass, position);
    }
    if (position == 0) {
      const vfs::Attributes attributes = TRY(inode().GetAttributes(ctx));
      if (!sink.Add(".", attributes.ino, kDtDir, 1)) return {};
      position = 1;
    }
    if (position == 1) {
      if (!sink.Add("..", parent_ino, kDtDir, 2)) return {};
      position = 2;
    }
    while (position - 2 < merged_->size()) {
      const Listed& entry = (*merged_)[position - 2];
      if (!sink.Add(entry.name, entry.ino, entry.type, static_cast<int64_t>(position + 1))) return {};
      ++position;
    }
    return {};
  }

 private:
  OverlayInode& inode() const { return static_cast<OverlayInode&>(path().inode()); }
  Result<uint64_t> ParentIno(Context& ctx) const {
    const RefPtr<vfs::Dentry> parent = path().dentry->parent();
    vfs::Inode& up = parent ? *parent->inode_raw() : path().inode();
    const vfs::Attributes attributes = TRY(up.GetAttributes(ctx));
    return attributes.ino;
  }
  // ReadDirAt has one caller at a time.
  RefPtr<vfs::File> lower_;
  std::optional<std::vector<Listed>> merged_;
};

}  // namespace

Ref<vfs::File> MakeFile(const vfs::Path& path, uint32_t flags, Ref<vfs::File> inner, bool inner_is_upper) {
  return MakeRef<OverlayFile>(path, flags, std::move(inner), inner_is_upper);
}

Ref<vfs::File> MakeDirectory(const vfs::Path& path, uint32_t flags) { return MakeRef<OverlayDirectory>(path, flags); }

}  // namespace ringwall::overlay
