// What the signal calls are made of: kill(2), tgkill(2), sigaction(2), sigaltstack(2). Delivery itself is in deliver.cc.
#pragma once

#include <cstdint>

#include "abi/signal.h"
#include "base/error/result.h"
#include "sentry/task/task.h"

namespace ringwall::task {

class PidTable;
class ThreadGroup;

// siginfo of kill(2) (SI_USER) or tgkill(2) (SI_TKILL) by `sender`.
abi::SigInfo InfoFrom(const Task& sender, int signo, int32_t si_code);
// credentials(7): may `sender` signal `target`? EPERM.
Result<void> MaySignal(Task& sender, ThreadGroup& target, int signo);
// kill(2)'s addressing: > 0 a process, 0 the caller's group, -1 everybody but init and the caller, < -1 a process group. Checks permission;
// si_signo 0 only checks. EINVAL, EPERM, ESRCH.
Result<void> Kill(Task& sender, int32_t pid, const abi::SigInfo& info);
// Every member of a process group, without permission checks (terminals). ESRCH when it has none.
Result<void> SignalProcessGroup(PidTable& pids, int32_t pgid, const abi::SigInfo& info);
// tgkill(2); tgid <= 0 means any process (tkill). EINVAL, EPERM, ESRCH.
Result<void> KillThread(Task& sender, int32_t tgid, int32_t tid, const abi::SigInfo& info);
// sigtimedwait(2): takes a signal of `set`, parking until one comes. EAGAIN at the deadline (absolute; time::kNever), EINTR when another
// signal's handler is to run.
Result<abi::SigInfo> WaitForSignal(Task& task, abi::SigSet set, int64_t deadline_ns);
// sigaction(2): the old action; `next` may be null. EINVAL. Ignoring a signal drops pending instances.
Result<abi::SigAction> ChangeAction(Task& task, int signo, const abi::SigAction* next);
// sigaltstack(2): EPERM on the stack itself, EINVAL, ENOMEM.
Result<void> SetAltStack(Task& task, const abi::StackT& stack, uint64_t stack_pointer);
// The current one as sigaltstack(2) reports it, SS_ONSTACK included.
abi::StackT GetAltStack(const Task& task, uint64_t stack_pointer);
// True while the stack pointer is on the alternate stack.
bool OnAltStack(const abi::StackT& stack, uint64_t stack_pointer);

}  // namespace ringwall::task
