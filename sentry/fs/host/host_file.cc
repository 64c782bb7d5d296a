// Donated descriptors as guest files.
#include "sentry/fs/host/host_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/limits.h"
#include "abi/poll.h"
#include "abi/stat.h"
#include "absl/strings/str_cat.h"
#include "sentry/fs/anon/anon_inode.h"
#include "sentry/mm/user_memory.h"
#include "sentry/vfs/file_mappable.h"
#include "sentry/vfs/operations.h"

namespace ringwall::hostfs {

namespace {

constexpr size_t kStep = 64 << 10;

anon::AnonFs& HostFs() {
  static anon::AnonFs* fs = MakeRef<anon::AnonFs>("hostfs", 0x72696e67).Leak();
  return *fs;
}

uint32_t GuestType(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return abi::kS_IFREG;
    case S_IFDIR: return abi::kS_IFDIR;
    case S_IFIFO: return abi::kS_IFIFO;
    case S_IFSOCK: return abi::kS_IFSOCK;
    case S_IFBLK: return abi::kS_IFBLK;
    default: return abi::kS_IFCHR;
  }
}

abi::Timespec GuestTime(const timespec& t) { return {t.tv_sec, t.tv_nsec}; }

// What fstat(2) shows. Owners of outside mean nothing inside: the file belongs to the caller that it was made for.
class HostInode final : public vfs::Inode {
 public:
  HostInode(Context& ctx, Ref<HostDescriptor> host, uint32_t type, uint32_t permissions, uint64_t rdev)
      : Inode(HostFs(), type),
        host_(std::move(host)),
        ino_(HostFs().NextIno()),
        permissions_(permissions),
        uid_(ctx.creds().fsuid),
        gid_(ctx.creds().fsgid),
        rdev_(rdev) {}

  uint64_t ino() const { return ino_; }
  Result<vfs::Attributes> GetAttributes(Context&) override {
    struct stat st;
    if (::fstat(host_->fd(), &st) != 0) return ErrnoFromHost(errno);
    vfs::Attributes out;
    out.dev = HostFs().dev();
    out.ino = ino_;
    out.mode = type() | permissions_;
    out.uid = uid_.load(std::memory_order_relaxed);
    out.gid = gid_.load(std::memory_order_relaxed);
    out.rdev = rdev_;
    out.size = IsRegular() ? static_cast<uint64_t>(st.st_size) : 0;
    out.blocks = static_cast<uint64_t>(st.st_blocks);
    out.block_size = static_cast<uint32_t>(st.st_blksize);
    out.atime = GuestTime(st.st_atim);
    out.mtime = GuestTime(st.st_mtim);
    out.ctime = GuestTime(st.st_ctim);
    return out;
  }
  Result<void> SetAttributes(Context&, const vfs::AttributeChange& change) override {
    using Mask = vfs::AttributeChange::Mask;
    if ((change.mask & Mask::kSize) != 0) {
      if (!IsRegular() || host_->access() == abi::kO_RDONLY) return Errno::kEINVAL;
      if (::ftruncate(host_->fd(), static_cast<off_t>(change.size)) != 0) return ErrnoFromHost(errno);
    }
    // Mode and times of the outside file stay as they are; a change of owner is what start-up code does to its stdio (fchown(2)).
    if ((change.mask & Mask::kUid) != 0) uid_.store(change.uid, std::memory_order_relaxed);
    if ((change.mask & Mask::kGid) != 0) gid_.store(change.gid, std::memory_order_relaxed);
    return {};
  }
  // /proc/PID/fd/N, /dev/stdout: another description of the same descriptor. Differs from Linux: the position of a regular file stays
  // shared.
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override;

 private:
  const Ref<HostDescriptor> host_;
  const uint64_t ino_;
  const uint32_t permissions_;
  std::atomic<uint32_t> uid_, gid_;
  const uint64_t rdev_;
};

vfs::FileKind GuestKind(HostKind kind) {
  switch (kind) {
    case HostKind::kRegular: return vfs::FileKind::kRegular;
    case HostKind::kDirectory: return vfs::FileKind::kDirectory;
    // Not kPipe, kSocket or kTty: those are the classes of other rooms.
    default: return vfs::FileKind::kHostStream;
  }
}

Result<Ref<vfs::File>> HostInode::Open(Context&, const vfs::Path& path, const vfs::OpenRequest& request) {
  if (type() == abi::kS_IFSOCK) return Errno::kENXIO;
  const uint32_t access = host_->access();
  if ((request.read() && access == abi::kO_WRONLY) || (request.write() && access == abi::kO_RDONLY)) return Errno::kEACCES;
  return Ref<vfs::File>(MakeRef<HostFile>(host_, GuestKind(host_->kind()), path, request.flags));
}

class HostMappable final : public vfs::FileMappable {
 public:
  HostMappable(Ref<vfs::File> file, const vfs::Attributes& attributes, Ref<HostDescriptor> host)
      : FileMappable(std::move(file), attributes), host_(std::move(host)) {}
  Result<Ref<SharedFd>> HostFile(bool write_shared) override {
    if (host_->access() == abi::kO_WRONLY || (write_shared && host_->access() != abi::kO_RDWR)) return Errno::kEACCES;
    return host_->shared();
  }

