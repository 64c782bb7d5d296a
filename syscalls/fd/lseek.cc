// lseek(2).
#include "sentry/vfs/fd_table.h"
#include "syscalls/core/io.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {

Result<int64_t> SysLseek(Task& task, Fd fd, int64_t offset, int32_t whence) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if (whence < abi::kSEEK_SET || whence > abi::kSEEK_HOLE) return Errno::kEINVAL;
  // Accepted, without a position that could move.
  if (IsEventFile(file)) return int64_t{0};
  return file->Seek(task, offset, whence);
}

}  // namespace ringwall::syscalls
