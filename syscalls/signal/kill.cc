// kill(2), tkill(2), tgkill(2), rt_sigqueueinfo(2), rt_tgsigqueueinfo(2).
#include "sentry/cred/credentials.h"
#include "sentry/task/pid_table.h"
#include "sentry/task/thread_group.h"
#include "syscalls/signal/permission.h"
#include "syscalls/signal/signal.h"

namespace ringwall::syscalls {

Result<void> CheckMaySignal(Task& task, task::ThreadGroup& target, int32_t signo) {
  if (&target == &task.thread_group() || task.creds().Has(abi::kCAP_KILL)) return {};
  RefPtr<const cred::Credentials> theirs;
  {
    task::PidTable& pids = target.pids();
    MutexLock lock(pids.mu());
    const task::ThreadGroup::Family& family = pids.FamilyOf(target);
    if (family.leader != nullptr) theirs = family.leader->ShareCreds();
    if (signo == abi::kSIGCONT) {
      const task::ThreadGroup::Family& own = pids.FamilyOf(task.thread_group());
      if (family.group && own.group && family.group->session.get() == own.group->session.get()) return {};
    }
  }
  if (!theirs) return {};
  const cred::Credentials& own = task.creds();
  if (own.euid == theirs->suid || own.euid == theirs->uid || own.uid == theirs->suid || own.uid == theirs->uid) return {};
  return Errno::kEPERM;
}

abi::SigInfo UserSignal(Task& task, int32_t signo, int32_t si_code) {
  abi::SigInfo info{};
  info.si_signo = signo;
  info.si_code = si_code;
  info.Set(abi::SigInfo::Kill{.pid = task.tgid(), .uid = task.creds().uid});
  return info;
}

namespace {

Result<void> SendToGroup(Task& task, task::ThreadGroup& target, const abi::SigInfo& info, int32_t signo) {
  TRY(CheckMaySignal(task, target, signo));
  if (signo == 0) return {};
  // A full queue loses a real-time signal sent by kill(2) without telling the sender.
  auto sent = target.SendSignal(info);
  if (!sent.ok() && info.si_code < 0) return sent;
  return {};
}

// To each process of a list: success when one of them could be signalled, else the last error; ESRCH for an empty list.
Result<void> SendToMany(Task& task, const std::vector<Ref<task::ThreadGroup>>& targets, int32_t signo) {
  const abi::SigInfo info = UserSignal(task, signo, abi::kSI_USER);
  bool any = false;
  Errno last = Errno::kESRCH;
  for (const Ref<task::ThreadGroup>& target : targets) {
    auto sent = SendToGroup(task, *target, info, signo);
    if (sent.ok()) {
      any = true;
    } else {
      last = sent.error();
    }
  }
  if (any) return {};
  return last;
}

Result<void> SendToThread(Task& task, int32_t tgid, int32_t tid, const abi::SigInfo& info, int32_t signo) {
  const RefPtr<Task> target = task.thread_group().pids().FindTask(tid);
  if (!target || (tgid != -1 && target->tgid() != tgid)) return Errno::kESRCH;
  if (!abi::IsValidSignal(signo) && signo != 0) return Errno::kEINVAL;
  TRY(CheckMaySignal(task, target->thread_group(), signo));
  if (signo == 0) return {};
  auto sent = target->SendSignal(info);
  if (!sent.ok() && info.si_code != abi::kSI_TKILL) return sent;
  return {};
}

Result<abi::SigInfo> ReadQueuedInfo(Task& task, UserIn<abi::SigInfo> user_info, int32_t signo, bool to_self) {
  abi::SigInfo info = TRY(user_info.Read(task.memory()));
  // Nobody may pretend to be the kernel or kill(2) towards others.
  if ((info.si_code >= 0 || info.si_code == abi::kSI_TKILL) && !to_self) return Errno::kEPERM;
  info.si_signo = signo;
  return info;
}

}  // namespace

Result<void> SysKill(Task& task, int32_t pid, int32_t signo) {
  task::PidTable& pids = task.thread_group().pids();
  if (signo != 0 && !abi::IsValidSignal(signo)) return Errno::kEINVAL;
  if (pid > 0) {
    // A thread id reaches its process.
    RefPtr<task::ThreadGroup> target = pids.FindGroup(pid);
    if (!target) {
      const RefPtr<Task> thread = pids.FindTask(pid);
      if (!thread) return Errno::kESRCH;
      target = RefPtr<task::ThreadGroup>(thread->thread_group_ref());
    }
    return SendToGroup(task, *target, UserSignal(task, signo, abi::kSI_USER), signo);
  }
  if (pid == -1) {
    std::vector<Ref<task::ThreadGroup>> others;
    for (const Ref<task::ThreadGroup>& group : pids.AllGroups()) {
      if (group->pid() != 1 && group.get() != &task.thread_group()) others.push_back(group);
    }
    return SendToMany(task, others, signo);
  }
  if (pid == INT32_MIN) return Errno::kESRCH;
  const int32_t pgid = pid == 0 ? TRY(task::GetPgid(task.thread_group(), 0)) : -pid;
  return SendToMany(task, pids.MembersOf(pgid), signo);
}

Result<void> SysTkill(Task& task, int32_t tid, int32_t signo) {
  if (tid <= 0) return Errno::kEINVAL;
  return SendToThread(task, -1, tid, UserSignal(task, signo, abi::kSI_TKILL), signo);
}

Result<void> SysTgkill(Task& task, int32_t tgid, int32_t tid, int32_t signo) {
  if (tgid <= 0 || tid <= 0) return Errno::kEINVAL;
  return SendToThread(task, tgid, tid, UserSignal(task, signo, abi::kSI_TKILL), signo);
}

Result<void> SysRtSigqueueinfo(Task& task, int32_t pid, int32_t signo, UserIn<abi::SigInfo> user_info) {
  const abi::SigInfo info = TRY(ReadQueuedInfo(task, user_info, signo, pid == task.tgid()));
  if (signo != 0 && !abi::IsValidSignal(signo)) return Errno::kEINVAL;
  const RefPtr<task::ThreadGroup> target = task.thread_group().pids().FindGroup(pid);
  if (!target) return Errno::kESRCH;
  return SendToGroup(task, *target, info, signo);
}

Result<void> SysRtTgsigqueueinfo(Task& task, int32_t tgid, int32_t tid, int32_t signo, UserIn<abi::SigInfo> user_info) {
  if (tgid <= 0 || tid <= 0) return Errno::kEINVAL;
  const abi::SigInfo info = TRY(ReadQueuedInfo(task, user_info, signo, tid == task.tid()));
  return SendToThread(task, tgid, tid, info, signo);
}

}  // namespace ringwall::syscalls
