// Handlers of the signal family: one declaration per call; the definitions are in the file named after their man page.
#pragma once

#include "abi/signal.h"
#include "abi/time.h"
#include "syscalls/core/args.h"

namespace ringwall::syscalls {

Result<void> SysRtSigaction(Task& task, int32_t signo, UserIn<abi::SigAction> action, UserOut<abi::SigAction> old_action,
                            uint64_t set_size);
Result<void> SysRtSigprocmask(Task& task, int32_t how, UserIn<abi::SigSet> set, UserOut<abi::SigSet> old_set, uint64_t set_size);
Result<KeepRegisters> SysRtSigreturn(Task& task);
Result<void> SysRtSigpending(Task& task, UserAddr set, uint64_t set_size);
Result<int32_t> SysRtSigtimedwait(Task& task, UserIn<abi::SigSet> set, UserOut<abi::SigInfo> info, UserIn<abi::Timespec> timeout,
                                  uint64_t set_size);
Result<void> SysRtSigqueueinfo(Task& task, int32_t pid, int32_t signo, UserIn<abi::SigInfo> info);
Result<void> SysRtTgsigqueueinfo(Task& task, int32_t tgid, int32_t tid, int32_t signo, UserIn<abi::SigInfo> info);
Result<void> SysRtSigsuspend(Task& task, UserIn<abi::SigSet> set, uint64_t set_size);
Result<void> SysSigaltstack(Task& task, UserIn<abi::StackT> stack, UserOut<abi::StackT> old_stack);
Result<void> SysKill(Task& task, int32_t pid, int32_t signo);
Result<void> SysTkill(Task& task, int32_t tid, int32_t signo);
Result<void> SysTgkill(Task& task, int32_t tgid, int32_t tid, int32_t signo);
Result<void> SysPause(Task& task);
Result<int64_t> SysRestartSyscall(Task& task);

}  // namespace ringwall::syscalls
