// Mutex<Rank>: absl::Mutex that knows its place in lock_order.h. Debug builds abort on an inversion and print both ranks.
#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
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
#else
inline void WillLock(LockRank, bool) {}
inline void DidUnlock(LockRank) {}
inline void AssertNoneHeld(const char*) {}
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
    mu_.Lock();
  }
  // Second lock of the same rank; the caller states the ordering rule beside the use.
  void LockNested() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    lock_order::WillLock(kRank, true);
    mu_.Lock();
  }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    mu_.Unlock();
    lock_order::DidUnlock(kRank);
  }
  void AssertHeld() const ABSL_ASSERT_EXCLUSIVE_LOCK() { mu_.AssertHeld(); }

 private:
  absl::Mutex mu_;
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
