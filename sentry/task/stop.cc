// Job control (signal(7), setpgid(2)): stopping and continuing processes, orphaned process groups, dying sessions and parents.
#include "sentry/task/job_control.h"
#include "sentry/task/wait.h"

#include <utility>
#include <vector>

#include "abi/wait.h"
#include "sentry/cred/credentials.h"
#include "sentry/ptrace/engine.h"
#include "sentry/task/signal_path.h"
#include "sentry/task/signals.h"

namespace ringwall::task {

// ---- group stop: a request that every thread answers by stopping -----------------------------------------------------------

bool SignalPath::BeginStop(Task& task, int signo) {
  ThreadGroup& group = task.thread_group();
  // Nobody could continue the members of an orphaned group: the terminal's stop signals do nothing there (SIGSTOP does).
  if (signo != abi::kSIGSTOP && IsOrphaned(group)) return false;
  MutexLock pids_lock(group.pids_.mu());
  SigLock lock(group);
  if (!group.stop_dequeued_ || group.group_exiting()) return false;
  group.stop_dequeued_ = false;
  group.stop_signal_ = signo;
  group.stop_pending_.store(true, std::memory_order_seq_cst);
  for (Task* t : group.family_.threads) {
    if (t != &task) t->Kick();
  }
  return true;
}

bool SignalPath::CompleteStop(ThreadGroup& group) {
  ThreadGroup::Family& family = group.family_;
  if (!group.stop_pending_.load(std::memory_order_relaxed) || family.stopped || family.threads.empty()) return false;
  for (const Task* t : family.threads) {
    if (!t->in_group_stop_ && !t->exit_requested_.load(std::memory_order_relaxed)) return false;
  }
  family.stopped = true;
  family.stop_reported = false;
  family.continued_unreported = false;
  family.stop_signal = group.stop_signal_;
  return true;
}

bool SignalPath::EnterStop(Task& task, int32_t* stop_signal) {
  ThreadGroup& group = task.thread_group();
  int32_t signo = 0;
  {
    MutexLock pids_lock(group.pids_.mu());
    SigLock lock(group);
    if (!group.stop_pending_.load(std::memory_order_relaxed)) return false;
    task.in_group_stop_ = true;
    *stop_signal = group.stop_signal_;
    if (CompleteStop(group)) signo = group.stop_signal_;
  }
  if (signo != 0) NotifyParentOfStop(group, abi::kCLD_STOPPED, signo);
  return true;
}

void SignalPath::CheckStop(ThreadGroup& group) {
  if (!group.stop_pending_.load(std::memory_order_seq_cst)) return;
  int32_t signo = 0;
  {
    MutexLock pids_lock(group.pids_.mu());
    SigLock lock(group);
    if (CompleteStop(group)) signo = group.stop_signal_;
  }
  if (signo != 0) NotifyParentOfStop(group, abi::kCLD_STOPPED, signo);
}

void CheckGroupStop(ThreadGroup& group) { SignalPath::CheckStop(group); }

void SignalPath::Continue(ThreadGroup& group, bool* was_stopped) {
  group.stop_dequeued_ = false;
  if (!group.stop_pending_.exchange(false, std::memory_order_seq_cst)) return;
  ThreadGroup::Family& family = group.family_;
  *was_stopped = family.stopped;
  if (family.stopped) {
    family.stopped = false;
    family.stop_reported = false;
    family.continued_unreported = true;
  }
  for (Task* t : family.threads) {
    t->in_group_stop_ = false;
    ptrace::Engine::OnContinueLocked(*t);
    t->Kick();
  }
}

// ---- telling others --------------------------------------------------------------------------------------------------------

void NotifyParentOfStop(ThreadGroup& child, int32_t cld_code, int32_t status) {
  PidTable& pids = child.pids();
  RefPtr<ThreadGroup> parent;
  ChildIds ids;
  {
    MutexLock lock(pids.mu());
    parent = RefPtr<ThreadGroup>::Share(pids.FamilyOf(child).parent);
    ids = IdsForParentLocked(pids, child);
    // Its tracer has been told.
    if (parent && ptrace::Engine::TracedByLocked(child, *parent)) parent.reset();
  }
  if (!parent) return;
  bool wanted = false;
  {
    SigLock lock(*parent);
    const abi::SigAction& action = lock.action(abi::kSIGCHLD);
    wanted = action.handler != abi::kSIG_IGN && (action.flags & abi::kSA_NOCLDSTOP) == 0;
  }
  if (wanted) {
    abi::SigInfo info{};
    info.si_signo = abi::kSIGCHLD;
    info.si_code = cld_code;
    info.Set(abi::SigInfo::Child{.pid = ids.pid, .uid = ids.uid, .status = status});
    (void)parent->SendSignal(info).ok();
  }
  parent->NotifyChildChanged();
}

namespace {

// Both under the pid table's lock.
bool IsOrphanedLocked(PidTable& pids, const std::vector<Ref<ThreadGroup>>& members) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  for (const Ref<ThreadGroup>& member : members) {
    const ThreadGroup::Family& family = pids.FamilyOf(*member);
    if (family.zombie || family.parent == nullptr || !family.group) continue;
    const ThreadGroup::Family& parent = pids.FamilyOf(*family.parent);
    if (parent.zombie || !parent.group) continue;
    if (parent.group.get() != family.group.get() && parent.group->session.get() == family.group->session.get()) return false;
  }
  return true;
}

bool HasStoppedLocked(PidTable& pids, const std::vector<Ref<ThreadGroup>>& members) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  for (const Ref<ThreadGroup>& member : members) {
    if (pids.FamilyOf(*member).stopped) return true;
  }
  return false;
}

