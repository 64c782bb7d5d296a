// rt_sigtimedwait(2), rt_sigsuspend(2), pause(2), restart_syscall(2).
#include "sentry/signal/pending.h"
#include "sentry/task/signals.h"
#include "syscalls/signal/signal.h"

namespace ringwall::syscalls {

Result<int32_t> SysRtSigtimedwait(Task& task, UserIn<abi::SigSet> set, UserOut<abi::SigInfo> info, UserIn<abi::Timespec> timeout,
                                  uint64_t set_size) {
  if (set_size != sizeof(abi::SigSet)) return Errno::kEINVAL;
  abi::SigSet wanted = TRY(set.Read(task.memory()));
  wanted &= ~signal::kUnblockable;
  int64_t relative = -1;
  if (!timeout.is_null()) {
    const abi::Timespec ts = TRY(timeout.Read(task.memory()));
    if (!time::ValidTimespec(ts)) return Errno::kEINVAL;
    relative = time::ToNs(ts);
  }
  const abi::SigInfo taken = TRY(task::WaitForSignal(task, wanted, task.DeadlineAfter(relative)));
  TRY(info.WriteIfSet(task.memory(), taken));
  return taken.si_signo;
}

Result<void> SysRtSigsuspend(Task& task, UserIn<abi::SigSet> set, uint64_t set_size) {
  if (set_size != sizeof(abi::SigSet)) return Errno::kEINVAL;
  if (!task.IsRerun()) {
    const abi::SigSet mask = TRY(set.Read(task.memory()));
    task.SetTemporaryMask(mask & ~signal::kUnblockable);
  }
  return task.ParkUntilWoken(time::kNever, Errno::kRestartNoHand);
}

Result<void> SysPause(Task& task) { return task.ParkUntilWoken(time::kNever, Errno::kRestartNoHand); }

Result<int64_t> SysRestartSyscall(Task& task) {
  const Task::RestartFn restart = task.restart_fn();
  if (restart == nullptr) return Errno::kEINTR;
  return restart(task);
}

}  // namespace ringwall::syscalls
