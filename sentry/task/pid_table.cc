// PidTable: ids of tasks, processes, process groups and sessions; credentials of job control (setsid(2), setpgid(2)).
#include <algorithm>
#include <utility>

#include "sentry/ns/pid_namespace.h"
#include "sentry/task/pid_table.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"

namespace ringwall::task {

PidTable::PidTable() = default;
PidTable::~PidTable() = default;

namespace {

// As Linux: ids go up and wrap to 300, so that a fresh id is not soon used again. 0 when all are taken.
template <typename IsFree>
int32_t NextFree(int32_t& last, IsFree is_free) {
  constexpr int32_t kReserved = 300;
  for (int32_t tried = 0; tried < PidTable::kMaxPid; ++tried) {
    last = last + 1 < PidTable::kMaxPid ? last + 1 : kReserved;
    if (is_free(last)) return last;
  }
  return 0;
}

}  // namespace

Result<int32_t> PidTable::Allocate(ns::PidNamespace* born, absl::Span<const int32_t> wanted) {
  if (born != nullptr && born->is_initial()) born = nullptr;
  const int levels = born == nullptr ? 0 : born->level();
  if (wanted.size() > static_cast<size_t>(levels) + 1) return Errno::kEINVAL;
  MutexLock lock(mu_);
  if (used_.size() >= task_limit_) return Errno::kEAGAIN;
  // All numbers first, then all entries: nothing to undo. wanted[i] is for the namespace i levels above the innermost.
  std::vector<std::pair<ns::PidNamespace*, int32_t>> numbers;
  size_t at = 0;
  for (ns::PidNamespace* ns = born; ns != nullptr && !ns->is_initial(); ns = ns->parent(), ++at) {
    // pid_namespaces(7): ENOMEM once the init has ended; the first process must be 1 (clone3(2), set_tid).
    if (ns->dead_) return Errno::kENOMEM;
    int32_t number = at < wanted.size() ? wanted[at] : 0;
    if (number != 0) {
      if (number < 1 || number >= kMaxPid || (number != 1 && ns->init_.load() == 0)) return Errno::kEINVAL;
      if (ns->to_kernel_.contains(number)) return Errno::kEEXIST;
    } else {
      number = NextFree(ns->last_, [&](int32_t id) { return !ns->to_kernel_.contains(id); });
      if (number == 0) return Errno::kEAGAIN;
    }
    numbers.emplace_back(ns, number);
  }
  int32_t id = 0;
  if (at < wanted.size()) {
    id = wanted[at];
    if (id < 1 || id >= kMaxPid) return Errno::kEINVAL;
    if (used_.contains(id)) return Errno::kEEXIST;
  } else {
    id = NextFree(last_, [&](int32_t number) ABSL_NO_THREAD_SAFETY_ANALYSIS { return !used_.contains(number); });
    if (id == 0) return Errno::kEAGAIN;
  }
  used_.insert(id);
  for (const auto& [ns, number] : numbers) {
    ns->to_kernel_[number] = id;
    ns->from_kernel_[id] = number;
    if (number == 1) ns->init_.store(id);
  }
  if (born != nullptr) nested_.emplace(id, Ref<ns::PidNamespace>(*born));
  return id;
}

void PidTable::FreeIdLocked(int32_t id) {
  used_.erase(id);
  const auto it = nested_.find(id);
  if (it == nested_.end()) return;
  for (ns::PidNamespace* ns = it->second.get(); ns != nullptr && !ns->is_initial(); ns = ns->parent()) {
    const auto number = ns->from_kernel_.find(id);
    if (number == ns->from_kernel_.end()) continue;
    ns->to_kernel_.erase(number->second);
    ns->from_kernel_.erase(number);
  }
  nested_.erase(it);  // a namespace's end takes no locks and calls nobody
}

int32_t PidTable::ToGuestLocked(const ns::PidNamespace* ns, int32_t id) {
  if (ns == nullptr || ns->is_initial() || id <= 0) return id;
  const auto it = ns->from_kernel_.find(id);
  return it == ns->from_kernel_.end() ? 0 : it->second;
}

int32_t PidTable::ToGuest(const ns::PidNamespace* ns, int32_t id) {
  if (ns == nullptr || ns->is_initial()) return id;
  MutexLock lock(mu_);
  return ToGuestLocked(ns, id);
}

int32_t PidTable::ToKernelLocked(const ns::PidNamespace* ns, int32_t guest_id) {
  if (ns == nullptr || ns->is_initial() || guest_id <= 0) return guest_id;
  const auto it = ns->to_kernel_.find(guest_id);
  // Never a task's: kMaxPid is above every id.
  return it == ns->to_kernel_.end() ? kMaxPid : it->second;
}

int32_t PidTable::ToKernel(const ns::PidNamespace* ns, int32_t guest_id) {
  if (ns == nullptr || ns->is_initial()) return guest_id;
  MutexLock lock(mu_);
  return ToKernelLocked(ns, guest_id);
}

std::vector<int32_t> PidTable::NumbersFrom(const ns::PidNamespace* ns, int32_t id) {
  std::vector<int32_t> out;
  MutexLock lock(mu_);
  const int top = ns == nullptr ? 0 : ns->level();
  if (const auto it = nested_.find(id); it != nested_.end()) {
    for (const ns::PidNamespace* at = it->second.get(); at != nullptr && at->level() > 0 && at->level() >= top; at = at->parent())
      out.push_back(ToGuestLocked(at, id));
  }
  if (top == 0) out.push_back(id);
  std::reverse(out.begin(), out.end());
  return out;
}

bool PidTable::IsInit(const ThreadGroup& group) {
  return group.pid_ns_ ? group.pid_ns_->init_.load(std::memory_order_relaxed) == group.pid_ : group.pid_ == 1;
}

ThreadGroup* PidTable::InitOfLocked(const ns::PidNamespace* ns) {
  return FindGroupLocked(ns == nullptr || ns->is_initial() ? 1 : ns->init_.load());
}

bool PidTable::IsClosedLocked(const ns::PidNamespace* ns) const {
  for (; ns != nullptr; ns = ns->parent()) {
    if (ns->dead_) return true;
  }
  return false;
}

bool PidTable::DeferEndOfInit(ThreadGroup& init, int32_t status) {
  ns::PidNamespace* ns = init.pid_ns();
  if (ns == nullptr || !IsInit(init)) return false;
  MutexLock lock(mu_);
  if (ns->from_kernel_.size() <= 1) return false;
  ns->ending_ = true;
  ns->end_status_ = status;
  return true;
}

std::vector<PidTable::EndedInit> PidTable::TakeEndedInits(ns::PidNamespace* ns) {
  std::vector<EndedInit> ended;
  if (ns == nullptr) return ended;
  MutexLock lock(mu_);
  for (; ns != nullptr && !ns->is_initial(); ns = ns->parent()) {
    if (!ns->ending_ || ns->from_kernel_.size() > 1) continue;
    ns->ending_ = false;
    if (ThreadGroup* init = FindGroupLocked(ns->init_.load())) ended.push_back({Ref<ThreadGroup>(*init), ns->end_status_});
  }
  return ended;
}

std::vector<Ref<ThreadGroup>> PidTable::CloseNamespace(ThreadGroup& init) {
  std::vector<Ref<ThreadGroup>> others;
  ns::PidNamespace* closed = init.pid_ns();
  if (closed == nullptr) return others;
  MutexLock lock(mu_);
  closed->dead_ = true;
  for (const auto& [pid, group] : groups_) {
    if (group != &init && closed->from_kernel_.contains(pid)) others.emplace_back(*group);
  }
  return others;
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
  FreeIdLocked(id);
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
  return parent != nullptr ? pids.ToGuestLocked(group.pid_ns(), parent->pid()) : 0;
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