int32_t PgidOf(ThreadGroup& member) {
  PidTable& pids = member.pids();
  MutexLock lock(pids.mu());
  const RefPtr<ProcessGroup>& group = pids.FamilyOf(member).group;
  return group ? group->pgid : 0;
}

abi::SigInfo KernelInfo(int signo) {
  abi::SigInfo info{};
  info.si_signo = signo;
  info.si_code = abi::kSI_KERNEL;
  return info;
}

TerminalHooks terminal_hooks;  // written at boot, before the first process

}  // namespace

bool IsOrphaned(ThreadGroup& member) {
  PidTable& pids = member.pids();
  const std::vector<Ref<ThreadGroup>> members = pids.MembersOf(PgidOf(member));
  MutexLock lock(pids.mu());
  return IsOrphanedLocked(pids, members);
}

void CheckOrphanedGroup(ThreadGroup& member, ThreadGroup& former_parent) {
  PidTable& pids = member.pids();
  int32_t pgid = 0;
  {
    MutexLock lock(pids.mu());
    const RefPtr<ProcessGroup>& own = pids.FamilyOf(member).group;
    const RefPtr<ProcessGroup>& theirs = pids.FamilyOf(former_parent).group;
    // Only a parent of another group in the same session kept it from being orphaned.
    if (!own || !theirs || own.get() == theirs.get() || own->session.get() != theirs->session.get()) return;
    pgid = own->pgid;
  }
  const std::vector<Ref<ThreadGroup>> members = pids.MembersOf(pgid);
  {
    MutexLock lock(pids.mu());
    if (!IsOrphanedLocked(pids, members) || !HasStoppedLocked(pids, members)) return;
  }
  for (const int signo : {abi::kSIGHUP, abi::kSIGCONT}) {
    for (const Ref<ThreadGroup>& m : members) (void)m->SendSignal(KernelInfo(signo)).ok();
  }
}

void SendParentDeathSignals(ThreadGroup& child) {
  for (const Ref<Task>& thread : child.pids().ThreadsOf(child)) {
    const int32_t signo = thread->parent_death_signal;
    if (signo != 0) (void)child.SendSignal(KernelInfo(signo)).ok();
  }
}

// ---- terminals -------------------------------------------------------------------------------------------------------------

void SetTerminalHooks(const TerminalHooks& hooks) { terminal_hooks = hooks; }

void AdoptTerminal(ThreadGroup& group, vfs::File& file) {
  if (terminal_hooks.adopt != nullptr) terminal_hooks.adopt(group, file);
}

void HangUpSession(kernel::Kernel& kernel, ThreadGroup& group) {
  PidTable& pids = group.pids();
  RefPtr<ProcessGroup> own;
  RefPtr<RefCounted> terminal;
  {
    MutexLock lock(pids.mu());
    own = pids.FamilyOf(group).group;
    if (!own || own->session->sid != group.pid()) return;
    terminal = std::exchange(own->session->terminal, nullptr);
  }
  if (terminal && terminal_hooks.hang_up != nullptr) terminal_hooks.hang_up(kernel, *own->session, *terminal);
}

}  // namespace ringwall::task
