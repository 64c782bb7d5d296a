// Stops of tracees (ptrace(2), "Ptrace stops"): published to the tracer, kept until it lets go.
#include "sentry/ptrace/engine.h"

#include <utility>

#include "abi/clone.h"
#include "abi/ptrace.h"
#include "abi/wait.h"
#include "sentry/cred/credentials.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/task/job_control.h"
#include "sentry/task/signal_path.h"
#include "sentry/task/task.h"

namespace ringwall::ptrace {

using task::SigLock;

bool Engine::Dying(Task& task) { return task.exiting() || task.thread_group().group_exiting(); }

void Engine::TellTracer(ThreadGroup& tracer, const Bond& who, int32_t cld, int32_t status) {
  bool wanted = false;
  {
    SigLock lock(tracer);
    const abi::SigAction& action = lock.action(abi::kSIGCHLD);
    const bool stop = cld == abi::kCLD_TRAPPED || cld == abi::kCLD_STOPPED || cld == abi::kCLD_CONTINUED;
    wanted = !stop || (action.handler != abi::kSIG_IGN && (action.flags & abi::kSA_NOCLDSTOP) == 0);
  }
  if (wanted) {
    abi::SigInfo info{};
    info.si_signo = abi::kSIGCHLD;
    info.si_code = cld;
    info.Set(abi::SigInfo::Child{.pid = tracer.pids().ToGuest(tracer.pid_ns(), who.tid), .uid = who.uid, .status = status});
    (void)tracer.SendSignal(info).ok();
  }
  tracer.NotifyChildChanged();
}

bool Engine::Stop(Task& task, const StopReport& report, Stage stage) {
  // The tracer is to see the code as it is, and to put breakpoints into it.
  if (!Dying(task)) task.mm().StopRewritingCalls(&task.thread());
  PidTable& pids = task.thread_group().pids();
  RefPtr<ThreadGroup> tracer;
  {
    MutexLock lock(pids.mu());
    Tracee* self = task.ptrace().self.get();
    if (self == nullptr || self->tracer == nullptr) return false;
    if (Dying(task) && !report.exit_stop) return false;
    self->stop_code = report.code;
    self->stop_cld = report.cld;
    self->has_info = report.info != nullptr;
    self->info = report.info != nullptr ? *report.info : abi::SigInfo{};
    self->message = report.message;
    self->syscall_op = report.syscall_op;
    self->seccomp_data = report.seccomp_data;
    self->exit_stop = report.exit_stop;
    self->listening = false;
    self->stop_unreported = true;
    self->stopped = true;
    task.ptrace().stage = stage;
    task.ptrace().resume_signal.store(0);
    tracer = RefPtr<ThreadGroup>::Share(&self->tracer->thread_group());
  }
  TellTracer(*tracer, {.tid = task.tid(), .uid = task.creds().uid}, report.cld, report.code & 0x7f);
  return true;
}

bool Engine::Stay(Task& task) {
  PidTable& pids = task.thread_group().pids();
  MutexLock lock(pids.mu());
  Tracee* self = task.ptrace().self.get();
  task.ptrace().in_stop.store(false, std::memory_order_relaxed);
  if (self == nullptr || !self->stopped) return false;
  if (Dying(task) && !self->frozen && !self->exit_stop) {
    self->stopped = false;
    self->stop_unreported = false;
    return false;
  }
  task.ptrace().in_stop.store(true, std::memory_order_relaxed);
  task.run_state_.store(Task::RunState::kStopped, std::memory_order_seq_cst);
  return true;
}

namespace {

// What PTRACE_GETSIGINFO gives in the stops that are no signals: the stop's signal and code, from the tracee itself.
abi::SigInfo TrapInfo(const Task& task, int32_t code) {
  abi::SigInfo info{};
  info.si_signo = code & 0x7f;
  info.si_code = code;
  info.Set(abi::SigInfo::Kill{.pid = task.ToGuestPid(task.tid()), .uid = task.creds().uid});
  return info;
}

}  // namespace

bool Engine::Enabled(Task& task, uint32_t option) {
  MutexLock lock(task.thread_group().pids().mu());
  const Tracee* self = task.ptrace().self.get();
  return self != nullptr && self->tracer != nullptr && (self->options & option) != 0;
}

bool Engine::StopForSyscall(Task& task, bool entry, Stage stage) {
  const int32_t code = abi::kSIGTRAP | (Enabled(task, abi::kPTRACE_O_TRACESYSGOOD) ? 0x80 : 0);
  const abi::SigInfo info = TrapInfo(task, code);
  return Stop(task,
              {.code = code,
               .info = &info,
               .message = entry ? abi::kPTRACE_EVENTMSG_SYSCALL_ENTRY : abi::kPTRACE_EVENTMSG_SYSCALL_EXIT,
               .syscall_op = entry ? abi::kPTRACE_SYSCALL_INFO_ENTRY : abi::kPTRACE_SYSCALL_INFO_EXIT},
              stage);
}

bool Engine::StopForEvent(Task& task, int32_t event, uint64_t message, Stage stage, uint32_t seccomp_data) {
  if (!Enabled(task, 1u << event)) return false;
  const int32_t code = abi::kSIGTRAP | event << 8;
  const abi::SigInfo info = TrapInfo(task, code);
  const bool seccomp = event == abi::kPTRACE_EVENT_SECCOMP;
  return Stop(task,
              {.code = code,
               .info = &info,
               .message = message,
               .syscall_op = seccomp ? abi::kPTRACE_SYSCALL_INFO_SECCOMP : abi::kPTRACE_SYSCALL_INFO_NONE,
               .seccomp_data = seccomp_data,
               .exit_stop = event == abi::kPTRACE_EVENT_EXIT},
              stage);
}

bool Engine::StopForSignal(Task& task, const abi::SigInfo& info) {
  TaskPtrace& own = task.ptrace();
  own.delivery_info = info;
  own.next_signal = info;  // what happens if nobody decides otherwise
  own.delivery_stop = Stop(task, {.code = info.si_signo, .info = &info}, Stage::kReturn);
  return own.delivery_stop;
}

bool Engine::StopForStep(Task& task) {
  const abi::SigInfo info = TrapInfo(task, abi::kSIGTRAP);
  return Stop(task, {.code = abi::kSIGTRAP, .info = &info}, Stage::kReturn);
}

bool Engine::StopIfAsked(Task& task) {
  ThreadGroup& group = task.thread_group();
  int32_t signo = abi::kSIGTRAP;
  {
    MutexLock lock(group.pids().mu());
    Tracee* self = task.ptrace().self.get();
    if (self == nullptr || !self->trap_asked) return false;
    self->trap_asked = false;
    task.ptrace().trap_hint.store(false);
    SigLock siglock(group);
    if (group.stop_pending_.load(std::memory_order_relaxed)) {
      signo = group.stop_signal_;
      self->in_group_stop = true;
    }
  }
  const int32_t code = signo | abi::kPTRACE_EVENT_STOP << 8;
  const abi::SigInfo info = TrapInfo(task, code);
  return Stop(task, {.code = code, .cld = abi::kCLD_STOPPED, .info = &info}, Stage::kReturn);
}

bool Engine::StopForGroupStop(Task& task, int32_t signo) {
  bool seized = false;
  {
    MutexLock lock(task.thread_group().pids().mu());
    Tracee* self = task.ptrace().self.get();
    if (self == nullptr || self->tracer == nullptr) return false;
    seized = self->seized;
    self->in_group_stop = true;
  }
  if (!seized) return Stop(task, {.code = signo, .cld = abi::kCLD_STOPPED}, Stage::kReturn);
  const int32_t code = signo | abi::kPTRACE_EVENT_STOP << 8;
  const abi::SigInfo info = TrapInfo(task, code);
  return Stop(task, {.code = code, .cld = abi::kCLD_STOPPED, .info = &info}, Stage::kReturn);
}

bool Engine::RanOnFromGroupStop(Task& task) {
  MutexLock lock(task.thread_group().pids().mu());
  const Tracee* self = task.ptrace().self.get();
  return self != nullptr && self->tracer != nullptr && self->in_group_stop;
}

void Engine::OnContinueLocked(Task& task) {
  Tracee* self = task.ptrace().self.get();
  if (self == nullptr || self->tracer == nullptr) return;
  const bool shown = std::exchange(self->in_group_stop, false);
  // PTRACE_SEIZEd tracees tell that the group-stop is over: PTRACE_EVENT_STOP with SIGTRAP. Those that listen do so at once.
  if (!self->seized || !shown) return;
  self->trap_asked = true;
  task.ptrace().trap_hint.store(true);
  if (self->stopped && self->listening) {
    self->stopped = false;
    self->listening = false;
  }
}

// ---- clone(2), execve(2) -----------------------------------------------------------------------------------------------------

void Engine::OnClone(Task& parent, Task& child, const task::CloneRequest& request) {
  if ((parent.call_work() & Task::kWorkTraced) == 0) return;
  int32_t event = 0;
  if ((request.flags & abi::kCLONE_UNTRACED) == 0) {
    if ((request.flags & abi::kCLONE_VFORK) != 0) {
      event = abi::kPTRACE_EVENT_VFORK;
    } else if (request.exit_signal != abi::kSIGCHLD || (request.flags & abi::kCLONE_THREAD) != 0) {
      event = abi::kPTRACE_EVENT_CLONE;
    } else {
      event = abi::kPTRACE_EVENT_FORK;
    }
  }
  MutexLock lock(parent.thread_group().pids().mu());
  Tracee* self = parent.ptrace().self.get();
  if (self == nullptr || self->tracer == nullptr) return;
  if (event != 0 && (self->options & (1u << event)) == 0) event = 0;
  if (event != 0) {
    parent.ptrace().event = event;
    const int32_t known_as = parent.thread_group().pids().ToGuestLocked(self->tracer->thread_group().pid_ns(), child.tid());
    parent.ptrace().event_message = static_cast<uint64_t>(known_as);
  }
  if (event == 0 && (request.flags & abi::kCLONE_PTRACE) == 0) return;
  LinkLocked(*self->tracer, child, self->seized, self->options);
  if (self->seized) {
    child.ptrace().self->trap_asked = true;
    child.ptrace().trap_hint.store(true);
  } else {
    abi::SigInfo info{};
    info.si_signo = abi::kSIGSTOP;
    info.si_code = abi::kSI_USER;
    SigLock siglock(child.thread_group());
    (void)child.pending_->Add(info, ~uint64_t{0}).ok();
  }
  child.attention_.store(true, std::memory_order_seq_cst);
}

int32_t Engine::AsTracerKnows(Task& task, int32_t tid) {
  PidTable& pids = task.thread_group().pids();
  MutexLock lock(pids.mu());
  const Tracee* self = task.ptrace().self.get();
  return self != nullptr && self->tracer != nullptr ? pids.ToGuestLocked(self->tracer->thread_group().pid_ns(), tid) : 0;
}

void Engine::OnVforkDone(Task& parent, int32_t child_tid) {
  if ((parent.call_work() & Task::kWorkTraced) == 0 || !Enabled(parent, abi::kPTRACE_O_TRACEVFORKDONE)) return;
  parent.ptrace().event = abi::kPTRACE_EVENT_VFORK_DONE;
  parent.ptrace().event_message = static_cast<uint64_t>(AsTracerKnows(parent, child_tid));
}

void Engine::OnExec(Task& task, int32_t former_tid) {
  if ((task.call_work() & Task::kWorkTraced) == 0) return;
  bool seized = false;
  {
    MutexLock lock(task.thread_group().pids().mu());
    const Tracee* self = task.ptrace().self.get();
    if (self == nullptr || self->tracer == nullptr) return;
    seized = self->seized;
  }
  // The exit-stop still shows the call that this was.
  task.regs().orig_rax = static_cast<uint64_t>(task.current_syscall());
  if (Enabled(task, abi::kPTRACE_O_TRACEEXEC)) {
    task.ptrace().event = abi::kPTRACE_EVENT_EXEC;
    task.ptrace().event_message = static_cast<uint64_t>(AsTracerKnows(task, former_tid));
  } else if (!seized) {
    abi::SigInfo info{};
    info.si_signo = abi::kSIGTRAP;
    info.si_code = abi::kSI_USER;
    info.Set(abi::SigInfo::Kill{.pid = task.ToGuestPid(task.tgid()), .uid = task.creds().uid});
    (void)task.SendSignal(info).ok();
  }
}

bool Engine::HoldsBackPrivileges(Task& task) {
  if ((task.call_work() & Task::kWorkTraced) == 0) return false;
  RefPtr<Task> tracer;
  {
    MutexLock lock(task.thread_group().pids().mu());
    const Tracee* self = task.ptrace().self.get();
    if (self != nullptr) tracer = RefPtr<Task>::Share(self->tracer);
  }
  if (!tracer) return false;
  const RefPtr<const cred::Credentials> creds = tracer->ShareCreds();
  return !creds || !creds->Has(abi::kCAP_SYS_PTRACE);
}

void Engine::OnTakeOverLocked(Task& task, Task* old_leader, int32_t new_tid) {
  // The leader vanishes without a report (ptrace(2), "execve(2) under ptrace").
  if (old_leader != nullptr && old_leader->ptrace().self) (void)UnlinkLocked(*old_leader->ptrace().self);
  if (task.ptrace().self) task.ptrace().self->tid = new_tid;
}

}  // namespace ringwall::ptrace
