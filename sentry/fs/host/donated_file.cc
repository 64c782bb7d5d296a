// Host calls on donated descriptors: preadv, pwritev2, fstat, fallocate, lseek, fsync.
#include "sentry/fs/host/donated_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "abi/device.h"

namespace ringwall::hostfs {

namespace {

constexpr size_t kSmall = 16 << 10;
constexpr size_t kLarge = 256 << 10;

// One buffer per thread that moves file data, grown to the large size by the first large transfer.
absl::Span<std::byte> Bounce(size_t wanted) {
  thread_local std::unique_ptr<std::byte[]> buffer;
  thread_local size_t size = 0;
  const size_t need = wanted <= kSmall ? kSmall : kLarge;
  if (size < need) {
    buffer.reset(new std::byte[need]);
    size = need;
  }
  return absl::Span<std::byte>(buffer.get(), std::min(size, wanted));
}

Errno LastError() { return ErrnoFromHost(errno); }

abi::Timespec Convert(const timespec& t) { return {t.tv_sec, t.tv_nsec}; }

// `put` moves bytes to the host and returns what pwrite returned.
template <typename Put>
Result<size_t> Push(mm::IoSource& source, size_t limit, Put put) {
  size_t total = 0;
  while (total < limit && source.remaining() != 0) {
    const absl::Span<std::byte> buffer = Bounce(std::min({limit - total, source.remaining(), kLarge}));
    const Result<size_t> got = source.Peek(buffer);
    if (!got.ok()) return total != 0 ? Result<size_t>(total) : got;
    const ssize_t n = put(buffer.data(), *got, total);
    if (n < 0) return total != 0 ? Result<size_t>(total) : LastError();
    source.Skip(static_cast<size_t>(n));
    total += static_cast<size_t>(n);
    if (static_cast<size_t>(n) < *got || *got < buffer.size()) break;
  }
  return total;
}

}  // namespace

Result<size_t> ReadDonated(SharedFd& fd, mm::IoSink& sink, uint64_t offset) {
  size_t total = sink.PutFile(fd, offset);
  while (sink.remaining() != 0) {
    const absl::Span<std::byte> buffer = Bounce(std::min(sink.remaining(), kLarge));
    if (offset > static_cast<uint64_t>(INT64_MAX) - total) break;
    ssize_t n;
    do {
      n = pread(fd.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset + total));
    } while (n < 0 && errno == EINTR);
    if (n < 0) return total != 0 ? Result<size_t>(total) : LastError();
    if (n == 0) break;
    const Result<size_t> put = sink.Put(buffer.subspan(0, static_cast<size_t>(n)));
    if (!put.ok()) return total != 0 ? Result<size_t>(total) : put;
    total += *put;
    if (*put < static_cast<size_t>(n) || static_cast<size_t>(n) < buffer.size()) break;
  }
  return total;
}

Result<size_t> WriteDonated(SharedFd& fd, mm::IoSource& source, uint64_t offset, size_t limit) {
  const size_t moved = source.TakeFile(fd, offset, limit);
  if (moved == limit || source.remaining() == 0) return moved;
  const Result<size_t> rest = Push(source, limit - moved, [&](const std::byte* data, size_t size, size_t done) {
    ssize_t n;
    do {
      n = pwrite(fd.get(), data, size, static_cast<off_t>(offset + moved + done));
    } while (n < 0 && errno == EINTR);
    return n;
  });
  if (!rest.ok()) return moved != 0 ? Result<size_t>(moved) : rest;
  return moved + *rest;
}

Result<size_t> AppendDonated(const SharedFd& fd, mm::IoSource& source, size_t limit, uint64_t& end) {
  const size_t total = TRY(Push(source, limit, [&](const std::byte* data, size_t size, size_t) {
    const iovec piece{const_cast<std::byte*>(data), size};
    ssize_t n;
    do {
      n = pwritev2(fd.get(), &piece, 1, 0, RWF_APPEND);
    } while (n < 0 && errno == EINTR);
    return n;
  }));
  struct stat st;
  if (fstat(fd.get(), &st) == 0) end = static_cast<uint64_t>(st.st_size);
  return total;
}

Result<vfs::Attributes> StatDonated(const SharedFd& fd) {
  struct stat st;
  if (fstat(fd.get(), &st) != 0) return LastError();
  vfs::Attributes a;
  a.dev = abi::MakeDev(major(st.st_dev), minor(st.st_dev));
  a.ino = st.st_ino;
  a.mode = st.st_mode;
  a.nlink = static_cast<uint32_t>(st.st_nlink);
  a.uid = st.st_uid;
  a.gid = st.st_gid;
  a.rdev = abi::MakeDev(major(st.st_rdev), minor(st.st_rdev));
  a.size = static_cast<uint64_t>(st.st_size);
  a.blocks = static_cast<uint64_t>(st.st_blocks);
  a.block_size = static_cast<uint32_t>(st.st_blksize);
  a.atime = Convert(st.st_atim);
  a.mtime = Convert(st.st_mtim);
  a.ctime = Convert(st.st_ctim);
  return a;
}

Result<void> TruncateDonated(const SharedFd& fd, uint64_t size) {
  if (size > static_cast<uint64_t>(INT64_MAX)) return Errno::kEINVAL;
  if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return LastError();
  return {};
}

Result<void> AllocateDonated(const SharedFd& fd, int32_t mode, uint64_t offset, uint64_t length) {
  if (offset > static_cast<uint64_t>(INT64_MAX) || length > static_cast<uint64_t>(INT64_MAX)) return Errno::kEINVAL;
  int result;
  do {
    result = fallocate(fd.get(), mode, static_cast<off_t>(offset), static_cast<off_t>(length));
  } while (result != 0 && errno == EINTR);
  if (result != 0) return LastError();
  return {};
}

Result<uint64_t> SeekDonated(const SharedFd& fd, uint64_t offset, bool hole) {
  if (offset > static_cast<uint64_t>(INT64_MAX)) return Errno::kENXIO;
  // The host's position of this descriptor means nothing to anybody: all transfers are positioned.
  const off_t at = lseek(fd.get(), static_cast<off_t>(offset), hole ? SEEK_HOLE : SEEK_DATA);
  if (at < 0) return LastError();
  return static_cast<uint64_t>(at);
}

Result<void> SyncDonated(const SharedFd& fd, bool data_only) {
  if ((data_only ? fdatasync(fd.get()) : fsync(fd.get())) != 0) return LastError();
  return {};
}

}  // namespace ringwall::hostfs
