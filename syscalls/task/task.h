// Handlers of the task family: one declaration per call; the definitions are in the file named after their man page.
#pragma once

#include "abi/clone.h"
#include "abi/resource.h"
#include "abi/sched.h"
#include "abi/signal.h"
#include "syscalls/core/args.h"

namespace ringwall::syscalls {

// clone(2)
Result<int32_t> SysFork(Task& task);
Result<int32_t> SysVfork(Task& task);
Result<int32_t> SysClone(Task& task, uint64_t flags, UserAddr stack, UserAddr parent_tid, UserAddr child_tid, uint64_t tls);
Result<int32_t> SysClone3(Task& task, UserAddr args, uint64_t size);
// execve(2), execveat(2)
Result<KeepRegisters> SysExecve(Task& task, UserPath path, UserStringArray argv, UserStringArray envp);
Result<KeepRegisters> SysExecveat(Task& task, Fd dirfd, UserPath path, UserStringArray argv, UserStringArray envp, RawFlags flags);
// exit(2)
Result<KeepRegisters> SysExit(Task& task, int32_t status);
Result<KeepRegisters> SysExitGroup(Task& task, int32_t status);
// wait4(2), waitid(2)
Result<int32_t> SysWait4(Task& task, int32_t pid, UserOut<int32_t> status, RawFlags options, UserOut<abi::Rusage> usage);
Result<void> SysWaitid(Task& task, int32_t id_type, int32_t id, UserOut<abi::SigInfo> info, RawFlags options, UserOut<abi::Rusage> usage);
// getpid(2), gettid(2), getpgid(2), setpgid(2), getsid(2), setsid(2)
Result<Lasting<int32_t>> SysGetpid(Task& task);
Result<Lasting<int32_t>> SysGettid(Task& task);
Result<Lasting<int32_t>> SysGetppid(Task& task);
Result<int32_t> SysGetpgrp(Task& task);
Result<int32_t> SysGetpgid(Task& task, int32_t pid);
Result<void> SysSetpgid(Task& task, int32_t pid, int32_t pgid);
Result<int32_t> SysGetsid(Task& task, int32_t pid);
Result<int32_t> SysSetsid(Task& task);
// set_tid_address(2), get_robust_list(2)
Result<int32_t> SysSetTidAddress(Task& task, UserAddr address);
Result<void> SysSetRobustList(Task& task, UserAddr head, uint64_t length);
Result<void> SysGetRobustList(Task& task, int32_t pid, UserOut<uint64_t> head, UserOut<uint64_t> length);
// getrlimit(2), getrusage(2), times(2)
Result<void> SysGetrlimit(Task& task, int32_t resource, UserOut<abi::Rlimit> limit);
Result<void> SysSetrlimit(Task& task, int32_t resource, UserIn<abi::Rlimit> limit);
Result<void> SysPrlimit64(Task& task, int32_t pid, int32_t resource, UserIn<abi::Rlimit> new_limit, UserOut<abi::Rlimit> old_limit);
Result<void> SysGetrusage(Task& task, int32_t who, UserOut<abi::Rusage> usage);
Result<int64_t> SysTimes(Task& task, UserOut<abi::Tms> buffer);
// prctl(2), arch_prctl(2), personality(2)
Result<int64_t> SysPrctl(Task& task, int32_t option, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5);
Result<int64_t> SysArchPrctl(Task& task, int32_t code, uint64_t address);
Result<uint32_t> SysPersonality(Task& task, uint32_t persona);
// ptrace(2)
Result<int64_t> SysPtrace(Task& task, int64_t request, int64_t pid, uint64_t address, uint64_t data);
// sched(7)
Result<Lasting<int32_t>> SysSchedYield(Task& task);
Result<void> SysSchedSetaffinity(Task& task, int32_t pid, uint32_t length, UserAddr mask);
Result<int32_t> SysSchedGetaffinity(Task& task, int32_t pid, uint32_t length, UserAddr mask);
Result<void> SysSchedSetscheduler(Task& task, int32_t pid, int32_t policy, UserIn<abi::SchedParam> param);
Result<int32_t> SysSchedGetscheduler(Task& task, int32_t pid);
Result<void> SysSchedSetparam(Task& task, int32_t pid, UserIn<abi::SchedParam> param);
Result<void> SysSchedGetparam(Task& task, int32_t pid, UserOut<abi::SchedParam> param);
Result<void> SysSchedSetattr(Task& task, int32_t pid, UserAddr attr, uint32_t flags);
Result<void> SysSchedGetattr(Task& task, int32_t pid, UserAddr attr, uint32_t size, uint32_t flags);
Result<int32_t> SysSchedGetPriorityMax(Task& task, int32_t policy);
Result<int32_t> SysSchedGetPriorityMin(Task& task, int32_t policy);
Result<void> SysSchedRrGetInterval(Task& task, int32_t pid, UserOut<abi::Timespec> interval);
// getpriority(2), ioprio_get(2), getcpu(2)
Result<int32_t> SysGetpriority(Task& task, int32_t which, int32_t who);
Result<void> SysSetpriority(Task& task, int32_t which, int32_t who, int32_t priority);
Result<int32_t> SysIoprioGet(Task& task, int32_t which, int32_t who);
Result<void> SysIoprioSet(Task& task, int32_t which, int32_t who, int32_t ioprio);
Result<void> SysGetcpu(Task& task, UserOut<uint32_t> cpu, UserOut<uint32_t> node, UserAddr unused);
// unshare(2), setns(2)
Result<void> SysUnshare(Task& task, RawFlags flags);
Result<void> SysSetns(Task& task, Fd fd, RawFlags type);
// pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2)
Result<Fd> SysPidfdOpen(Task& task, int32_t pid, RawFlags flags);
Result<void> SysPidfdSendSignal(Task& task, Fd pidfd, int32_t signo, UserIn<abi::SigInfo> info, RawFlags flags);
Result<Fd> SysPidfdGetfd(Task& task, Fd pidfd, Fd target, RawFlags flags);
// kcmp(2)
Result<int32_t> SysKcmp(Task& task, int32_t pid1, int32_t pid2, int32_t type, uint64_t index1, uint64_t index2);

}  // namespace ringwall::syscalls