 private:
  const Ref<HostDescriptor> host_;
};

}  // namespace

HostFile::HostFile(Ref<HostDescriptor> host, vfs::FileKind kind, vfs::Path path, uint32_t flags)
    : File(kind, std::move(path), flags), host_(std::move(host)) {}

Result<size_t> HostFile::Read(Context&, mm::IoSink& sink) {
  if (!readable()) return Errno::kEBADF;
  if (kind() == vfs::FileKind::kDirectory) return Errno::kEISDIR;
  std::vector<std::byte> buffer(std::min(sink.remaining(), kStep));
  size_t done = 0;
  // Streams give what one read gives; only regular files go on.
  do {
    const Result<size_t> got = host_->Read({buffer.data(), std::min(buffer.size(), sink.remaining())});
    if (!got.ok()) {
      // Who waits for the next edge (EPOLLET) has to hear of it.
      if (got.error() == Errno::kEAGAIN && !host_->queue().empty()) host_->Arm(abi::kPOLLIN);
      if (done == 0) return got.error();
      break;
    }
    if (*got == 0) break;
    const Result<size_t> put = sink.Put({buffer.data(), *got});
    // Bytes that a bad buffer could not take are gone for streams; a regular file goes back.
    if (!put.ok() || *put < *got) {
      const size_t kept = put.ok() ? *put : 0;
      if (kind() == vfs::FileKind::kRegular) ::lseek(host_->fd(), -static_cast<off_t>(*got - kept), SEEK_CUR);
      done += kept;
      if (done == 0) return Errno::kEFAULT;
      break;
    }
    done += *got;
  } while (kind() == vfs::FileKind::kRegular && sink.remaining() != 0);
  return done;
}

Result<size_t> HostFile::Write(Context&, mm::IoSource& source) {
  if (!writable()) return Errno::kEBADF;
  std::vector<std::byte> buffer(std::min(source.remaining(), kStep));
  size_t done = 0;
  while (source.remaining() != 0) {
    const Result<size_t> got = source.Peek({buffer.data(), std::min(buffer.size(), source.remaining())});
    Result<size_t> wrote = got.ok() ? host_->Write({buffer.data(), *got}) : Result<size_t>(got.error());
    if (!wrote.ok()) {
      if (wrote.error() == Errno::kEAGAIN && !host_->queue().empty()) host_->Arm(abi::kPOLLOUT);
      if (done == 0) return wrote.error();
      break;
    }
    source.Skip(*wrote);
    done += *wrote;
    if (*wrote < *got && !host_->queue().empty()) host_->Arm(abi::kPOLLOUT);
    if (*wrote < *got || *got == 0) break;
  }
  return done;
}

Result<size_t> HostFile::PRead(Context&, mm::IoSink& sink, uint64_t offset) {
  if (kind() != vfs::FileKind::kRegular) return Errno::kESPIPE;
  if (!readable()) return Errno::kEBADF;
  std::vector<std::byte> buffer(std::min(sink.remaining(), kStep));
  size_t done = 0;
  while (sink.remaining() != 0) {
    const ssize_t n = ::pread(host_->fd(), buffer.data(), std::min(buffer.size(), sink.remaining()), static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && done == 0) return ErrnoFromHost(errno);
    if (n <= 0) break;
    const Result<size_t> put = sink.Put({buffer.data(), static_cast<size_t>(n)});
    if (!put.ok() && done == 0) return put.error();
    if (!put.ok()) break;
    done += *put;
    if (*put < static_cast<size_t>(n)) break;
  }
  return done;
}

Result<size_t> HostFile::PWrite(Context&, mm::IoSource& source, uint64_t offset) {
  if (kind() != vfs::FileKind::kRegular) return Errno::kESPIPE;
  if (!writable()) return Errno::kEBADF;
  std::vector<std::byte> buffer(std::min(source.remaining(), kStep));
  size_t done = 0;
  while (source.remaining() != 0) {
    const Result<size_t> got = source.Peek({buffer.data(), std::min(buffer.size(), source.remaining())});
    if (!got.ok() && done == 0) return got.error();
    if (!got.ok() || *got == 0) break;
    const ssize_t n = ::pwrite(host_->fd(), buffer.data(), *got, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && done == 0) return ErrnoFromHost(errno);
    if (n <= 0) break;
    source.Skip(static_cast<size_t>(n));
    done += static_cast<size_t>(n);
  }
  return done;
}

