// wait4(2): finding a child that changed state, and telling parents that one did.
#include "sentry/task/wait.h"

#include <utility>

#include "abi/signal.h"
#include "abi/wait.h"
#include "sentry/cred/credentials.h"
#include "sentry/ptrace/engine.h"
#include "sentry/signal/pending.h"
#include "sentry/task/exit.h"
#include "sentry/task/job_control.h"
#include "sentry/task/task.h"

namespace ringwall::task {
namespace {

bool Fits(const Task& waiter, const ThreadGroup& child, const ThreadGroup::Family& family, const WaitRequest& request) {
  if ((request.options & abi::k__WNOTHREAD) != 0 && family.parent_thread != &waiter) return false;
  switch (request.id_type) {
    case abi::kP_PID:
      if (child.pid() != request.id) return false;
      break;
    case abi::kP_PGID:
      if (!family.group || family.group->pgid != request.id) return false;
      break;
    default: break;
  }
  if ((request.options & abi::k__WALL) != 0) return true;
  // A "clone" child reports by another signal than SIGCHLD (wait4(2), __WCLONE).
  const int32_t exit_signal = family.leader != nullptr ? family.leader->exit_signal : abi::kSIGCHLD;
  const bool is_clone = exit_signal != abi::kSIGCHLD;
  return is_clone == ((request.options & abi::k__WCLONE) != 0);
}

// The whole process, live threads included.
Usage UsageOf(const ThreadGroup::Family& family) {
  Usage sum = family.dead_threads;
  sum.Add(family.reaped_children);
  return sum;
}

}  // namespace

void Usage::Add(const Usage& other) {
  user_ns += other.user_ns;
  system_ns += other.system_ns;
  if (other.max_rss_kib > max_rss_kib) max_rss_kib = other.max_rss_kib;
  minor_faults += other.minor_faults;
  major_faults += other.major_faults;
  voluntary += other.voluntary;
  involuntary += other.involuntary;
}

Result<WaitResult> Wait(Task& task, const WaitRequest& request) {
  ThreadGroup& group = task.thread_group();
  PidTable& pids = group.pids();
  const uint64_t seen = group.child_events();
  RefPtr<ThreadGroup> reap;
  ptrace::Engine::Found traced;
  WaitResult result;
  bool found = false;
  bool candidates = false;
  {
    MutexLock lock(pids.mu());
    WaitRequest effective = request;
    if (!request.kernel_id) effective.id = pids.ToKernelLocked(group.pid_ns(), request.id);
    if (request.id_type == abi::kP_PGID && request.id == 0) effective.id = pids.FamilyOf(group).group->pgid;
    for (ThreadGroup* child : pids.FamilyOf(group).children) {
      ThreadGroup::Family& family = pids.FamilyOf(*child);
      if (!Fits(task, *child, family, effective)) continue;
      candidates = true;
      const bool keep = (request.options & abi::kWNOWAIT) != 0;
      // A tracer in another process comes first; stops of one's own tracees are found below.
      if (family.zombie && ptrace::Engine::TracedByOtherLocked(*child, group)) continue;
      const bool own_tracee = !family.zombie && ptrace::Engine::TracedByLocked(*child, group);
      if (family.zombie) {
        if ((request.options & abi::kWEXITED) == 0) continue;
        result.status = family.wait_status;
        if (!keep) reap = RefPtr<ThreadGroup>::Share(child);
      } else if (!own_tracee && family.stopped && !family.stop_reported && (request.options & abi::kWUNTRACED) != 0) {
        result.status = abi::StopStatus(family.stop_signal);
        if (!keep) family.stop_reported = true;
      } else if (family.continued_unreported && (request.options & abi::kWCONTINUED) != 0) {
        result.status = abi::kContinuedStatus;
        if (!keep) family.continued_unreported = false;
      } else {
        continue;
      }
      const ChildIds ids = IdsForParentLocked(pids, *child);
      result.pid = ids.pid;
      result.usage = UsageOf(family);
      result.uid = ids.uid;
      found = true;
      break;
    }
    if (!found) {
      traced = ptrace::Engine::LookForLocked(task, effective, result);
      found = traced.found;
      candidates = candidates || traced.candidates;
    }
  }
  if (found) {
    if (reap) ExitPath::Reap(*reap);
    if (traced.notify_parent && NotifyParentOfExit(*traced.notify_parent)) ExitPath::Reap(*traced.notify_parent);
    return result;
  }
  if (!candidates) return Errno::kECHILD;
  if ((request.options & abi::kWNOHANG) != 0) return result;
  return task.ParkOnChildren(seen, Errno::kRestartSys);
}

ChildIds IdsForParentLocked(PidTable& pids, ThreadGroup& child) {
  ChildIds ids{child.pid(), 0};
  const ThreadGroup::Family& family = pids.FamilyOf(child);
  RefPtr<const cred::Credentials> creds, parents;
  if (family.leader != nullptr) creds = family.leader->ShareCreds();
  if (creds) ids.uid = creds->uid;
  if (family.parent == nullptr) return ids;
  ids.pid = pids.ToGuestLocked(family.parent->pid_ns(), child.pid());
  const ThreadGroup::Family& parent = pids.FamilyOf(*family.parent);
  if (parent.leader != nullptr) parents = parent.leader->ShareCreds();
  if (parents) ids.uid = parents->user_ns->Show(cred::IdKind::kUid, ids.uid);
  return ids;
}

bool NotifyParentOfExit(ThreadGroup& group) {
  PidTable& pids = group.pids();
  RefPtr<ThreadGroup> parent;
  int32_t exit_signal = abi::kSIGCHLD;
  int32_t status = 0;
  ChildIds ids;
  {
    MutexLock lock(pids.mu());
    ThreadGroup::Family& family = pids.FamilyOf(group);
    parent = RefPtr<ThreadGroup>::Share(family.parent);
    if (family.leader != nullptr) exit_signal = family.leader->exit_signal;
    ids = IdsForParentLocked(pids, group);
    status = family.wait_status;
  }
  if (!parent) return true;

  bool autoreap = false;
  if (exit_signal == abi::kSIGCHLD) {
    const Ref<signal::SignalHandlers> handlers = parent->handlers();
    MutexLock lock(handlers->mu);
    const abi::SigAction& action = handlers->actions[abi::kSIGCHLD];
    autoreap = action.handler == abi::kSIG_IGN || (action.flags & abi::kSA_NOCLDWAIT) != 0;
  }
  if (exit_signal != 0) {
    abi::SigInfo info{};
    info.si_signo = exit_signal;
    info.si_code = abi::StatusExited(status) ? abi::kCLD_EXITED : abi::kCLD_KILLED;
    info.Set(abi::SigInfo::Child{
        .pid = ids.pid, .uid = ids.uid, .status = abi::StatusExited(status) ? abi::StatusExitCode(status) : abi::StatusTermSignal(status)});
    (void)parent->SendSignal(info).ok();
  }
  parent->NotifyChildChanged();
  return autoreap;
}

}  // namespace ringwall::task
