// ptrace(2): who traces whom, stops, and how they end. The tracer's requests on a stopped tracee are in requests.h.
#pragma once

#include <cstdint>

#include "abi/signal.h"
#include "absl/functional/function_ref.h"
#include "base/error/result.h"
#include "sentry/ptrace/task_ptrace.h"
#include "sentry/task/clone.h"
#include "sentry/task/thread_group.h"
#include "sentry/task/wait.h"

namespace ringwall::ptrace {

using task::PidTable;
using task::ThreadGroup;

// One stop as its tracer will see it.
struct StopReport {
  int32_t code = 0;  // signal, | 0x80 of system calls, | event << 8
  int32_t cld = abi::kCLD_TRAPPED;
  const abi::SigInfo* info = nullptr;  // PTRACE_GETSIGINFO; null: EINVAL
  uint64_t message = 0;
  uint8_t syscall_op = 0;
  uint32_t seccomp_data = 0;
  bool exit_stop = false;
};

class Engine {
 public:
  // ---- the tracee's side: its own thread, no locks held ----
  // Publishes the stop and tells the tracer. False when nobody traces the task or it is dying: it goes on. Else the caller parks with
  // Task::ParkInStop, and `stage` says where it goes on afterwards.
  static bool Stop(Task& task, const StopReport& report, Stage stage);
  // Still stopped? Then the task counts as stopped from here on. A dying one leaves its stop.
  static bool Stay(Task& task);
  static bool StopForSyscall(Task& task, bool entry, Stage stage);
  static bool StopForEvent(Task& task, int32_t event, uint64_t message, Stage stage, uint32_t seccomp_data = 0);
  static bool StopForSignal(Task& task, const abi::SigInfo& info);
  // A handler was set up for a stepped task: its first instruction is the next stop.
  static bool StopForStep(Task& task);
  // PTRACE_INTERRUPT and news about group-stops; then group-stops themselves. True: stopped.
  static bool StopIfAsked(Task& task);
  static bool StopForGroupStop(Task& task, int32_t signo);
  // The group-stop in progress has been shown to the tracer, who decided that the task runs.
  static bool RanOnFromGroupStop(Task& task);
  static bool Enabled(Task& task, uint32_t option);  // PTRACE_O_* of its tracer

  // ---- life ----
  // clone(2): the child's tracer, and the event for the parent. After the child was published, before it starts.
  static void OnClone(Task& parent, Task& child, const task::CloneRequest& request);
  static int32_t AsTracerKnows(Task& task, int32_t tid);  // in the tracer's pid namespace
  static void OnVforkDone(Task& parent, int32_t child_tid);
  // execve(2): `former_tid` of the thread that becomes the leader.
  static void OnExec(Task& task, int32_t former_tid);
  // True when set-user-ID bits do nothing because a tracer without CAP_SYS_PTRACE looks on (execve(2)).
  static bool HoldsBackPrivileges(Task& task);
  // The thread takes over the leader's number. Under the pid table's lock.
  static void OnTakeOverLocked(Task& task, Task* old_leader, int32_t new_tid);
  // A thread has ended: true when its number is kept for its tracer. Under the pid table's lock; `tell`: whom to notify afterwards.
  static bool OnThreadGoneLocked(Task& task, const task::Usage& usage, int32_t status, RefPtr<ThreadGroup>& tell);
  static void TellThreadGone(ThreadGroup& tracer, const Task& task, int32_t status);
  // The process has ended: true when a tracer of another process takes note of it first, before the parent does.
  static bool OnProcessGone(ThreadGroup& group);
  static bool HasTracer(ThreadGroup& group);  // its leader is traced
  // A tracer thread ends: its tracees are let go, or killed (PTRACE_O_EXITKILL).
  static void OnTracerGone(Task& tracer);
  // The zombie is reaped. Under the pid table's lock; the bond is dropped after it.
  static RefPtr<Tracee> OnReapLocked(ThreadGroup& group);
  // SIGCONT: under the pid table's lock and the siglock.
  static void OnContinueLocked(Task& task);

  // ---- wait4(2) ----
  // Looks at the tracees of the caller's threads. True: `result` is filled; `reap` is what to reap, if not null.
  struct Found {
    bool found = false;
    bool candidates = false;
    RefPtr<ThreadGroup> notify_parent;  // a zombie whose own parent learns of it now
    RefPtr<Tracee> gone;
  };
  static Found LookForLocked(Task& waiter, const task::WaitRequest& request, task::WaitResult& result) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  // The process's leader is traced by a thread of `group`. Under the pid table's lock.
  static bool TracedByLocked(const ThreadGroup& process, const ThreadGroup& group);
  static bool TracedByOtherLocked(const ThreadGroup& process, const ThreadGroup& group);

  // ---- the tracer's side ----
  static Result<void> TraceMe(Task& task);
  static Result<void> Attach(Task& tracer, Task& target, bool seize, uint32_t options);
  static Result<void> Interrupt(Task& tracer, Task& target);
  static Result<void> Kill(Task& tracer, Task& target);
  // Runs `work` while the tracee can't move: ESRCH when `tracer` does not trace it or it is not stopped.
  static Result<int64_t> WhileStopped(Task& tracer, Task& target, absl::FunctionRef<Result<int64_t>(Tracee&)> work);
  // These end the stop. EIO for a bad signal number.
  static Result<void> LetGo(Task& tracer, Task& target, Resume how, bool step, uint64_t signal);
  static Result<void> Detach(Task& tracer, Task& target, uint64_t signal);
  static Result<void> Listen(Task& tracer, Task& target);
  static int32_t TracerPid(const Task& task);  // 0: none
  // pending.h
  static std::vector<abi::SigInfo> PendingOf(Task& target, bool shared);
  static abi::SigSet MaskOf(Task& target);
  static void SetMaskOf(Task& target, abi::SigSet mask);

 private:
  static bool Dying(Task& task);
  static void LinkLocked(Task& tracer, Task& target, bool seized, uint32_t options);
  static RefPtr<Tracee> UnlinkLocked(Tracee& tracee);
  struct Bond {
    int32_t tid = 0;
    uint32_t uid = 0;
  };
  static void TellTracer(ThreadGroup& tracer, const Bond& who, int32_t cld, int32_t status);
  static abi::SigInfo SignalToGoOnWith(Task& tracer, Task& target, int32_t signal);
  static Result<Tracee*> StoppedLocked(Task& tracer, Task& target);
};

}  // namespace ringwall::ptrace
