// Open files of a gofer tree. Regular ones work on the donated descriptor alone; sockets, FIFOs and devices of the host are only names:
// what opens is the sentry's own (sentry/vfs/special.h).
#include "sentry/fs/gofer/file.h"

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/fs/gofer/inode.h"
#include "sentry/fs/host/donated_file.h"
#include "sentry/vfs/file_mappable.h"
#include "sentry/vfs/permission.h"
#include "sentry/vfs/special.h"

namespace ringwall::goferfs {

namespace {

class GoferFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kRegular;
  GoferFile(vfs::Path path, uint32_t flags, Ref<SharedFd> fd) : File(kKind, std::move(path), flags), fd_(std::move(fd)) {}
  // A small file of a tree that does not change: most are read, closed and forgotten.
  GoferFile(vfs::Path path, uint32_t flags, Prefetch::Contents contents)
      : File(kKind, std::move(path), flags), contents_(std::move(contents)) {}

  Result<size_t> PRead(Context&, mm::IoSink& sink, uint64_t offset) override {
    if (!readable()) return Errno::kEBADF;
    if (contents_ != nullptr) {
      if (offset >= contents_->size()) return size_t{0};
      return sink.Put(absl::MakeConstSpan(reinterpret_cast<const std::byte*>(contents_->data()), contents_->size()).subspan(offset));
    }
    return hostfs::ReadDonated(*fd_, sink, offset);
  }
  Result<size_t> PWrite(Context& ctx, mm::IoSource& source, uint64_t offset) override {
    if (!writable()) return Errno::kEBADF;
    if (append()) {
      uint64_t end = 0;
      return Append(ctx, source, end);
    }
    const size_t limit = TRY(vfs::WritableLength(ctx, offset, source.remaining()));
    return Wrote(hostfs::WriteDonated(*fd_, source, offset, limit));
  }
  Result<size_t> Append(Context& ctx, mm::IoSource& source, uint64_t& end) override {
    if (!writable()) return Errno::kEBADF;
    const vfs::Attributes now = TRY(hostfs::StatDonated(*fd_));
    const size_t limit = TRY(vfs::WritableLength(ctx, now.size, source.remaining()));
    return Wrote(hostfs::AppendDonated(*fd_, source, limit, end));
  }
  Result<int64_t> Seek(Context& ctx, int64_t offset, int32_t whence) override {
    if (whence != abi::kSEEK_DATA && whence != abi::kSEEK_HOLE) return File::Seek(ctx, offset, whence);
    if (offset < 0) return Errno::kENXIO;
    const Ref<SharedFd> fd = TRY(Descriptor(ctx));
    const uint64_t at = TRY(hostfs::SeekDonated(*fd, static_cast<uint64_t>(offset), whence == abi::kSEEK_HOLE));
    return File::Seek(ctx, static_cast<int64_t>(at), abi::kSEEK_SET);
  }
  Result<void> Sync(Context& ctx, bool data_only) override {
    const Ref<SharedFd> fd = TRY(Descriptor(ctx));
    return hostfs::SyncDonated(*fd, data_only);
  }
  Result<void> Allocate(Context& ctx, int32_t mode, uint64_t offset, uint64_t length) override {
    if (!writable()) return Errno::kEBADF;
    constexpr uint32_t kKnown = abi::kFALLOC_FL_KEEP_SIZE | abi::kFALLOC_FL_PUNCH_HOLE | abi::kFALLOC_FL_COLLAPSE_RANGE |
                                abi::kFALLOC_FL_ZERO_RANGE | abi::kFALLOC_FL_INSERT_RANGE;
    if ((static_cast<uint32_t>(mode) & ~kKnown) != 0) return Errno::kEOPNOTSUPP;
    uint64_t end;
    if (__builtin_add_overflow(offset, length, &end)) return Errno::kEFBIG;
    if ((mode & abi::kFALLOC_FL_KEEP_SIZE) == 0 && end > ctx.FileSizeLimit()) return Errno::kEFBIG;
    const Result<void> done = hostfs::AllocateDonated(*fd_, mode, offset, length);
    inode().Changed();
    return done;
  }
  Result<vfs::Attributes> GetAttributes(Context& ctx) override { return inode().GetAttributes(ctx); }
  Result<void> SetAttributes(Context& ctx, const vfs::AttributeChange& change) override {
    vfs::AttributeChange rest = change;
    if ((change.mask & vfs::AttributeChange::kSize) != 0 && writable()) {
      // The description's own right, whatever the mode bits say by now.
      TRY(hostfs::TruncateDonated(*fd_, change.size));
      inode().Changed();
      rest.mask &= ~vfs::AttributeChange::kSize;
      if (rest.mask == 0) return {};
    }
    return inode().SetAttributes(ctx, rest);
  }
  Result<Ref<mm::Mappable>> Mmap(Context& ctx) override;

