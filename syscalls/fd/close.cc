// close(2), close_range(2).
#include <utility>
#include <vector>

#include "sentry/vfs/fd_table.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {

Result<void> SysClose(Task& task, Fd fd) {
  const Ref<vfs::File> file = TRY(task.fds().Remove(fd));
  auto closed = vfs::FinishClose(task, file, task.fds());
  // The number is free already: a restart would close somebody else's file (close(2), "Dealing with error returns").
  if (!closed.ok() && (IsRestartCode(closed.error()) || closed.error() == Errno::kEINTR)) return Errno::kEINTR;
  return closed;
}

Result<void> SysCloseRange(Task& task, uint32_t first, uint32_t last, RawFlags flags) {
  if ((flags.value & ~(abi::kCLOSE_RANGE_UNSHARE | abi::kCLOSE_RANGE_CLOEXEC)) != 0 || first > last) return Errno::kEINVAL;
  if ((flags.value & abi::kCLOSE_RANGE_UNSHARE) != 0 && task.fds().ref_count() > 1) task.SetFds(task.fds().Clone());
  if ((flags.value & abi::kCLOSE_RANGE_CLOEXEC) != 0) {
    task.fds().SetCloexecRange(first, last);
    return {};
  }
  for (auto& [fd, file] : task.fds().RemoveRange(first, last)) (void)vfs::FinishClose(task, file, task.fds()).ok();
  return {};
}

}  // namespace ringwall::syscalls
