// Locks that the kernel hands over (futex(2), "Priority-inheritance futexes") and robust lists (get_robust_list(2)). The word holds the
// owner's tid, FUTEX_WAITERS while others sleep, and FUTEX_OWNER_DIED. Differs from Linux: there are no guest priorities to inherit;
// waiters are served in order of arrival.
#include <utility>

#include "abi/futex.h"
#include "sentry/futex/futex.h"
#include "sentry/futex/key.h"
#include "sentry/kernel/kernel.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"

namespace ringwall::futex {

using task::Task;

namespace {

FutexTable& TableOf(Task& task) { return task.kernel().futexes(); }

struct LockState : task::TypedCallState<LockState> {
  explicit LockState(Task& task) : table(TableOf(task)) {}
  ~LockState() override {
    if (waiter) table.Abandon(*waiter);
  }
  FutexTable& table;
  RefPtr<Waiter> waiter;
};

// Sets the word to `tid` when nobody owns it. True when taken; false: `word` is the value found, with an owner in it.
Result<bool> TryTake(Task& task, uint64_t address, uint32_t* word) {
  const auto tid = static_cast<uint32_t>(task.ToGuestPid(task.tid()));
  *word = TRY(task.memory().ReadValue<uint32_t>(address));
  while ((*word & abi::kFUTEX_TID_MASK) == 0) {
    const uint32_t found = TRY(task.memory().CompareExchange(address, *word, *word | tid));
    if (found == *word) return true;
    *word = found;
  }
  return false;
}

// Hands the word at `address`, which says `owner`, to the next waiter of any of `keys`, or to nobody. `died` adds FUTEX_OWNER_DIED.
Result<void> HandOver(Task& task, uint64_t address, absl::Span<const Key> keys, uint32_t owner, bool died) {
  FutexTable& table = TableOf(task);
  for (;;) {
    int32_t tid = 0;
    bool more = false;
    RefPtr<Waiter> next;
    for (const Key& key : keys) {
      if (!next) next = table.TakeForGrant(key, &tid, &more);
    }
    const uint32_t died_bit = died ? abi::kFUTEX_OWNER_DIED : 0;
    const uint32_t desired = (next ? static_cast<uint32_t>(tid) | (more ? abi::kFUTEX_WAITERS : 0) : 0) | died_bit;
    Result<uint32_t> word = task.memory().ReadValue<uint32_t>(address);
    bool retry = false;
    while (word.ok() && (*word & abi::kFUTEX_TID_MASK) == owner) {
      // Freeing is right even when somebody has set FUTEX_WAITERS and is about to queue: it looks at the word again afterwards.
      const Result<uint32_t> found = task.memory().CompareExchange(address, *word, desired);
      if (!found.ok()) {
        word = found.error();
        break;
      }
      if (*found == *word) {
        if (next) table.FinishGrant(*next, Waiter::State::kWoken);
        return {};
      }
      word = *found;
      if (!next) {
        retry = true;  // somebody came
        break;
      }
    }
    if (retry) continue;
    // The word can't be written, or the guest has overwritten it: the waiter learns of it and tries for itself.
    if (next) table.FinishGrant(*next, Waiter::State::kFailed);
    if (!word.ok()) return word.error();
    return Errno::kEINVAL;
  }
}

}  // namespace

Result<int64_t> FutexLockPi(Task& task, uint64_t address, bool is_private, bool try_only, int64_t deadline_ns) {
  const Key key = TRY(KeyOf(task, address, is_private));
  LockState* state = task.call_state<LockState>();
  if (state == nullptr) state = &task.MakeCallState<LockState>(task);

  for (;;) {
    if (!state->waiter) {
      uint32_t word = 0;
      const bool taken = TRY(TryTake(task, address, &word));
      if (taken) return 0;
      const auto owner = static_cast<int32_t>(word & abi::kFUTEX_TID_MASK);
      if (owner == task.ToGuestPid(task.tid())) return Errno::kEDEADLK;
      if (try_only) return Errno::kEAGAIN;
      if (!task.thread_group().pids().FindTask(task.ToKernelPid(owner))) return Errno::kESRCH;
      if ((word & abi::kFUTEX_WAITERS) == 0) {
        const uint32_t found = TRY(task.memory().CompareExchange(address, word, word | abi::kFUTEX_WAITERS));
        if (found != word) continue;
      }
      state->waiter = MakeRef<Waiter>(task, key, abi::kFUTEX_BITSET_MATCH_ANY, /*pi=*/true, task.ToGuestPid(task.tid()));
      state->table.Enqueue(*state->waiter, owner);
      // The owner may have let go between our look and our queueing: then it has not seen us.
      const auto again = task.memory().ReadValue<uint32_t>(address);
      if (!again.ok() || (*again & abi::kFUTEX_TID_MASK) != static_cast<uint32_t>(owner)) {
        if (state->table.Dequeue(*state->waiter)) {
          state->waiter.reset();
          if (!again.ok()) return again.error();
          continue;
        }
      }
    }
    switch (state->waiter->state()) {
      case Waiter::State::kWoken: return 0;
      case Waiter::State::kFailed:
      case Waiter::State::kIdle: state->waiter.reset(); continue;
      case Waiter::State::kGranting:
        // The unlocker is writing our tid into the word and wakes us in a moment, whatever signals there are.
        return task.ParkUnlessExiting();
      case Waiter::State::kQueued: break;
    }
    if (deadline_ns != time::kNever && time::MonotonicNs() >= deadline_ns) {
      if (state->table.Dequeue(*state->waiter)) return Errno::kETIMEDOUT;
      continue;
    }
    const Errno outcome = task.ParkUntilWoken(deadline_ns, Errno::kRestartNoIntr);
    if (outcome != Errno::kParked && !state->table.Dequeue(*state->waiter)) continue;
    return outcome;
  }
}

Result<int64_t> FutexUnlockPi(Task& task, uint64_t address, bool is_private) {
  const Key key = TRY(KeyOf(task, address, is_private));
  const uint32_t word = TRY(task.memory().ReadValue<uint32_t>(address));
  const auto tid = static_cast<uint32_t>(task.ToGuestPid(task.tid()));
  if ((word & abi::kFUTEX_TID_MASK) != tid) return Errno::kEPERM;
  TRY(HandOver(task, address, absl::MakeSpan(&key, 1), tid, /*died=*/false));
  return 0;
}

// ---- robust lists ---------------------------------------------------------------------------------------------------------

namespace {

// One lock of a dying thread. Errors mean that the list is bad: the walk ends.
Result<void> OwnerDied(Task& task, uint64_t address, bool pi, bool pending) {
  if (address % 4 != 0) return Errno::kEINVAL;
  FutexTable& table = TableOf(task);
  const auto tid = static_cast<uint32_t>(task.ToGuestPid(task.tid()));
  uint32_t word = TRY(task.memory().ReadValue<uint32_t>(address));
  for (;;) {
    if ((word & abi::kFUTEX_TID_MASK) != tid) {
      // Died between freeing the word and waking: the wake is done here (futex(2), robust futexes).
      if (pending && !pi && (word & abi::kFUTEX_TID_MASK) == 0) table.WakeAddress(task, address, 1);
      return {};
    }
    if (pi) {
      // The list does not say whether its waiters used the private key.
      absl::InlinedVector<Key, 2> keys;
      for (const bool is_private : {true, false}) {
        if (const Result<Key> key = KeyOf(task, address, is_private); key.ok()) keys.push_back(*key);
      }
      return HandOver(task, address, keys, tid, /*died=*/true);
    }
    const uint32_t desired = (word & abi::kFUTEX_WAITERS) | abi::kFUTEX_OWNER_DIED;
    const uint32_t found = TRY(task.memory().CompareExchange(address, word, desired));
    if (found == word) break;
    word = found;
  }
  if ((word & abi::kFUTEX_WAITERS) != 0) table.WakeAddress(task, address, 1);
  return {};
}

Result<void> WalkRobustList(Task& task) {
  const uint64_t head_address = task.robust_list_head;
  const auto head = TRY(task.memory().ReadValue<abi::RobustListHead>(head_address));
  const uint64_t pending = head.list_op_pending & ~uint64_t{1};
  const auto offset = static_cast<uint64_t>(head.futex_offset);
  uint64_t entry = head.list;
  for (uint64_t i = 0; i < abi::kROBUST_LIST_LIMIT && (entry & ~uint64_t{1}) != head_address; ++i) {
    const uint64_t at = entry & ~uint64_t{1};
    const bool pi = (entry & 1) != 0;
    // The next pointer first: the lock's memory may be reused as soon as it is free.
    const Result<uint64_t> next = task.memory().ReadValue<uint64_t>(at);
    if (at != pending) TRY(OwnerDied(task, at + offset, pi, /*pending=*/false));
    entry = TRY(next);
  }
  if (pending != 0) TRY(OwnerDied(task, pending + offset, (head.list_op_pending & 1) != 0, /*pending=*/true));
  return {};
}

}  // namespace

void FutexTable::ExitRobustList(Task& task) {
  if (task.memory().space() == nullptr) return;
  // A bad list is the guest's own loss.
  if (task.robust_list_head != 0) (void)WalkRobustList(task).ok();
  // PI words that were not on the list go to the next waiter too.
  for (const Key& key : OwnedKeys(task.ToGuestPid(task.tid()), reinterpret_cast<uint64_t>(&task.mm()))) {
    (void)HandOver(task, key.offset, absl::MakeSpan(&key, 1), static_cast<uint32_t>(task.ToGuestPid(task.tid())), /*died=*/true).ok();
  }
}

}  // namespace ringwall::futex