  Result<Ref<SharedFd>> Descriptor(Context& ctx) {
    if (fd_) return fd_.ToRef();
    return inode().Descriptor(ctx, false);
  }
  GoferInode& inode() const { return static_cast<GoferInode&>(path().inode()); }

 private:
  // The host clears set-ID bits by itself: the sentry has no CAP_FSETID. Differs from Linux: a guest with CAP_FSETID loses them too.
  Result<size_t> Wrote(Result<size_t> moved) {
    inode().Changed();
    if (moved.ok() && *moved != 0 && (flags() & (abi::kO_DSYNC | abi::k__O_SYNC)) != 0) {
      TRY(hostfs::SyncDonated(*fd_, (flags() & abi::k__O_SYNC) == 0));
    }
    return moved;
  }
  const RefPtr<SharedFd> fd_;  // null only when there are contents, and then nothing is ever written
  const Prefetch::Contents contents_;
};

class GoferMappable final : public vfs::FileMappable {
 public:
  GoferMappable(Ref<GoferFile> file, const vfs::Attributes& attributes, Ref<SharedFd> fd)
      : FileMappable(file, attributes), gofer_file_(std::move(file)), fd_(std::move(fd)) {}
  Result<Ref<SharedFd>> HostFile(bool write_shared) override {
    if (write_shared && !gofer_file_->writable()) return Errno::kEACCES;
    return fd_;
  }
  void SharedWritableChanged(int delta) override {
    gofer_file_->inode().SharedWritersChanged(delta);
    gofer_file_->inode().Changed();
  }

 private:
  const Ref<GoferFile> gofer_file_;
  const Ref<SharedFd> fd_;
};

Result<Ref<mm::Mappable>> GoferFile::Mmap(Context& ctx) {
  const vfs::Attributes attributes = TRY(GetAttributes(ctx));
  Ref<SharedFd> fd = TRY(Descriptor(ctx));
  return Ref<mm::Mappable>(MakeRef<GoferMappable>(Ref<GoferFile>(*this), attributes, std::move(fd)));
}

}  // namespace

Result<Ref<vfs::File>> GoferInode::Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) {
  switch (type()) {
    case abi::kS_IFDIR: return OpenDirectory(path, request.flags);
    case abi::kS_IFREG: {
      if (Prefetch* ahead = fs().prefetch(); ahead != nullptr && ahead->lasting() && !request.write()) {
        if (Prefetch::Contents contents = ahead->FindContents(this)) {
          return Ref<vfs::File>(MakeRef<GoferFile>(path, request.flags, std::move(contents)));
        }
      }
      Ref<SharedFd> fd = TRY(Descriptor(ctx, request.write()));
      return Ref<vfs::File>(MakeRef<GoferFile>(path, request.flags, std::move(fd)));
    }
    case abi::kS_IFLNK: return Errno::kELOOP;
    default: return vfs::OpenSpecial(ctx, *this, path, request);
  }
}

}  // namespace ringwall::goferfs
