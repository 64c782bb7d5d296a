// System V semaphores: the atomic attempt, the queue of those who wait, SEM_UNDO.
#include "sentry/ipc/sem.h"

#include <algorithm>
#include <utility>

#include "abi/poll.h"
#include "absl/container/flat_hash_set.h"
#include "sentry/time/clock.h"

namespace ringwall::ipc {

namespace {
int64_t Seconds() { return time::RealtimeNs() / time::kNsPerSecond; }
constexpr int32_t kMaxValue = static_cast<int32_t>(abi::kSEMVMX);
}  // namespace

// ---- sets -------------------------------------------------------------------------------------------------------------------

SemaphoreSet::SemaphoreSet(SemTable& table, Context& ctx, int32_t key, int32_t flags, uint32_t count)
    : Object(ctx, key, flags), table_(table), count_(count), semaphores_(count) {
  table_.total_.fetch_add(count, std::memory_order_relaxed);
}

SemaphoreSet::~SemaphoreSet() { table_.total_.fetch_sub(count_, std::memory_order_relaxed); }

// The adjustment to change, made when it is missing; null when there are too many.
int16_t* SemaphoreSet::AdjustmentLocked(UndoList& undo, uint16_t number) {
  std::map<uint16_t, int16_t>& mine = undo_[&undo];
  if (const auto it = mine.find(number); it != mine.end()) return &it->second;
  if (table_.adjustments_.fetch_add(1, std::memory_order_relaxed) >= SemTable::kMaxAdjustments) {
    table_.adjustments_.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  return &mine[number];
}

// semop(2): all operations in order, or none.
SemaphoreSet::Attempt SemaphoreSet::TryLocked(absl::Span<const abi::Sembuf> operations, UndoList* undo, int32_t pid,
                                              abi::Sembuf& blocked_on, Errno& error, bool& raised) {
  Attempt outcome = Attempt::kDone;
  size_t tried = 0;
  for (; tried < operations.size(); ++tried) {
    const abi::Sembuf& op = operations[tried];
    int32_t& value = semaphores_[op.sem_num].value;
    const int32_t result = value + op.sem_op;
    if ((op.sem_op == 0 && value != 0) || result < 0) {
      blocked_on = op;
      outcome = (op.sem_flg & abi::kIPC_NOWAIT) != 0 ? Attempt::kFailed : Attempt::kWait;
      error = Errno::kEAGAIN;
      break;
    }
    if (result > kMaxValue) {
      outcome = Attempt::kFailed;
      error = Errno::kERANGE;
      break;
    }
    if ((op.sem_flg & abi::kSEM_UNDO) != 0 && op.sem_op != 0) {
      int16_t* adjustment = undo != nullptr ? AdjustmentLocked(*undo, op.sem_num) : nullptr;
      const int32_t next = adjustment != nullptr ? *adjustment - op.sem_op : 0;
      if (adjustment == nullptr || next < -static_cast<int32_t>(abi::kSEMAEM) - 1 || next > static_cast<int32_t>(abi::kSEMAEM)) {
        outcome = Attempt::kFailed;
        error = adjustment == nullptr ? Errno::kENOMEM : Errno::kERANGE;
        break;
      }
      *adjustment = static_cast<int16_t>(next);
    }
    value = result;
  }
  if (outcome == Attempt::kDone) {
    for (const abi::Sembuf& op : operations) {
      semaphores_[op.sem_num].pid = pid;
      // A value that grew, or fell to zero, may be what others wait for.
      if (op.sem_op > 0 || (op.sem_op < 0 && semaphores_[op.sem_num].value == 0)) raised = true;
    }
    operation_time_ = Seconds();
    return outcome;
  }
  while (tried-- > 0) {
    const abi::Sembuf& op = operations[tried];
    semaphores_[op.sem_num].value -= op.sem_op;
    if ((op.sem_flg & abi::kSEM_UNDO) == 0 || op.sem_op == 0) continue;
    int16_t* adjustment = AdjustmentLocked(*undo, op.sem_num);
    *adjustment = static_cast<int16_t>(*adjustment + op.sem_op);
  }
  return outcome;
}

void SemaphoreSet::RunWaitersLocked(Woken& woken) {
  bool again = true;
  while (again) {
    again = false;
    for (auto it = waiters_.begin(); it != waiters_.end();) {
      SemWaiter& waiter = **it;
      Errno error{};
      bool raised = false;
      const Attempt attempt = TryLocked(waiter.operations_, waiter.undo_.get(), waiter.pid_, waiter.blocked_on_, error, raised);
      if (attempt == Attempt::kWait) {
        ++it;
        continue;
      }
      waiter.failed_ = attempt == Attempt::kFailed;
      waiter.result_ = error;
      waiter.done_.store(true, std::memory_order_release);
      woken.push_back(std::move(*it));
      it = waiters_.erase(it);
      // Those in front of it may have their turn now.
      if (raised) {
        again = true;
        break;
      }
    }
  }
}

void SemaphoreSet::Wake(const Woken& woken) {
  for (const Ref<SemWaiter>& waiter : woken) waiter->queue_.Notify(abi::kPOLLIN);
}

void SemaphoreSet::ApplyUndoLocked(UndoList& undo) {
  const auto it = undo_.find(&undo);
  if (it == undo_.end()) return;
  for (const auto& [number, adjustment] : it->second) {
    if (adjustment == 0) continue;
    // semop(2), NOTES: as far as it can go, without blocking.
    semaphores_[number].value = std::clamp(semaphores_[number].value + adjustment, 0, kMaxValue);
    semaphores_[number].pid = undo.pid_;
  }
  operation_time_ = Seconds();
  table_.adjustments_.fetch_sub(static_cast<int64_t>(it->second.size()), std::memory_order_relaxed);
  undo_.erase(it);
}

void SemaphoreSet::ClearUndoLocked(uint16_t number) {
  for (auto& [undo, adjustments] : undo_) {
    if (adjustments.erase(number) != 0) table_.adjustments_.fetch_sub(1, std::memory_order_relaxed);
  }
}

void SemaphoreSet::DropUndoLocked() {
  for (const auto& [undo, adjustments] : undo_)
    table_.adjustments_.fetch_sub(static_cast<int64_t>(adjustments.size()), std::memory_order_relaxed);
  undo_.clear();
}

// ---- undo -------------------------------------------------------------------------------------------------------------------

Ref<UndoList> UndoShare::Get(SemTable& table, int32_t pid, const Ref<RefCounted>& keep) {
  RefPtr<UndoList> stale;
  MutexLock lock(mu_);
  // After unshare(2) of the namespace a list of the old one is done with.
  if (list_ && &list_->table_ != &table) stale = std::move(list_);
  if (!list_) list_ = MakeRef<UndoList>(table, pid, keep);
  return list_.ToRef();
}

UndoList::~UndoList() {
  std::vector<int32_t> sets;
  {
    MutexLock lock(mu_);
    sets.swap(sets_);
  }
  for (const int32_t id : sets) {
    auto set = table_.sets_.Find(id);
    if (!set.ok()) continue;
    SemaphoreSet::Woken woken;
    {
      MutexLock lock((*set)->mu);
      (*set)->ApplyUndoLocked(*this);
      (*set)->RunWaitersLocked(woken);
    }
    SemaphoreSet::Wake(woken);
  }
}

Result<void> SemTable::NoteUndo(UndoList& undo, int32_t id) {
  std::vector<int32_t> known;
  {
    MutexLock lock(undo.mu_);
    if (std::find(undo.sets_.begin(), undo.sets_.end(), id) != undo.sets_.end()) return {};
    if (undo.sets_.size() < undo.prune_at_) {
      undo.sets_.push_back(id);
      return {};
    }
    known = undo.sets_;
  }
  // A process that makes and removes sets for ever: forget those that are gone.
  std::erase_if(known, [&](int32_t old) { return sets_.Find(old).ok(); });
  const absl::flat_hash_set<int32_t> gone(known.begin(), known.end());
  MutexLock lock(undo.mu_);
  std::erase_if(undo.sets_, [&](int32_t old) { return old == id || gone.contains(old); });
  undo.sets_.push_back(id);
  undo.prune_at_ = std::max<size_t>(64, undo.sets_.size() * 2);
  return {};
}

// ---- table ------------------------------------------------------------------------------------------------------------------

Result<int32_t> SemTable::Get(Context& ctx, int32_t key, int32_t count, int32_t flags) {
  if (count < 0 || count > max_per_set.load(std::memory_order_relaxed)) return Errno::kEINVAL;
  const auto check = [&](SemaphoreSet& set) -> Result<void> {
    if (static_cast<uint32_t>(count) > set.count()) return Errno::kEINVAL;
    return {};
  };
  const auto make = [&]() -> Result<Ref<SemaphoreSet>> {
    if (count == 0) return Errno::kEINVAL;
    const int64_t limit = std::min(max_semaphores.load(std::memory_order_relaxed), kMaxSemaphores);
    if (total_.load(std::memory_order_relaxed) + count > limit) return Errno::kENOSPC;
    return MakeRef<SemaphoreSet>(*this, ctx, key, flags, static_cast<uint32_t>(count));
  };
  return sets_.Get(ctx, key, flags, max_sets.load(std::memory_order_relaxed), check, make);
}

Result<SemTable::Outcome> SemTable::Operate(Context& ctx, int32_t id, std::vector<abi::Sembuf> operations, RefPtr<RefCounted>& undo,
                                            const Ref<RefCounted>& keep) {
  const bool undoes =
      std::any_of(operations.begin(), operations.end(), [](const abi::Sembuf& op) { return (op.sem_flg & abi::kSEM_UNDO) != 0; });
  const bool alters = std::any_of(operations.begin(), operations.end(), [](const abi::Sembuf& op) { return op.sem_op != 0; });
  const uint16_t highest = std::max_element(operations.begin(), operations.end(), [](const abi::Sembuf& a, const abi::Sembuf& b) {
                             return a.sem_num < b.sem_num;
                           })->sem_num;
  const Ref<SemaphoreSet> set = TRY(sets_.Find(id));
  if (highest >= set->count()) return Errno::kEFBIG;
  {
    MutexLock lock(set->mu);
    TRY(set->MayAccess(ctx, alters ? 0222 : 0444));
  }
  RefPtr<UndoList> list;
  if (undoes) {
    if (!undo) undo = MakeRef<UndoShare>();
    list = static_cast<UndoShare&>(*undo).Get(*this, ctx.tgid(), keep);
    TRY(NoteUndo(*list, id));
  }
  SemaphoreSet::Woken woken;
  Errno error{};
  {
    MutexLock lock(set->mu);
    if (set->removed) return Errno::kEIDRM;
    abi::Sembuf blocked_on{};
    bool raised = false;
    switch (set->TryLocked(operations, list.get(), ctx.tgid(), blocked_on, error, raised)) {
      case SemaphoreSet::Attempt::kFailed: break;
      case SemaphoreSet::Attempt::kWait: {
        auto waiter = MakeRef<SemWaiter>(std::move(operations), ctx.tgid(), list);
        waiter->blocked_on_ = blocked_on;
        set->waiters_.push_back(waiter);
        return Outcome{waiter};
      }
      case SemaphoreSet::Attempt::kDone:
        error = Errno{};
        if (raised) set->RunWaitersLocked(woken);
        break;
    }
  }
  SemaphoreSet::Wake(woken);
  if (error != Errno{}) return error;
  return Outcome{};
}

Result<void> SemTable::Finish(int32_t id, SemWaiter& waiter, Errno error) {
  if (!waiter.done()) {
    auto set = sets_.Find(id);
    if (set.ok()) {
      RefPtr<SemWaiter> gone;
      MutexLock lock((*set)->mu);
      for (auto it = (*set)->waiters_.begin(); it != (*set)->waiters_.end(); ++it) {
        if (it->get() != &waiter) continue;
        gone = std::move(*it);
        (*set)->waiters_.erase(it);
        break;
      }
      if (gone) return error;
    }
    // Taken out by somebody who is about to say so, or removed with its set.
    if (!waiter.done()) return Errno::kEIDRM;
  }
  if (waiter.failed_) return waiter.result_;
  return {};
}

Result<uint32_t> SemTable::Count(Context& ctx, int32_t id) {
  const Ref<SemaphoreSet> set = TRY(sets_.Find(id));
  MutexLock lock(set->mu);
  TRY(set->MayAccess(ctx, 0444));
  return set->count();
}

Result<int32_t> SemTable::GetOne(Context& ctx, int32_t id, int32_t number, int32_t command) {
  const Ref<SemaphoreSet> set = TRY(sets_.Find(id));
  MutexLock lock(set->mu);
  TRY(set->MayAccess(ctx, 0444));
  if (number < 0 || static_cast<uint32_t>(number) >= set->count()) return Errno::kEINVAL;
  if (set->removed) return Errno::kEIDRM;
  const SemaphoreSet::Semaphore& semaphore = set->semaphores_[static_cast<size_t>(number)];
  if (command == abi::kGETVAL) return semaphore.value;
  if (command == abi::kGETPID) return semaphore.pid;
  int32_t waiting = 0;
  for (const Ref<SemWaiter>& waiter : set->waiters_) {
    const abi::Sembuf& op = waiter->blocked_on_;
    if (op.sem_num == number && (op.sem_op == 0) == (command == abi::kGETZCNT)) ++waiting;
  }
  return waiting;
}

Result<std::vector<uint16_t>> SemTable::GetAll(Context& ctx, int32_t id) {
  const Ref<SemaphoreSet> set = TRY(sets_.Find(id));
  MutexLock lock(set->mu);
  TRY(set->MayAccess(ctx, 0444));
  if (set->removed) return Errno::kEIDRM;
  std::vector<uint16_t> values;
  values.reserve(set->count());
  for (const auto& semaphore : set->semaphores_) values.push_back(static_cast<uint16_t>(semaphore.value));
  return values;
}

Result<void> SemTable::SetOne(Context& ctx, int32_t id, int32_t number, int32_t value) {
  if (value < 0 || value > kMaxValue) return Errno::kERANGE;
  const Ref<SemaphoreSet> set = TRY(sets_.Find(id));
  SemaphoreSet::Woken woken;
  {
    MutexLock lock(set->mu);
    if (number < 0 || static_cast<uint32_t>(number) >= set->count()) return Errno::kEINVAL;
    TRY(set->MayAccess(ctx, 0222));
    if (set->removed) return Errno::kEIDRM;
    auto& semaphore = set->semaphores_[static_cast<size_t>(number)];
    set->ClearUndoLocked(static_cast<uint16_t>(number));
    semaphore.value = value;
    semaphore.pid = ctx.tgid();
    set->change_time = Seconds();
    set->RunWaitersLocked(woken);
  }
  SemaphoreSet::Wake(woken);
  return {};
}

Result<uint32_t> SemTable::MaySetAll(Context& ctx, int32_t id) {
  const Ref<SemaphoreSet> set = TRY(sets_.Find(id));
  MutexLock lock(set->mu);
  TRY(set->MayAccess(ctx, 0222));
  return set->count();
}

Result<void> SemTable::SetAll(Context& ctx, int32_t id, absl::Span<const uint16_t> values) {
  if (std::any_of(values.begin(), values.end(), [](uint16_t value) { return value > kMaxValue; })) return Errno::kERANGE;
  const Ref<SemaphoreSet> set = TRY(sets_.Find(id));
  SemaphoreSet::Woken woken;
  {
    MutexLock lock(set->mu);
    TRY(set->MayAccess(ctx, 0222));
    if (set->removed || values.size() != set->count()) return Errno::kEIDRM;
    for (size_t i = 0; i < values.size(); ++i) {
      set->semaphores_[i].value = values[i];
      set->semaphores_[i].pid = ctx.tgid();
    }
    set->DropUndoLocked();
    set->change_time = Seconds();
    set->RunWaitersLocked(woken);
  }
  SemaphoreSet::Wake(woken);
  return {};
}

}  // namespace ringwall::ipc
