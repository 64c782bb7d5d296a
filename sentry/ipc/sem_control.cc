// semctl(2): what is told about sets, and their end.
#include <utility>

#include "abi/poll.h"
#include "absl/strings/str_format.h"
#include "sentry/ipc/sem.h"
#include "sentry/time/clock.h"

namespace ringwall::ipc {

abi::SemidDs SemTable::Describe(const SemaphoreSet& set) {
  abi::SemidDs ds;
  MutexLock lock(set.mu);
  ds.sem_perm = set.DescribePermissions();
  ds.sem_otim = set.operation_time_;
  ds.sem_ctim = set.change_time;
  ds.sem_nsems = set.count();
  return ds;
}

Result<abi::SemidDs> SemTable::Stat(Context& ctx, int32_t id) {
  const Ref<SemaphoreSet> set = TRY(sets_.Find(id));
  {
    MutexLock lock(set->mu);
    TRY(set->MayAccess(ctx, 0444));
  }
  return Describe(set);
}

Result<abi::SemidDs> SemTable::StatIndex(Context& ctx, int32_t index, bool any, int32_t& id) {
  const Ref<SemaphoreSet> set = TRY(sets_.FindIndex(index));
  if (!any) {
    MutexLock lock(set->mu);
    TRY(set->MayAccess(ctx, 0444));
  }
  id = set->id();
  return Describe(set);
}

Result<void> SemTable::Set(Context& ctx, int32_t id, const abi::SemidDs& values) {
  const Ref<SemaphoreSet> set = TRY(sets_.Find(id));
  MutexLock lock(set->mu);
  TRY(set->MayControl(ctx));
  set->SetOwner(values.sem_perm.uid, values.sem_perm.gid, values.sem_perm.mode);
  set->change_time = time::RealtimeNs() / time::kNsPerSecond;
  return {};
}

Result<void> SemTable::Remove(Context& ctx, int32_t id) {
  const Ref<SemaphoreSet> set = TRY(sets_.Find(id));
  SemaphoreSet::Woken woken;
  {
    MutexLock lock(set->mu);
    TRY(set->MayControl(ctx));
    if (set->removed) return Errno::kEIDRM;
    set->removed = true;
    set->DropUndoLocked();
    for (Ref<SemWaiter>& waiter : set->waiters_) {
      waiter->failed_ = true;
      waiter->result_ = Errno::kEIDRM;
      waiter->done_.store(true, std::memory_order_release);
      woken.push_back(std::move(waiter));
    }
    set->waiters_.clear();
  }
  SemaphoreSet::Wake(woken);
  const RefPtr<SemaphoreSet> gone = sets_.Remove(set);
  return {};
}

abi::Seminfo SemTable::Info(bool used) const {
  abi::Seminfo info;
  info.semmni = max_sets.load(std::memory_order_relaxed);
  info.semmns = max_semaphores.load(std::memory_order_relaxed);
  info.semmsl = max_per_set.load(std::memory_order_relaxed);
  info.semopm = max_operations.load(std::memory_order_relaxed);
  info.semvmx = static_cast<int32_t>(abi::kSEMVMX);
  info.semmnu = info.semmap = static_cast<int32_t>(abi::kSEMMNS);
  info.semume = static_cast<int32_t>(abi::kSEMOPM);
  // semctl(2): SEM_INFO puts what is in use into two of the unused fields.
  info.semusz = used ? sets_.size() : 20;
  info.semaem = used ? static_cast<int32_t>(total_.load(std::memory_order_relaxed)) : static_cast<int32_t>(abi::kSEMAEM);
  return info;
}

std::string SemTable::ProcText() const {
  std::string out = "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n";
  for (const Ref<SemaphoreSet>& set : sets_.All()) {
    const abi::SemidDs ds = Describe(set);
    const abi::IpcPerm& p = ds.sem_perm;
    absl::StrAppendFormat(&out, "%10d %10d  %4o %10d %5d %5d %5d %5d %10d %10d\n", p.key, set->id(), p.mode, ds.sem_nsems, p.uid, p.gid,
                          p.cuid, p.cgid, ds.sem_otim, ds.sem_ctim);
  }
  return out;
}

}  // namespace ringwall::ipc
