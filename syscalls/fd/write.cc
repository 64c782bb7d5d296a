// write(2), pwrite(2), writev(2), pwritev(2), pwritev2(2).
#include "abi/uio.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/core/io.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {
namespace {

size_t Bounded(ByteCount count) { return static_cast<size_t>(std::min(count.value, kMaxRwCount)); }

}  // namespace

Result<int64_t> SysWrite(Task& task, Fd fd, UserBuffer buffer, ByteCount count) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  mm::UserSource source(task.memory(), buffer.address, Bounded(count));
  return WriteFile(task, file, source);
}

Result<int64_t> SysPwrite64(Task& task, Fd fd, UserBuffer buffer, ByteCount count, int64_t offset) {
  if (offset < 0) return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  mm::UserSource source(task.memory(), buffer.address, Bounded(count));
  return PWriteFile(task, file, source, offset);
}

Result<int64_t> SysWritev(Task& task, Fd fd, UserIovecs iov, int64_t count) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if (!file->writable()) return Errno::kEBADF;
  mm::IovecList segments = TRY(mm::ReadIovecs(task.memory(), iov.address, static_cast<uint64_t>(count)));
  mm::UserSource source(task.memory(), std::move(segments));
  // Nothing to write: the file is not asked (a socket without a peer would say so to write(2)).
  if (source.remaining() == 0) return int64_t{0};
  return WriteFile(task, file, source);
}

Result<int64_t> SysPwritev(Task& task, Fd fd, UserIovecs iov, int64_t count, int64_t offset) {
  if (offset < 0) return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  TRY(CheckHasPositions(file));
  if (!file->writable()) return Errno::kEBADF;
  mm::IovecList segments = TRY(mm::ReadIovecs(task.memory(), iov.address, static_cast<uint64_t>(count)));
  mm::UserSource source(task.memory(), std::move(segments));
  if (source.remaining() == 0) return int64_t{0};
  return PWriteFile(task, file, source, offset);
}

Result<int64_t> SysPwritev2(Task& task, Fd fd, UserIovecs iov, int64_t count, int64_t offset, uint64_t, RawFlags flags) {
  constexpr uint32_t kSync = abi::kRWF_DSYNC | abi::kRWF_SYNC;
  if (offset < -1) return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if (offset != -1) TRY(CheckHasPositions(file));
  if (!file->writable()) return Errno::kEBADF;
  mm::IovecList segments = TRY(mm::ReadIovecs(task.memory(), iov.address, static_cast<uint64_t>(count)));
  mm::UserSource source(task.memory(), std::move(segments));
  if ((flags.value & ~(abi::kRWF_HIPRI | abi::kRWF_NOWAIT | abi::kRWF_APPEND | kSync)) != 0) return Errno::kEOPNOTSUPP;
  auto write = [&]() -> Result<int64_t> {
    if ((flags.value & abi::kRWF_APPEND) != 0) {
      const vfs::Attributes attributes = TRY(file->GetAttributes(task));
      return PWriteFile(task, file, source, static_cast<int64_t>(attributes.size));
    }
    if (offset != -1) return PWriteFile(task, file, source, offset);
    return WriteFile(task, file, source);
  };
  Result<int64_t> moved = write();
  if (moved.ok() && (flags.value & kSync) != 0) TRY(file->Sync(task, (flags.value & abi::kRWF_SYNC) == 0));
  return moved;
}

}  // namespace ringwall::syscalls
