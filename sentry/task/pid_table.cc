// PidTable: ids of tasks, processes, process groups and sessions; credentials of job control (setsid(2), setpgid(2)).
#include <algorithm>
#include <utility>

#include "sentry/task/pid_table.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"

namespace ringwall::task {

Result<int32_t> PidTable::Allocate() {
  MutexLock lock(mu_);
  if (used_.size() >= task_limit_) return Errno::kEAGAIN;
  // As Linux: ids go up and wrap to 300, so that a fresh id is not soon used again.
  constexpr int32_t kReserved = 300;
  for (int32_t tried = 0; tried < kMaxPid; ++tried) {
    last_ = last_ + 1 < kMaxPid ? last_ + 1 : kReserved;
    if (used_.insert(last_).second) return last_;
  }
  return Errno::kEAGAIN;
}

void PidTable::Release(int32_t id) {
  MutexLock lock(mu_);
  ReleaseLocked(id);
}

void PidTable::ReleaseLocked(int32_t id) {
  // A number lives on while a process group or session bears it.
  for (const auto& [pid, group] : groups_) {
    const auto& pgrp = group->family_.group;
    if (pgrp && (pgrp->pgid == id || pgrp->session->sid == id)) return;
  }
  used_.erase(id);
}

void PidTable::DropStaleIdsLocked(int32_t pgid, int32_t sid) {
  for (const int32_t id : {pgid, sid}) {
    if (tasks_.contains(id) || groups_.contains(id)) continue;
    ReleaseLocked(id);
  }
}

RefPtr<Task> PidTable::FindTask(int32_t tid) {
  MutexLock lock(mu_);
  auto it = tasks_.find(tid);
  return it == tasks_.end() ? nullptr : RefPtr<Task>::Share(it->second);
}

RefPtr<ThreadGroup> PidTable::FindGroup(int32_t pid) {
  MutexLock lock(mu_);
  auto it = groups_.find(pid);
  return it == groups_.end() ? nullptr : RefPtr<ThreadGroup>::Share(it->second);
}

std::vector<Ref<ThreadGroup>> PidTable::AllGroups() {
  std::vector<Ref<ThreadGroup>> all;
  {
    MutexLock lock(mu_);
    all.reserve(groups_.size());
    for (const auto& [pid, group] : groups_) all.emplace_back(*group);
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->pid() < b->pid(); });
  return all;
}

std::vector<Ref<Task>> PidTable::ThreadsOf(ThreadGroup& group) {
  MutexLock lock(mu_);
  std::vector<Ref<Task>> threads;
  for (Task* t : group.family_.threads) threads.emplace_back(*t);
  return threads;
}

std::vector<Ref<ThreadGroup>> PidTable::MembersOf(int32_t pgid) {
  MutexLock lock(mu_);
  std::vector<Ref<ThreadGroup>> members;
  for (const auto& [pid, group] : groups_) {
    if (group->family_.group && group->family_.group->pgid == pgid) members.emplace_back(*group);
  }
  return members;
}

// ---- sessions and process groups ------------------------------------------------------------------------------------------

RefPtr<ProcessGroup> PidTable::FindProcessGroupLocked(int32_t pgid) {
  for (const auto& [pid, group] : groups_) {
    if (group->family_.group && group->family_.group->pgid == pgid) return group->family_.group;
  }
  return nullptr;
}

RefPtr<Session> PidTable::FindSessionLocked(int32_t sid) {
  for (const auto& [pid, group] : groups_) {
    if (group->family_.group && group->family_.group->session->sid == sid) return RefPtr<Session>(group->family_.group->session);
  }
  return nullptr;
}

Result<int32_t> SetSid(ThreadGroup& group) {
  PidTable& pids = group.pids();
  RefPtr<ProcessGroup> old;  // dropped outside the lock
  MutexLock lock(pids.mu());
  ThreadGroup::Family& family = pids.FamilyOf(group);
  // A process group leader, or a pid that is some group's id, may not make a session.
  if (pids.FindProcessGroupLocked(group.pid())) return Errno::kEPERM;
  old = std::move(family.group);
  auto session = MakeRef<Session>(group.pid());
  family.group = MakeRef<ProcessGroup>(group.pid(), std::move(session));
  if (old) pids.DropStaleIdsLocked(old->pgid, old->session->sid);
  return group.pid();
}

Result<void> SetPgid(ThreadGroup& caller, int32_t pid, int32_t pgid) {
  if (pgid < 0) return Errno::kEINVAL;
  PidTable& pids = caller.pids();
  RefPtr<ProcessGroup> old;
  MutexLock lock(pids.mu());
  if (pid == 0) pid = caller.pid();
  if (pgid == 0) pgid = pid;
  ThreadGroup* target = pids.FindGroupLocked(pid);
  if (target == nullptr) return Errno::kESRCH;
  ThreadGroup::Family& own = pids.FamilyOf(caller);
  ThreadGroup::Family& family = pids.FamilyOf(*target);
  if (target != &caller) {
    if (family.parent != &caller) return Errno::kESRCH;
    if (family.group->session.get() != own.group->session.get()) return Errno::kEPERM;
    if (family.execed) return Errno::kEACCES;
  }
  if (family.group->session->sid == target->pid()) return Errno::kEPERM;  // a session leader
  RefPtr<ProcessGroup> next;
  if (pgid == pid) {
    next = pids.FindProcessGroupLocked(pgid);
    if (!next) next = MakeRef<ProcessGroup>(pgid, family.group->session);
  } else {
    next = pids.FindProcessGroupLocked(pgid);
  }
  if (!next || next->session.get() != family.group->session.get()) return Errno::kEPERM;
  old = std::exchange(family.group, std::move(next));
  pids.DropStaleIdsLocked(old->pgid, old->session->sid);
  return {};
}

Result<int32_t> GetPgid(ThreadGroup& caller, int32_t pid) {
  PidTable& pids = caller.pids();
  MutexLock lock(pids.mu());
  ThreadGroup* target = pid == 0 ? &caller : pids.FindGroupOrThreadLocked(pid);
  if (target == nullptr || !pids.FamilyOf(*target).group) return Errno::kESRCH;
  return pids.FamilyOf(*target).group->pgid;
}

Result<int32_t> GetSid(ThreadGroup& caller, int32_t pid) {
  PidTable& pids = caller.pids();
  MutexLock lock(pids.mu());
  ThreadGroup* target = pid == 0 ? &caller : pids.FindGroupOrThreadLocked(pid);
  if (target == nullptr || !pids.FamilyOf(*target).group) return Errno::kESRCH;
  return pids.FamilyOf(*target).group->session->sid;
}

int32_t ParentPid(ThreadGroup& group) {
  PidTable& pids = group.pids();
  MutexLock lock(pids.mu());
  const ThreadGroup* parent = pids.FamilyOf(group).parent;
  return parent != nullptr ? parent->pid() : 0;
}

ThreadGroup* PidTable::FindGroupLocked(int32_t pid) {
  auto it = groups_.find(pid);
  return it == groups_.end() ? nullptr : it->second;
}

ThreadGroup* PidTable::FindGroupOrThreadLocked(int32_t id) {
  if (auto it = tasks_.find(id); it != tasks_.end()) return &it->second->thread_group();
  return FindGroupLocked(id);
}

}  // namespace ringwall::task
