// futex(2): waiting on a word of guest memory. One table per Kernel; a waiter is data that hangs in a bucket, never a thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/types/span.h"
#include "base/container/intrusive_list.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/mm/memory_manager.h"

namespace ringwall::task {
class Task;
}

namespace ringwall::futex {

using Key = mm::MemoryManager::FutexKey;

class FutexTable;

// One thread's wait on one word. Links and fields other than state are guarded by the bucket's lock.
class Waiter final : public RefCounted {
 public:
  enum class State : uint8_t {
    kIdle,  // not queued (never was, or took itself out)
    kQueued,
    kGranting,  // PI: taken out by the unlocker, which is writing the word
    kWoken,     // taken out by a waker; PI: owns the word
    kFailed,    // PI: the unlocker could not write the word
  };
  // `guest_tid`: what a PI word says when this one owns it, in numbers of its pid namespace.
  Waiter(task::Task& task, const Key& key, uint32_t bitset, bool pi, int32_t guest_tid = 0)
      : task_(task), key_(key), bitset_(bitset), pi_(pi), guest_tid_(guest_tid) {}
  State state() const { return state_.load(std::memory_order_acquire); }

 private:
  friend class FutexTable;
  // Into and out of the queue, under the bucket's lock: the platform counts those who wait for private words.
  void Count(int change);
  task::Task& task_;  // alive while queued, with its memory: the task's call state takes the waiter out
  Key key_;
  const uint32_t bitset_;
  const bool pi_;
  const int32_t guest_tid_;
  int32_t owner_tid_ = 0;  // PI: who held the word when it was queued, or was handed it since
  std::atomic<State> state_{State::kIdle};
  std::atomic<size_t> bucket_{0};
  ListNode node_;
};

class FutexTable {
 public:
  FutexTable() = default;

  // For clear_child_tid: FUTEX_WAKE of a shared word. Bad addresses are ignored.
  void WakeAddress(task::Task& task, uint64_t address, int32_t count);
  // A thread dies: walks its robust list (get_robust_list(2)) and hands over the PI words it holds. No locks held, memory still there.
  void ExitRobustList(task::Task& task);

  // ---- the table itself; callers hold no lock ----
  void Enqueue(Waiter& waiter, int32_t owner_tid = 0);
  // False when a waker was quicker: then state() says how it ended.
  bool Dequeue(Waiter& waiter);
  // Wakes up to `count` waiters whose bitset meets `bitset`; how many.
  int64_t Wake(const Key& key, int64_t count, uint32_t bitset);
  // A number that grows with every Enqueue on the key's bucket.
  uint64_t Arrivals(const Key& key);
  // Wakes `wake` waiters of `from` and moves up to `move` others to `to`; how many in all. -1 when the bucket of `from` has had arrivals
  // since `arrivals`: the caller compares the word again.
  int64_t Requeue(const Key& from, const Key& to, int64_t wake, int64_t move, const uint64_t* arrivals);
  // PI: takes the longest waiter out of the queue in state kGranting and names its thread; null when nobody waits. `more`: others still do.
  RefPtr<Waiter> TakeForGrant(const Key& key, int32_t* tid, bool* more);
  // Ends what TakeForGrant began and wakes the waiter, unless its thread has died since.
  void FinishGrant(Waiter& waiter, Waiter::State state);
  // The waiter's thread goes away: takes it out whatever its state. True when it had been woken.
  bool Abandon(Waiter& waiter);
  // The private PI words of one address space that `tid` owns and others wait for.
  std::vector<Key> OwnedKeys(int32_t tid, uint64_t memory_object);

 private:
  static constexpr size_t kBuckets = 256;
  struct Bucket {
    Mutex<LockRank::kFutex> mu;
    IntrusiveList<Waiter, &Waiter::node_> waiters ABSL_GUARDED_BY(mu);
    uint64_t arrivals ABSL_GUARDED_BY(mu) = 0;
  };
  static size_t IndexOf(const Key& key);
  // Locks the bucket that the waiter is in: requeueing moves it.
  Bucket& LockBucketOf(Waiter& waiter) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  std::array<Bucket, kBuckets> buckets_;
  std::atomic<int64_t> pi_waiters_{0};
};

// ---- the calls: re-run by the run loop until they end --------------------------------------------------------------------
// `is_private` is FUTEX_PRIVATE_FLAG; a deadline is absolute CLOCK_MONOTONIC nanoseconds or time::kNever. Addresses must be 4-byte aligned
// (EINVAL).

// FUTEX_WAIT, FUTEX_WAIT_BITSET: 0, EAGAIN, ETIMEDOUT, EINVAL (bitset 0), EFAULT, or a restart code.
Result<int64_t> FutexWait(task::Task& task, uint64_t address, bool is_private, uint32_t expected, uint32_t bitset, int64_t deadline_ns);
// futex_waitv(2): the index of the word that was woken. The caller has checked flags and count (1..128).
struct WaitvEntry {
  uint64_t address = 0;
  uint32_t expected = 0;
  bool is_private = false;
};
Result<int64_t> FutexWaitv(task::Task& task, absl::Span<const WaitvEntry> entries, int64_t deadline_ns);
Result<int64_t> FutexWake(task::Task& task, uint64_t address, bool is_private, int32_t count, uint32_t bitset);
// FUTEX_REQUEUE; with `expected` FUTEX_CMP_REQUEUE.
Result<int64_t> FutexRequeue(task::Task& task, uint64_t address, uint64_t address2, bool is_private, int32_t wake, int32_t move,
                             const uint32_t* expected);
// FUTEX_WAKE_OP: `operation` is val3.
Result<int64_t> FutexWakeOp(task::Task& task, uint64_t address, uint64_t address2, bool is_private, int32_t wake, int32_t wake2,
                            uint32_t operation);
// FUTEX_LOCK_PI (and LOCK_PI2), FUTEX_TRYLOCK_PI, FUTEX_UNLOCK_PI. Waiters are served in order of arrival.
Result<int64_t> FutexLockPi(task::Task& task, uint64_t address, bool is_private, bool try_only, int64_t deadline_ns);
Result<int64_t> FutexUnlockPi(task::Task& task, uint64_t address, bool is_private);

}  // namespace ringwall::futex
