// read(2), pread(2), readv(2), preadv(2), preadv2(2).
#include "abi/uio.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/notify.h"
#include "syscalls/core/io.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {
namespace {

size_t Bounded(ByteCount count) { return static_cast<size_t>(std::min(count.value, kMaxRwCount)); }

}  // namespace

Result<int64_t> SysRead(Task& task, Fd fd, UserBuffer buffer, ByteCount count) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  mm::UserSink sink(task.memory(), buffer.address, Bounded(count));
  return ReadFile(task, file, sink);
}

Result<int64_t> SysPread64(Task& task, Fd fd, UserBuffer buffer, ByteCount count, int64_t offset) {
  if (offset < 0) return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  mm::UserSink sink(task.memory(), buffer.address, Bounded(count));
  return PReadFile(task, file, sink, offset);
}

Result<int64_t> SysReadv(Task& task, Fd fd, UserIovecs iov, int64_t count) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if (!file->readable()) return Errno::kEBADF;
  mm::IovecList segments = TRY(mm::ReadIovecs(task.memory(), iov.address, static_cast<uint64_t>(count)));
  mm::UserSink sink(task.memory(), std::move(segments));
  if (sink.remaining() == 0) return int64_t{0};  // the file is not asked
  return ReadFile(task, file, sink);
}

Result<int64_t> SysPreadv(Task& task, Fd fd, UserIovecs iov, int64_t count, int64_t offset) {
  if (offset < 0) return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  TRY(CheckHasPositions(file));
  if (!file->readable()) return Errno::kEBADF;
  mm::IovecList segments = TRY(mm::ReadIovecs(task.memory(), iov.address, static_cast<uint64_t>(count)));
  mm::UserSink sink(task.memory(), std::move(segments));
  if (sink.remaining() == 0) return int64_t{0};
  return PReadFile(task, file, sink, offset);
}

Result<int64_t> SysPreadv2(Task& task, Fd fd, UserIovecs iov, int64_t count, int64_t offset, uint64_t, RawFlags flags) {
  constexpr uint32_t kKnown = abi::kRWF_HIPRI | abi::kRWF_NOWAIT;
  if (offset < -1) return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if (offset != -1) TRY(CheckHasPositions(file));
  if (!file->readable()) return Errno::kEBADF;
  mm::IovecList segments = TRY(mm::ReadIovecs(task.memory(), iov.address, static_cast<uint64_t>(count)));
  if ((flags.value & ~kKnown) != 0) return Errno::kEOPNOTSUPP;
  mm::UserSink sink(task.memory(), std::move(segments));
  if (offset != -1) return PReadFile(task, file, sink, offset);
  if ((flags.value & abi::kRWF_NOWAIT) == 0) return ReadFile(task, file, sink);
  if (!file->readable()) return Errno::kEBADF;
  const size_t moved = TRY(file->Read(task, sink));  // EAGAIN goes to the caller
  if (moved != 0) vfs::NotifyFile(file, abi::kIN_ACCESS);
  return static_cast<int64_t>(moved);
}

}  // namespace ringwall::syscalls
