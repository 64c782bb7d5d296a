// Mutex<Rank>: std::mutex that knows its place in lock_order.h. Debug builds abort on an inversion and print both ranks. (Not absl::Mutex:
// under contention that one asks the host for CPUs, priorities and clock rates, which the sentry's filter forbids.)
#pragma once

#include <mutex>

#include "absl/base/thread_annotations.h"
#include "base/sync/lock_order.h"

namespace ringwall {

namespace lock_order {
#ifdef RINGWALL_LOCK_ORDER
void WillLock(LockRank rank, bool nested);
void DidUnlock(LockRank rank);
// Aborts when this thread holds any Mutex. For places where no lock may be held: a park, a gofer request.
void AssertNoneHeld(const char* doing);
// The same, but for kFilePosition: for copies of guest memory.
void AssertMayCopy(const char* doing);
// Aborts when this thread holds no Mutex of the rank.
void AssertHeld(LockRank rank);
#else
inline void WillLock(LockRank, bool) {}
inline void DidUnlock(LockRank) {}
inline void AssertNoneHeld(const char*) {}
inline void AssertHeld(LockRank) {}
inline void AssertMayCopy(const char*) {}
#endif
}  // namespace lock_order

template <LockRank kRank>
class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    lock_order::WillLock(kRank, false);
    mu_.lock();
  }
  // Second lock of the same rank; the caller states the ordering rule beside the use.
  void LockNested() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    lock_order::WillLock(kRank, true);
    mu_.lock();
  }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    mu_.unlock();
    lock_order::DidUnlock(kRank);
  }
  // For the thread-safety analysis; debug builds check that this thread holds a lock of this rank.
  void AssertHeld() const ABSL_ASSERT_EXCLUSIVE_LOCK() { lock_order::AssertHeld(kRank); }

 private:
  std::mutex mu_;
};

template <LockRank kRank>
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex<kRank>& mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu) : mu_(mu) { mu_.Lock(); }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mu_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex<kRank>& mu_;
};

// For a second lock of the same rank.
template <LockRank kRank>
class ABSL_SCOPED_LOCKABLE MutexLockNested {
 public:
  explicit MutexLockNested(Mutex<kRank>& mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu) : mu_(mu) { mu_.LockNested(); }
  ~MutexLockNested() ABSL_UNLOCK_FUNCTION() { mu_.Unlock(); }
  MutexLockNested(const MutexLockNested&) = delete;
  MutexLockNested& operator=(const MutexLockNested&) = delete;

 private:
  Mutex<kRank>& mu_;
};

}  // namespace ringwall
