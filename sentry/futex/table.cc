// The futex table: hashed buckets of waiters. No guest memory is touched here and nothing is locked while it is.
#include <vector>

#include "absl/hash/hash.h"
#include "sentry/futex/futex.h"
#include "sentry/task/task.h"

namespace ringwall::futex {

void Waiter::Count(int change) {
  // Words of shared files have an inode (MemoryManager::FutexKey).
  if (key_.ino == 0 && key_.object >> 63 == 0) task_.mm().space().CountWaiter(key_.offset, change);
}

size_t FutexTable::IndexOf(const Key& key) { return absl::HashOf(key.object, key.ino, key.offset) % kBuckets; }

void FutexTable::Enqueue(Waiter& waiter, int32_t owner_tid) {
  const size_t index = IndexOf(waiter.key_);
  if (waiter.pi_) pi_waiters_.fetch_add(1, std::memory_order_seq_cst);
  Bucket& bucket = buckets_[index];
  MutexLock lock(bucket.mu);
  waiter.owner_tid_ = owner_tid;
  waiter.bucket_.store(index, std::memory_order_release);
  waiter.state_.store(Waiter::State::kQueued, std::memory_order_release);
  bucket.waiters.PushBack(waiter);
  ++bucket.arrivals;
  waiter.Count(1);
}

FutexTable::Bucket& FutexTable::LockBucketOf(Waiter& waiter) {
  for (;;) {
    const size_t index = waiter.bucket_.load(std::memory_order_acquire);
    buckets_[index].mu.Lock();
    if (waiter.bucket_.load(std::memory_order_acquire) == index) return buckets_[index];
    buckets_[index].mu.Unlock();
  }
}

bool FutexTable::Dequeue(Waiter& waiter) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Bucket& bucket = LockBucketOf(waiter);
  const bool queued = waiter.state() == Waiter::State::kQueued;
  if (queued) {
    IntrusiveList<Waiter, &Waiter::node_>::Remove(waiter);
    waiter.Count(-1);
    waiter.state_.store(Waiter::State::kIdle, std::memory_order_release);
    if (waiter.pi_) pi_waiters_.fetch_sub(1, std::memory_order_seq_cst);
  }
  bucket.mu.Unlock();
  return queued;
}

int64_t FutexTable::Wake(const Key& key, int64_t count, uint32_t bitset) {
  Bucket& bucket = buckets_[IndexOf(key)];
  int64_t woken = 0;
  MutexLock lock(bucket.mu);
  for (Waiter* w = bucket.waiters.front(); w != nullptr && woken < count;) {
    Waiter* const next = bucket.waiters.Next(*w);
    if (!w->pi_ && w->key_ == key && (w->bitset_ & bitset) != 0) {
      bucket.waiters.Remove(*w);
      w->Count(-1);
      w->state_.store(Waiter::State::kWoken, std::memory_order_release);
      w->task_.Wake();
      ++woken;
    }
    w = next;
  }
  return woken;
}

uint64_t FutexTable::Arrivals(const Key& key) {
  Bucket& bucket = buckets_[IndexOf(key)];
  MutexLock lock(bucket.mu);
  return bucket.arrivals;
}

int64_t FutexTable::Requeue(const Key& from, const Key& to, int64_t wake, int64_t move,
                            const uint64_t* arrivals) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  const size_t from_index = IndexOf(from);
  const size_t to_index = IndexOf(to);
  Bucket& source = buckets_[from_index];
  Bucket& target = buckets_[to_index];
  // Two buckets: the lower index first.
  Bucket& first = from_index <= to_index ? source : target;
  Bucket& second = from_index <= to_index ? target : source;
  first.mu.Lock();
  if (&first != &second) second.mu.LockNested();

  int64_t done = 0;
  if (arrivals != nullptr && source.arrivals != *arrivals) {
    done = -1;
  } else {
    int64_t moved = 0;
    int64_t woken = 0;
    for (Waiter* w = source.waiters.front(); w != nullptr && (woken < wake || moved < move);) {
      Waiter* const next = source.waiters.Next(*w);
      if (!w->pi_ && w->key_ == from) {
        if (woken < wake) {
          source.waiters.Remove(*w);
          w->Count(-1);
          w->state_.store(Waiter::State::kWoken, std::memory_order_release);
          w->task_.Wake();
          ++woken;
        } else {
          ++moved;
          if (!(from == to)) {
            source.waiters.Remove(*w);
            w->Count(-1);
            w->key_ = to;
            w->Count(1);
            w->bucket_.store(to_index, std::memory_order_release);
            target.waiters.PushBack(*w);
            ++target.arrivals;
          }
        }
      }
      // Moved within one bucket, a waiter comes by again with its new key and is left alone.
      w = next;
    }
    done = woken + moved;
  }
  if (&first != &second) second.mu.Unlock();
  first.mu.Unlock();
  return done;
}

RefPtr<Waiter> FutexTable::TakeForGrant(const Key& key, int32_t* tid, bool* more) {
  Bucket& bucket = buckets_[IndexOf(key)];
  RefPtr<Waiter> taken;
  *more = false;
  MutexLock lock(bucket.mu);
  for (Waiter* w = bucket.waiters.front(); w != nullptr; w = bucket.waiters.Next(*w)) {
    if (!w->pi_ || !(w->key_ == key)) continue;
    if (!taken) {
      taken = RefPtr<Waiter>::Share(w);
      *tid = w->guest_tid_;
    } else {
      *more = true;
      w->owner_tid_ = *tid;
    }
  }
  if (taken) {
    bucket.waiters.Remove(*taken);
    taken->Count(-1);
    taken->state_.store(Waiter::State::kGranting, std::memory_order_release);
    pi_waiters_.fetch_sub(1, std::memory_order_seq_cst);
  }
  return taken;
}

void FutexTable::FinishGrant(Waiter& waiter, Waiter::State state) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Bucket& bucket = LockBucketOf(waiter);
  // A waiter whose thread has died meanwhile went from kGranting to kIdle: its task may be gone.
  if (waiter.state() == Waiter::State::kGranting) {
    waiter.state_.store(state, std::memory_order_release);
    waiter.task_.Wake();
  }
  bucket.mu.Unlock();
}

bool FutexTable::Abandon(Waiter& waiter) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Bucket& bucket = LockBucketOf(waiter);
  const Waiter::State state = waiter.state();
  if (state == Waiter::State::kQueued) {
    IntrusiveList<Waiter, &Waiter::node_>::Remove(waiter);
    waiter.Count(-1);
    if (waiter.pi_) pi_waiters_.fetch_sub(1, std::memory_order_seq_cst);
  }
  waiter.state_.store(Waiter::State::kIdle, std::memory_order_release);
  bucket.mu.Unlock();
  return state == Waiter::State::kWoken;
}

std::vector<Key> FutexTable::OwnedKeys(int32_t tid, uint64_t memory_object) {
  std::vector<Key> keys;
  if (pi_waiters_.load(std::memory_order_seq_cst) == 0) return keys;
  for (Bucket& bucket : buckets_) {
    MutexLock lock(bucket.mu);
    for (Waiter& w : bucket.waiters) {
      if (!w.pi_ || w.owner_tid_ != tid || w.key_.object != memory_object) continue;
      bool known = false;
      for (const Key& key : keys) known |= key == w.key_;
      if (!known) keys.push_back(w.key_);
    }
  }
  return keys;
}

}  // namespace ringwall::futex
