// set_tid_address(2), set_robust_list(2), get_robust_list(2).
#include "abi/futex.h"
#include "sentry/task/ptrace_access.h"
#include "sentry/task/thread_group.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {

Result<int32_t> SysSetTidAddress(Task& task, UserAddr address) {
  task.clear_child_tid = address.value;
  return task.ToGuestPid(task.tid());
}

Result<void> SysSetRobustList(Task& task, UserAddr head, uint64_t length) {
  if (length != sizeof(abi::RobustListHead)) return Errno::kEINVAL;
  task.robust_list_head = head.value;
  return {};
}

Result<void> SysGetRobustList(Task& task, int32_t pid, UserOut<uint64_t> head, UserOut<uint64_t> length) {
  RefPtr<Task> target = RefPtr<Task>::Share(&task);
  if (pid != 0) target = task.thread_group().pids().FindTask(task.ToKernelPid(pid));
  if (!target) return Errno::kESRCH;
  if (target.get() != &task) TRY(task::CheckPtraceAccess(task, *target, task::PtraceCreds::kReal));
  TRY(length.Write(task.memory(), sizeof(abi::RobustListHead)));
  return head.Write(task.memory(), target->robust_list_head);
}

}  // namespace ringwall::syscalls
