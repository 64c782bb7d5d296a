// set_tid_address(2), set_robust_list(2), get_robust_list(2).
#include "abi/futex.h"
#include "sentry/cred/credentials.h"
#include "sentry/task/thread_group.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {

Result<int32_t> SysSetTidAddress(Task& task, UserAddr address) {
  task.clear_child_tid = address.value;
  return task.tid();
}

Result<void> SysSetRobustList(Task& task, UserAddr head, uint64_t length) {
  if (length != sizeof(abi::RobustListHead)) return Errno::kEINVAL;
  task.robust_list_head = head.value;
  return {};
}

Result<void> SysGetRobustList(Task& task, int32_t pid, UserOut<uint64_t> head, UserOut<uint64_t> length) {
  RefPtr<Task> target = RefPtr<Task>::Share(&task);
  if (pid != 0) target = task.thread_group().pids().FindTask(pid);
  if (!target) return Errno::kESRCH;
  if (target.get() != &task) {
    const auto creds = target->ShareCreds();
    if (creds && creds->uid != task.creds().euid && !task.creds().Has(abi::kCAP_SYS_PTRACE)) return Errno::kEPERM;
  }
  TRY(length.Write(task.memory(), sizeof(abi::RobustListHead)));
  return head.Write(task.memory(), target->robust_list_head);
}

}  // namespace ringwall::syscalls
