// exit(2), exit_group(2).
#include "abi/wait.h"
#include "sentry/task/thread_group.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {

Result<KeepRegisters> SysExit(Task& task, int32_t status) {
  task.RequestExit(abi::ExitStatus(status));
  return KeepRegisters{};
}

Result<KeepRegisters> SysExitGroup(Task& task, int32_t status) {
  task.thread_group().RequestGroupExit(abi::ExitStatus(status));
  return KeepRegisters{};
}

}  // namespace ringwall::syscalls