Result<int64_t> HostFile::Seek(Context&, int64_t offset, int32_t whence) {
  if (kind() != vfs::FileKind::kRegular) return Errno::kESPIPE;
  int host_whence;
  switch (whence) {
    case abi::kSEEK_SET: host_whence = SEEK_SET; break;
    case abi::kSEEK_CUR: host_whence = SEEK_CUR; break;
    case abi::kSEEK_END: host_whence = SEEK_END; break;
    case abi::kSEEK_DATA: host_whence = SEEK_DATA; break;
    case abi::kSEEK_HOLE: host_whence = SEEK_HOLE; break;
    default: return Errno::kEINVAL;
  }
  const off_t at = ::lseek(host_->fd(), offset, host_whence);
  if (at < 0) return ErrnoFromHost(errno);
  return at;
}

Result<int64_t> HostFile::Ioctl(Context& ctx, uint32_t command, uint64_t argument) {
  // Nothing but the count of waiting bytes reaches the outside; a terminal that a guest may drive is a Console (tty).
  if (command != abi::kFIONREAD || kind() == vfs::FileKind::kDirectory) return Errno::kENOTTY;
  int count = 0;
  if (::ioctl(host_->fd(), FIONREAD, &count) != 0) return ErrnoFromHost(errno);
  TRY(ctx.memory().WriteValue<int32_t>(argument, count));
  return int64_t{0};
}

Result<void> HostFile::Sync(Context&, bool data_only) {
  if (kind() != vfs::FileKind::kRegular) return Errno::kEINVAL;
  if ((data_only ? ::fdatasync(host_->fd()) : ::fsync(host_->fd())) != 0) return ErrnoFromHost(errno);
  return {};
}

Result<Ref<mm::Mappable>> HostFile::Mmap(Context& ctx) {
  if (kind() != vfs::FileKind::kRegular) return Errno::kENODEV;
  const vfs::Attributes attributes = TRY(GetAttributes(ctx));
  return Ref<mm::Mappable>(MakeRef<HostMappable>(Ref<vfs::File>(*this), attributes, host_));
}

std::string HostFile::DisplayName() const { return path().dentry->name(); }

wait::EventMask HostFile::Readiness(wait::EventMask mask) {
  const wait::EventMask ready = host_->Readiness(mask);
  // Whoever finds nothing and is registered hears of the next event.
  if ((ready & mask) != mask && !host_->queue().empty()) host_->Arm(mask & ~ready);
  return ready;
}

void HostFile::AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive) {
  host_->queue().Add(waiter, mask, exclusive);
  host_->Arm(mask);
}

Result<Ref<vfs::File>> ImportHostFd(Context& ctx, HostPoller& poller, UniqueFd fd) {
  struct stat st;
  if (::fstat(fd.get(), &st) != 0) return ErrnoFromHost(errno);
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0) return ErrnoFromHost(errno);
  if ((flags & O_PATH) != 0) return Errno::kEINVAL;
  HostKind kind = HostKind::kOther;
  const uint32_t type = GuestType(st.st_mode);
  uint64_t rdev = 0;
  std::string name;
  switch (type) {
    case abi::kS_IFREG: kind = HostKind::kRegular; break;
    case abi::kS_IFDIR: kind = HostKind::kDirectory; break;
    case abi::kS_IFIFO: kind = HostKind::kPipe; break;
    case abi::kS_IFSOCK: kind = HostKind::kSocket; break;
    default:
      if (::isatty(fd.get()) == 1) kind = HostKind::kTty;
      rdev = st.st_rdev;
      break;
  }
  const uint32_t access = (flags & O_ACCMODE) == O_RDONLY   ? abi::kO_RDONLY
                          : (flags & O_ACCMODE) == O_WRONLY ? abi::kO_WRONLY
                                                            : abi::kO_RDWR;
  // The host's O_NONBLOCK is not the guest's: a guest's read of it blocks or not as the guest says.
  const uint32_t guest_flags = access | ((flags & O_APPEND) != 0 ? abi::kO_APPEND : 0);
  const Ref<HostDescriptor> host = MakeRef<HostDescriptor>(poller, std::move(fd), kind, access);
  const Ref<HostInode> inode = MakeRef<HostInode>(ctx, host, type, st.st_mode & 0777, rdev);
  switch (kind) {
    case HostKind::kPipe: name = absl::StrCat("pipe:[", inode->ino(), "]"); break;
    case HostKind::kSocket: name = absl::StrCat("socket:[", inode->ino(), "]"); break;
    default: name = absl::StrCat("host:[", inode->ino(), "]"); break;
  }
  const vfs::Path path = vfs::AnonymousPath(inode, std::move(name));
  return Ref<vfs::File>(MakeRef<HostFile>(host, GuestKind(kind), path, guest_flags));
}

}  // namespace ringwall::hostfs
