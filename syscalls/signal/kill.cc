// kill(2), tkill(2), tgkill(2), rt_sigqueueinfo(2), rt_tgsigqueueinfo(2).
#include "sentry/task/signals.h"
#include "sentry/task/thread_group.h"
#include "syscalls/signal/signal.h"

namespace ringwall::syscalls {
namespace {

Result<abi::SigInfo> ReadQueuedInfo(Task& task, UserIn<abi::SigInfo> user_info, int32_t signo, bool to_self) {
  abi::SigInfo info = TRY(user_info.Read(task.memory()));
  // Nobody may pretend to be the kernel or kill(2) towards others.
  if ((info.si_code >= 0 || info.si_code == abi::kSI_TKILL) && !to_self) return Errno::kEPERM;
  info.si_signo = signo;
  info.pad0_ = 0;
  return info;
}

}  // namespace

Result<void> SysKill(Task& task, int32_t pid, int32_t signo) { return task::Kill(task, pid, task::InfoFrom(task, signo, abi::kSI_USER)); }

Result<void> SysTkill(Task& task, int32_t tid, int32_t signo) {
  if (tid <= 0) return Errno::kEINVAL;
  return task::KillThread(task, -1, tid, task::InfoFrom(task, signo, abi::kSI_TKILL));
}

Result<void> SysTgkill(Task& task, int32_t tgid, int32_t tid, int32_t signo) {
  if (tgid <= 0 || tid <= 0) return Errno::kEINVAL;
  return task::KillThread(task, tgid, tid, task::InfoFrom(task, signo, abi::kSI_TKILL));
}

Result<void> SysRtSigqueueinfo(Task& task, int32_t pid, int32_t signo, UserIn<abi::SigInfo> user_info) {
  const abi::SigInfo info = TRY(ReadQueuedInfo(task, user_info, signo, task.ToKernelPid(pid) == task.tgid()));
  if (pid <= 0) return Errno::kESRCH;
  return task::Kill(task, pid, info);
}

Result<void> SysRtTgsigqueueinfo(Task& task, int32_t tgid, int32_t tid, int32_t signo, UserIn<abi::SigInfo> user_info) {
  TRY(user_info.Read(task.memory()));
  if (tgid <= 0 || tid <= 0) return Errno::kEINVAL;
  const abi::SigInfo info = TRY(ReadQueuedInfo(task, user_info, signo, task.ToKernelPid(tid) == task.tid()));
  return task::KillThread(task, tgid, tid, info);
}

}  // namespace ringwall::syscalls
