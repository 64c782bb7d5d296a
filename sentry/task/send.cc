// Sending signals (signal(7)): which are dropped, where they queue, which thread takes them.
#include <algorithm>
#include <utility>
#include <vector>

#include "abi/poll.h"
#include "abi/resource.h"
#include "abi/wait.h"
#include "absl/container/flat_hash_set.h"
#include "sentry/cred/credentials.h"
#include "sentry/task/job_control.h"
#include "sentry/task/process_timers.h"
#include "sentry/task/signal_path.h"
#include "sentry/task/signals.h"

namespace ringwall::task {

using signal::Bit;
using signal::DefaultAction;
using signal::DefaultActionOf;

namespace {

// From the kernel or from outside the sandbox (pid_namespaces(7): senders in an ancestor namespace have pid 0).
bool FromOutside(const abi::SigInfo& info) {
  return info.si_code == abi::kSI_KERNEL || (info.si_code == abi::kSI_USER && info.kill().pid == 0);
}

}  // namespace

bool SignalPath::Ignored(SigLock& lock, ThreadGroup& group, const Task& target, const abi::SigInfo& info) {
  const abi::SigSet bit = Bit(info.si_signo);
  // A blocked signal may be waited for, or get a handler before it is unblocked.
  if ((target.blocked_.load(std::memory_order_relaxed) & bit) != 0) return false;
  // A tracer wants to see it.
  if ((target.call_work() & Task::kWorkTraced) != 0 && info.si_signo != abi::kSIGKILL) return false;
  const uint64_t handler = lock.action(info.si_signo).handler;
  if (handler == abi::kSIG_IGN) return true;
  if (handler != abi::kSIG_DFL) return false;
  // Init has no default actions, except what the kernel or somebody outside forces on it (pid_namespaces(7)).
  if (PidTable::IsInit(group) && !group.init_unprotected_.load(std::memory_order_relaxed) &&
      !((bit & signal::kUnblockable) != 0 && FromOutside(info))) {
    return true;
  }
  const DefaultAction action = DefaultActionOf(info.si_signo);
  return action == DefaultAction::kIgnore || action == DefaultAction::kContinue;
}

void SignalPath::WakeOneFor(ThreadGroup& group, int signo) {
  const ThreadGroup::Family& family = group.family_;
  auto wants = [signo](const Task* t) {
    return (t->blocked_.load(std::memory_order_relaxed) & Bit(signo)) == 0 && !t->exit_requested_.load(std::memory_order_relaxed);
  };
  // The main thread first, as Linux.
  Task* taker = nullptr;
  for (Task* t : family.threads) {
    if (!wants(t)) continue;
    if (taker == nullptr || t == family.leader) taker = t;
  }
  if (taker != nullptr) taker->Kick();
}

Result<SignalPath::Outcome> SignalPath::Send(ThreadGroup& group, Task* thread, const abi::SigInfo& info) {
  const int signo = info.si_signo;
  if (!abi::IsValidSignal(signo)) return Errno::kEINVAL;
  const abi::SigSet bit = Bit(signo);
  // Bounded whatever the limit says: a guest may have raised it.
  constexpr uint64_t kMostQueued = 65536;
  const uint64_t limit = std::min(group.GetLimit(abi::kRLIMIT_SIGPENDING).rlim_cur, kMostQueued);
  bool continued = false;
  {
    MutexLock pids_lock(group.pids_.mu());
    const ThreadGroup::Family& family = group.family_;
    if (family.zombie || family.threads.empty()) return Outcome::kIgnored;
    SigLock lock(group);

    if ((bit & signal::kStopSignals) != 0) {
      group.pending_.Discard(Bit(abi::kSIGCONT));
      for (Task* t : family.threads) t->pending_->Discard(Bit(abi::kSIGCONT));
    } else if (signo == abi::kSIGCONT) {
      // It continues the process whether or not it is blocked or ignored.
      group.pending_.Discard(signal::kStopSignals);
      for (Task* t : family.threads) t->pending_->Discard(signal::kStopSignals);
      Continue(group, &continued);
    }

    Task* target = thread;
    if (target == nullptr) target = family.threads.front();
    const bool ignored = Ignored(lock, group, *target, info);
    if (!ignored && signo != abi::kSIGKILL) {
      TRY((thread != nullptr ? *thread->pending_ : group.pending_).Add(info, limit));
      // signalfd(2) and sigtimedwait(2) see blocked signals too.
      if (thread != nullptr) {
        thread->signal_arrived_.Notify(abi::kPOLLIN);
        if ((thread->blocked_.load(std::memory_order_relaxed) & bit) == 0) thread->Kick();
      } else {
        for (Task* t : family.threads) t->signal_arrived_.Notify(abi::kPOLLIN);
        WakeOneFor(group, signo);
      }
    }
    if (ignored && !continued) return Outcome::kIgnored;
    if (ignored || signo != abi::kSIGKILL) {
      if (!continued) return Outcome::kSent;
    }
  }
  if (signo == abi::kSIGKILL) {
    group.RequestGroupExit(abi::SignalStatus(abi::kSIGKILL, false));
  } else if (continued) {
    NotifyParentOfStop(group, abi::kCLD_CONTINUED, abi::kSIGCONT);
  }
  return Outcome::kSent;
}

Result<void> Task::SendSignal(const abi::SigInfo& info) {
  TRY(SignalPath::Send(*thread_group_, this, info));
  return {};
}

Result<void> ThreadGroup::SendSignal(const abi::SigInfo& info) {
  TRY(SignalPath::Send(*this, nullptr, info));
  return {};
}

void SignalPath::Retarget(Task& task, abi::SigSet blocked) {
  ThreadGroup& group = task.thread_group();
  MutexLock pids_lock(group.pids_.mu());
  SigLock lock(group);
  abi::SigSet left = group.pending_.set() & blocked;
  while (left != 0) {
    const int signo = __builtin_ctzll(left) + 1;
    left &= left - 1;
    WakeOneFor(group, signo);
  }
}

// ---- actions --------------------------------------------------------------------------------------------------------------

Result<abi::SigAction> SignalPath::ChangeAction(Task& task, int signo, const abi::SigAction* next) {
  if (!abi::IsValidSignal(signo)) return Errno::kEINVAL;
  if (next != nullptr && (Bit(signo) & signal::kUnblockable) != 0) return Errno::kEINVAL;
  ThreadGroup& group = task.thread_group();
  abi::SigAction old;
  bool discard = false;
  {
    SigLock lock(group);
    abi::SigAction& action = lock.action(signo);
    old = action;
    if (next == nullptr) return old;
    // Linux clears flag bits it does not know, so that programs can probe for them (sigaction(2), "Dynamically probing for flag bit
    // support").
    constexpr uint64_t kKnown = abi::kSA_NOCLDSTOP | abi::kSA_NOCLDWAIT | abi::kSA_SIGINFO | abi::kSA_ONSTACK | abi::kSA_RESTART |
                                abi::kSA_NODEFER | abi::kSA_RESETHAND | abi::kSA_EXPOSE_TAGBITS | abi::kSA_RESTORER;
    action = *next;
    action.flags &= kKnown;
    action.mask &= ~signal::kUnblockable;
    const DefaultAction by_default = DefaultActionOf(signo);
    discard = next->handler == abi::kSIG_IGN ||
              (next->handler == abi::kSIG_DFL && (by_default == DefaultAction::kIgnore || by_default == DefaultAction::kContinue));
  }
  if (discard) {
    // POSIX: ignoring a signal drops pending instances, blocked or not.
    MutexLock pids_lock(group.pids_.mu());
    SigLock lock(group);
    const uint64_t handler = lock.action(signo).handler;
    if (handler == abi::kSIG_IGN || handler == abi::kSIG_DFL) {
      group.pending_.Discard(Bit(signo));
      for (Task* t : group.family_.threads) t->pending_->Discard(Bit(signo));
    } else {
      discard = false;
    }
  }
  OnSignalIgnored(group, signo, discard);
  return old;
}

Result<abi::SigAction> ChangeAction(Task& task, int signo, const abi::SigAction* next) {
  return SignalPath::ChangeAction(task, signo, next);
}

// ---- who may signal whom --------------------------------------------------------------------------------------------------

abi::SigInfo InfoFrom(const Task& sender, int signo, int32_t si_code) {
  abi::SigInfo info{};
  info.si_signo = signo;
  info.si_code = si_code;
  info.Set(abi::SigInfo::Kill{.pid = sender.ToGuestPid(sender.tgid()),
                              .uid = sender.creds().user_ns->Show(cred::IdKind::kUid, sender.creds().uid)});
  return info;
}

Result<void> MaySignal(Task& sender, ThreadGroup& target, int signo) {
  if (&target == &sender.thread_group()) return {};
  PidTable& pids = target.pids();
  RefPtr<const cred::Credentials> theirs;
  bool same_session = false;
  {
    MutexLock lock(pids.mu());
    ThreadGroup::Family& family = pids.FamilyOf(target);
    Task* member = family.leader != nullptr ? family.leader : (family.threads.empty() ? nullptr : family.threads.front());
    if (member != nullptr) theirs = member->ShareCreds();
    const ThreadGroup::Family& own = pids.FamilyOf(sender.thread_group());
    same_session = own.group && family.group && own.group->session.get() == family.group->session.get();
  }
  if (!theirs) return {};
  const cred::Credentials& mine = sender.creds();
  if (mine.euid == theirs->suid || mine.euid == theirs->uid || mine.uid == theirs->suid || mine.uid == theirs->uid) return {};
  if (mine.HasIn(*theirs->user_ns, abi::kCAP_KILL)) return {};
  if (signo == abi::kSIGCONT && same_session) return {};
  return Errno::kEPERM;
}

namespace {

// The sender's ids as the target's namespaces see them; pid 0 for one that is not in there (pid_namespaces(7)).
abi::SigInfo AsSeenBy(ThreadGroup& target, const Task& sender, abi::SigInfo info) {
  const bool has_sender = info.si_code == abi::kSI_USER || info.si_code == abi::kSI_TKILL || info.si_code == abi::kSI_QUEUE;
  if (!has_sender) return info;
  abi::SigInfo::Kill ids = info.kill();
  bool changed = false;
  if (target.pid_ns() != sender.thread_group().pid_ns() && target.pids().ToGuest(target.pid_ns(), sender.tgid()) == 0) {
    ids.pid = 0;
    changed = true;
  }
  RefPtr<const cred::Credentials> theirs;
  {
    MutexLock lock(target.pids().mu());
    const ThreadGroup::Family& family = target.pids().FamilyOf(target);
    if (family.leader != nullptr) theirs = family.leader->ShareCreds();
  }
  if (theirs && theirs->user_ns.get() != sender.creds().user_ns.get()) {
    const auto uid = sender.creds().user_ns->ToKernel(cred::IdKind::kUid, ids.uid);
    ids.uid = uid.has_value() ? theirs->user_ns->Show(cred::IdKind::kUid, *uid) : cred::kOverflowId;
    changed = true;
  }
  if (!changed) return info;
  if (info.si_code != abi::kSI_QUEUE) {
    info.Set(ids);
  } else {
    // The value stays: pid and uid are at the same place in both forms (sigaction(2)).
    abi::SigInfo::Rt queued = info.rt();
    queued.pid = ids.pid;
    queued.uid = ids.uid;
    info.Set(queued);
  }
  return info;
}

Result<void> SignalOne(Task& sender, ThreadGroup& target, const abi::SigInfo& info) {
  TRY(MaySignal(sender, target, info.si_signo));
  if (info.si_signo == 0) return {};
  return target.SendSignal(AsSeenBy(target, sender, info));
}

// Linux keeps everybody from forking while it signals several. Here somebody may, and the child is found by looking again: it existed when
// the signal was sent to the last of them. The bound is for guests that fork faster than we look.
template <typename List, typename Send>
void SendToEach(const List& list, const Send& send) {
  constexpr int kMostPasses = 64;
  absl::flat_hash_set<const ThreadGroup*> seen;
  std::vector<Ref<ThreadGroup>> kept;  // so that no other gets the address of one that was seen
  for (int pass = 0; pass < kMostPasses; ++pass) {
    const size_t before = seen.size();
    for (Ref<ThreadGroup>& member : list()) {
      if (!seen.insert(member.get()).second) continue;
      send(*member);
      kept.push_back(std::move(member));
    }
    if (seen.size() == before) return;
  }
}

// kill(2) on several: one success is a success.
template <typename List>
Result<void> SignalAll(Task& sender, const List& list, const abi::SigInfo& info) {
  bool sent = false;
  Errno last = Errno::kESRCH;
  SendToEach(list, [&](ThreadGroup& target) {
    const Result<void> result = SignalOne(sender, target, info);
    if (result.ok()) {
      sent = true;
    } else {
      last = result.error();
    }
  });
  if (!sent) return last;
  return {};
}

}  // namespace

Result<void> Kill(Task& sender, int32_t pid, const abi::SigInfo& info) {
  if (info.si_signo != 0 && !abi::IsValidSignal(info.si_signo)) return Errno::kEINVAL;
  PidTable& pids = sender.thread_group().pids();
  if (pid > 0) {
    RefPtr<ThreadGroup> target;
    {
      MutexLock lock(pids.mu());
      target = RefPtr<ThreadGroup>::Share(pids.FindGroupOrThreadLocked(pids.ToKernelLocked(sender.thread_group().pid_ns(), pid)));
    }
    if (!target) return Errno::kESRCH;
    return SignalOne(sender, *target, info);
  }
  if (pid == -1) {
    const auto others = [&] {
      std::vector<Ref<ThreadGroup>> targets;
      // Everybody that the caller can see, except its namespace's init and itself.
      for (Ref<ThreadGroup>& group : pids.AllGroups()) {
        if (sender.ToGuestPid(group->pid()) > 1 && group.get() != &sender.thread_group()) targets.push_back(std::move(group));
      }
      return targets;
    };
    return SignalAll(sender, others, info);
  }
  if (pid == INT32_MIN) return Errno::kESRCH;
  int32_t pgid = sender.ToKernelPid(-pid);
  if (pid == 0) {
    MutexLock lock(pids.mu());
    pgid = pids.FamilyOf(sender.thread_group()).group->pgid;
  }
  return SignalAll(
      sender, [&] { return pids.MembersOf(pgid); }, info);
}

Result<void> SignalProcessGroup(PidTable& pids, int32_t pgid, const abi::SigInfo& info) {
  bool sent = false;
  SendToEach([&] { return pids.MembersOf(pgid); }, [&](ThreadGroup& member) { sent |= member.SendSignal(info).ok(); });
  if (!sent) return Errno::kESRCH;
  return {};
}

Result<void> KillThread(Task& sender, int32_t tgid, int32_t tid, const abi::SigInfo& info) {
  if (info.si_signo != 0 && !abi::IsValidSignal(info.si_signo)) return Errno::kEINVAL;
  const RefPtr<Task> target = sender.thread_group().pids().FindTask(sender.ToKernelPid(tid));
  if (!target || (tgid > 0 && target->tgid() != sender.ToKernelPid(tgid))) return Errno::kESRCH;
  TRY(MaySignal(sender, target->thread_group(), info.si_signo));
  if (info.si_signo == 0) return {};
  return target->SendSignal(AsSeenBy(target->thread_group(), sender, info));
}

}  // namespace ringwall::task
