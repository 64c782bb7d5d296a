// CondVar: a condition variable for ranked locks. Host threads of the sentry wait here, tasks never do: they park (DESIGN section 6).
#pragma once

#include <chrono>
#include <condition_variable>

#include "absl/base/thread_annotations.h"
#include "base/sync/mutex.h"

namespace ringwall {

template <LockRank kRank>
class CondVar {
 public:
  void NotifyOne() { waiters_.notify_one(); }
  void NotifyAll() { waiters_.notify_all(); }
  // Lets go of `mu` until `ready()` or the time is over, and holds it again on return; says what `ready()` said last.
  template <typename Ready>
  bool WaitFor(Mutex<kRank>& mu, std::chrono::nanoseconds limit, Ready ready) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    Lockable lockable{mu};
    return waiters_.wait_for(lockable, limit, ready);
  }

 private:
  struct Lockable {
    Mutex<kRank>& mu;
    void lock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mu.Lock(); }
    void unlock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mu.Unlock(); }
  };
  std::condition_variable_any waiters_;
};

}  // namespace ringwall
