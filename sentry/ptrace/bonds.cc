// Who traces whom (ptrace(2), "Attaching and detaching", "Death under ptrace"), and what a tracer's wait4(2) finds.
#include <algorithm>
#include <utility>

#include "abi/capability.h"
#include "abi/ptrace.h"
#include "abi/wait.h"
#include "sentry/cred/credentials.h"
#include "sentry/ptrace/engine.h"
#include "sentry/task/exit.h"
#include "sentry/task/ptrace_access.h"
#include "sentry/task/signal_path.h"
#include "sentry/task/task.h"

namespace ringwall::ptrace {

void Engine::LinkLocked(Task& tracer, Task& target, bool seized, uint32_t options) {
  const Ref<Tracee> bond = MakeRef<Tracee>(&target, target.tid(), target.thread_group_ref(), &tracer, seized, options);
  target.ptrace().self = RefPtr<Tracee>(bond);
  tracer.ptrace().tracees.push_back(bond);
  target.AddCallWork(Task::kWorkTraced);
}

RefPtr<Tracee> Engine::UnlinkLocked(Tracee& tracee) {
  RefPtr<Tracee> keep = RefPtr<Tracee>::Share(&tracee);
  if (tracee.tracer != nullptr) {
    auto& list = tracee.tracer->ptrace().tracees;
    list.erase(std::remove_if(list.begin(), list.end(), [&](const Ref<Tracee>& t) { return t.get() == &tracee; }), list.end());
    tracee.tracer = nullptr;
  }
  if (Task* task = tracee.task) {
    task->ptrace().self.reset();
    task->ptrace().resume.store(Resume::kRun);
    task->ptrace().step.store(false);
    task->ptrace().trap_hint.store(false);
    task->DropCallWork(Task::kWorkTraced);
    tracee.task = nullptr;
  }
  tracee.stopped = false;
  return keep;
}

Result<void> Engine::TraceMe(Task& task) {
  RefPtr<Task> tracer;
  PidTable& pids = task.thread_group().pids();
  MutexLock lock(pids.mu());
  if (task.ptrace().self) return Errno::kEPERM;
  const ThreadGroup::Family& family = task.thread_group().family_;
  ThreadGroup* parent = family.parent;
  if (parent == nullptr || parent->family_.threads.empty()) return {};  // nobody there to trace it: as if it never stopped
  Task* by = nullptr;
  for (Task* t : parent->family_.threads) {
    if (t == family.parent_thread) by = t;
  }
  if (by == nullptr) by = parent->family_.threads.front();
  tracer = RefPtr<Task>::Share(by);
  LinkLocked(*by, task, /*seized=*/false, 0);
  return {};
}

Result<void> Engine::Attach(Task& tracer, Task& target, bool seize, uint32_t options) {
  if (&tracer.thread_group() == &target.thread_group()) return Errno::kEPERM;
  TRY(task::CheckPtraceAccess(tracer, target, task::PtraceCreds::kReal));
  PidTable& pids = tracer.thread_group().pids();
  {
    MutexLock lock(pids.mu());
    const auto& threads = target.thread_group().family_.threads;
    if (std::find(threads.begin(), threads.end(), &target) == threads.end() || target.ptrace().self) return Errno::kEPERM;
    if (Dying(target)) return Errno::kEPERM;
    LinkLocked(tracer, target, seize, options);
    if (!seize) {
      abi::SigInfo info{};
      info.si_signo = abi::kSIGSTOP;
      info.si_code = abi::kSI_KERNEL;
      task::SigLock siglock(target.thread_group());
      (void)target.pending_->Add(info, ~uint64_t{0}).ok();
    }
  }
  target.Kick();
  return {};
}

Result<void> Engine::Interrupt(Task& tracer, Task& target) {
  {
    MutexLock lock(tracer.thread_group().pids().mu());
    Tracee* bond = target.ptrace().self.get();
    if (bond == nullptr || bond->tracer != &tracer) return Errno::kESRCH;
    if (!bond->seized) return Errno::kEIO;
    bond->trap_asked = true;
    target.ptrace().trap_hint.store(true);
    // A listening tracee shows its group-stop again.
    if (bond->stopped && bond->listening) {
      bond->stopped = false;
      bond->listening = false;
    }
  }
  target.Kick();
  return {};
}

Result<void> Engine::Kill(Task& tracer, Task& target) {
  {
    MutexLock lock(tracer.thread_group().pids().mu());
    const Tracee* bond = target.ptrace().self.get();
    if (bond == nullptr || bond->tracer != &tracer) return Errno::kESRCH;
  }
  abi::SigInfo info{};
  info.si_signo = abi::kSIGKILL;
  info.si_code = abi::kSI_KERNEL;
  return target.SendSignal(info);
}

Result<Tracee*> Engine::StoppedLocked(Task& tracer, Task& target) {
  Tracee* bond = target.ptrace().self.get();
  if (bond == nullptr || bond->tracer != &tracer || !bond->stopped || bond->listening) return Errno::kESRCH;
  if (Dying(target) && !bond->exit_stop) return Errno::kESRCH;
  return bond;
}

Result<int64_t> Engine::WhileStopped(Task& tracer, Task& target, absl::FunctionRef<Result<int64_t>(Tracee&)> work) {
  PidTable& pids = tracer.thread_group().pids();
  RefPtr<Tracee> bond;
  {
    MutexLock lock(pids.mu());
    Tracee* found = TRY(StoppedLocked(tracer, target));
    found->frozen = true;
    bond = RefPtr<Tracee>::Share(found);
  }
  Result<int64_t> result = work(*bond);
  bool dying = false;
  {
    MutexLock lock(pids.mu());
    bond->frozen = false;
    dying = Dying(target);
  }
  if (dying) target.Kick();
  return result;
}

abi::SigInfo Engine::SignalToGoOnWith(Task& tracer, Task& target, int32_t signal) {
  abi::SigInfo info{};
  if (signal == 0) return info;
  if (signal == target.ptrace().delivery_info.si_signo) return target.ptrace().delivery_info;
  info.si_signo = signal;
  info.si_code = abi::kSI_USER;
  info.Set(abi::SigInfo::Kill{.pid = target.ToGuestPid(tracer.tgid()), .uid = tracer.creds().uid});
  return info;
}

Result<void> Engine::LetGo(Task& tracer, Task& target, Resume how, bool step, uint64_t signal) {
  if (signal > static_cast<uint64_t>(abi::kNumSignals)) return Errno::kEIO;
  {
    MutexLock lock(tracer.thread_group().pids().mu());
    Tracee* bond = TRY(StoppedLocked(tracer, target));
    TaskPtrace& theirs = target.ptrace();
    theirs.resume.store(how);
    theirs.step.store(step);
    theirs.next_signal = SignalToGoOnWith(tracer, target, static_cast<int32_t>(signal));
    theirs.resume_signal.store(static_cast<int32_t>(signal));
    if (step) {
      target.AddCallWork(Task::kWorkStepping);
    } else {
      target.DropCallWork(Task::kWorkStepping);
    }
    bond->stopped = false;
    bond->stop_unreported = false;
    bond->exit_stop = false;
  }
  target.Kick();
  return {};
}

Result<void> Engine::Detach(Task& tracer, Task& target, uint64_t signal) {
  if (signal > static_cast<uint64_t>(abi::kNumSignals)) return Errno::kEIO;
  RefPtr<Tracee> bond;
  {
    MutexLock lock(tracer.thread_group().pids().mu());
    Tracee* found = TRY(StoppedLocked(tracer, target));
    target.ptrace().next_signal = SignalToGoOnWith(tracer, target, static_cast<int32_t>(signal));
    target.ptrace().resume_signal.store(static_cast<int32_t>(signal));
    bond = UnlinkLocked(*found);
  }
  target.Kick();
  return {};
}

Result<void> Engine::Listen(Task& tracer, Task& target) {
  MutexLock lock(tracer.thread_group().pids().mu());
  Tracee* bond = TRY(StoppedLocked(tracer, target));
  if (!bond->seized || bond->stop_code >> 8 != abi::kPTRACE_EVENT_STOP) return Errno::kEIO;
  bond->listening = true;
  // What happened since the stop was shown is told at once.
  if (bond->trap_asked) {
    bond->stopped = false;
    bond->listening = false;
    const Ref<Task> keep(target);
    keep->attention_.store(true, std::memory_order_seq_cst);
    Task::RunState expected = Task::RunState::kStopped;
    if (keep->run_state_.compare_exchange_strong(expected, Task::RunState::kRunning)) keep->Enqueue();
  }
  return {};
}

int32_t Engine::TracerPid(const Task& task) {
  MutexLock lock(task.thread_group().pids().mu());
  const Tracee* bond = task.ptrace().self.get();
  return bond != nullptr && bond->tracer != nullptr ? bond->tracer->tgid() : 0;
}

// ---- death ------------------------------------------------------------------------------------------------------------------

bool Engine::OnThreadGoneLocked(Task& task, const task::Usage& usage, int32_t status, RefPtr<ThreadGroup>& tell) {
  Tracee* bond = task.ptrace().self.get();
  if (bond == nullptr || bond->tracer == nullptr) return false;
  bond->stopped = false;
  bond->stop_unreported = false;
  bond->usage = usage;
  bond->uid = task.creds().uid;
  if (task.tid() == task.thread_group().pid()) return false;  // reported when the process has ended
  bond->dead = true;
  bond->wait_status = status;
  bond->task = nullptr;
  tell = RefPtr<ThreadGroup>::Share(&bond->tracer->thread_group());
  return true;
}

void Engine::TellThreadGone(ThreadGroup& tracer, const Task& task, int32_t status) {
  const bool exited = abi::StatusExited(status);
  TellTracer(tracer, {.tid = task.tid(), .uid = task.creds().uid}, exited ? abi::kCLD_EXITED : abi::kCLD_KILLED,
             exited ? abi::StatusExitCode(status) : abi::StatusTermSignal(status));
}

bool Engine::OnProcessGone(ThreadGroup& group) {
  RefPtr<ThreadGroup> tracer;
  Bond who;
  int32_t status = 0;
  {
    MutexLock lock(group.pids().mu());
    const ThreadGroup::Family& family = group.family_;
    if (family.leader == nullptr) return false;
    Tracee* bond = family.leader->ptrace().self.get();
    if (bond == nullptr || bond->tracer == nullptr) return false;
    bond->dead = true;
    status = bond->wait_status = family.wait_status;
    who = {.tid = group.pid(), .uid = bond->uid};
    if (&bond->tracer->thread_group() == family.parent) return false;  // the parent learns of it as of any child
    tracer = RefPtr<ThreadGroup>::Share(&bond->tracer->thread_group());
  }
  const bool exited = abi::StatusExited(status);
  TellTracer(*tracer, who, exited ? abi::kCLD_EXITED : abi::kCLD_KILLED,
             exited ? abi::StatusExitCode(status) : abi::StatusTermSignal(status));
  return true;
}

bool Engine::HasTracer(ThreadGroup& group) {
  MutexLock lock(group.pids().mu());
  return group.family_.leader != nullptr && group.family_.leader->ptrace().self;
}

void Engine::OnTracerGone(Task& tracer) {
  PidTable& pids = tracer.thread_group().pids();
  std::vector<RefPtr<Tracee>> bonds;
  std::vector<Ref<Task>> kill, go_on;
  std::vector<Ref<ThreadGroup>> zombies;
  {
    MutexLock lock(pids.mu());
    auto& list = tracer.ptrace().tracees;
    while (!list.empty()) {
      Tracee& bond = *list.back();
      if (bond.dead) {
        if (bond.tid == bond.group->pid()) {
          zombies.push_back(bond.group);
        } else {
          pids.ReleaseLocked(bond.tid);
        }
      }
      if (bond.task != nullptr && !bond.dead) ((bond.options & abi::kPTRACE_O_EXITKILL) != 0 ? kill : go_on).emplace_back(*bond.task);
      bonds.push_back(UnlinkLocked(bond));
    }
  }
  for (const Ref<Task>& t : kill) {
    abi::SigInfo info{};
    info.si_signo = abi::kSIGKILL;
    info.si_code = abi::kSI_KERNEL;
    (void)t->SendSignal(info).ok();
    t->Kick();
  }
  for (const Ref<Task>& t : go_on) t->Kick();
  // Their own parents may have them now.
  for (const Ref<ThreadGroup>& zombie : zombies) {
    if (task::NotifyParentOfExit(*zombie)) task::ExitPath::Reap(*zombie);
  }
}

RefPtr<Tracee> Engine::OnReapLocked(ThreadGroup& group) {
  Task* leader = group.family_.leader;
  if (leader == nullptr || !leader->ptrace().self) return nullptr;
  return UnlinkLocked(*leader->ptrace().self);
}

// ---- wait4(2) -----------------------------------------------------------------------------------------------------------------

bool Engine::TracedByLocked(const ThreadGroup& process, const ThreadGroup& group) {
  const Task* leader = process.family_.leader;
  if (leader == nullptr) return false;
  const Tracee* bond = leader->ptrace().self.get();
  return bond != nullptr && bond->tracer != nullptr && &bond->tracer->thread_group() == &group;
}

bool Engine::TracedByOtherLocked(const ThreadGroup& process, const ThreadGroup& group) {
  const Task* leader = process.family_.leader;
  if (leader == nullptr) return false;
  const Tracee* bond = leader->ptrace().self.get();
  return bond != nullptr && bond->tracer != nullptr && &bond->tracer->thread_group() != &group;
}

Engine::Found Engine::LookForLocked(Task& waiter, const task::WaitRequest& request, task::WaitResult& result) {
  Found found;
  ThreadGroup& group = waiter.thread_group();
  PidTable& pids = group.pids();
  const bool keep = (request.options & abi::kWNOWAIT) != 0;
  for (Task* thread : group.family_.threads) {
    if ((request.options & abi::k__WNOTHREAD) != 0 && thread != &waiter) continue;
    for (const Ref<Tracee>& ref : thread->ptrace().tracees) {
      Tracee& bond = *ref;
      if (request.id_type == abi::kP_PID && bond.tid != request.id) continue;
      if (request.id_type == abi::kP_PGID && (!bond.group->family_.group || bond.group->family_.group->pgid != request.id)) continue;
      const bool is_leader = bond.tid == bond.group->pid();
      // One's own children are found as children once they are dead.
      if (bond.dead && is_leader && bond.group->family_.parent == &group) continue;
      found.candidates = true;
      if (bond.dead) {
        if ((request.options & abi::kWEXITED) == 0) continue;
        result.status = bond.wait_status;
        result.usage = bond.usage;
        result.uid = bond.uid;
      } else if (bond.stopped && bond.stop_unreported) {
        result.status = bond.stop_code << 8 | 0x7f;
        result.trapped = true;
        result.stop_code = bond.stop_code;
        result.stop_cld = bond.stop_cld;
        result.usage = bond.group->family_.dead_threads;
        if (!keep) {
          bond.stop_unreported = false;
          // A tracer that has seen the signal and dies has suppressed it.
          if (bond.task != nullptr) bond.task->ptrace().next_signal = {};
        }
      } else {
        continue;
      }
      if (!bond.dead && bond.task != nullptr) {
        if (const RefPtr<const cred::Credentials> creds = bond.task->ShareCreds()) result.uid = creds->uid;
      }
      result.pid = pids.ToGuestLocked(group.pid_ns(), bond.tid);
      found.found = true;
      if (bond.dead && !keep) {
        if (is_leader) {
          found.notify_parent = RefPtr<ThreadGroup>(bond.group);
        } else {
          pids.ReleaseLocked(bond.tid);
        }
        found.gone = UnlinkLocked(bond);
      }
      return found;
    }
  }
  return found;
}

}  // namespace ringwall::ptrace
