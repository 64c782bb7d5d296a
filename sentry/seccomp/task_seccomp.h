// What a task has of seccomp(2): its mode and its filters. Changed only under the pid table's lock, so that SECCOMP_FILTER_FLAG_TSYNC
// changes all threads of a process at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "abi/seccomp.h"
#include "absl/base/thread_annotations.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/seccomp/filter.h"
#include "sentry/seccomp/listener.h"

namespace ringwall::seccomp {

class TaskSeccomp {
 public:
  uint32_t mode() const {
    MutexLock lock(mu_);
    return mode_;
  }
  RefPtr<Filter> filter() const {
    MutexLock lock(mu_);
    return filter_;
  }
  void Set(uint32_t mode, RefPtr<Filter> filter) {
    // The old chain is dropped after the lock.
    MutexLock lock(mu_);
    mode_ = mode;
    std::swap(filter_, filter);
  }
  // TSYNC carries no_new_privs over; credentials are written by their own thread only, so it does so before its next call.
  std::atomic<bool> adopt_no_new_privs{false};
  // The question that the task's current call waits on. Task thread only.
  RefPtr<Question> asked;
  bool asked_killable = false;  // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV

 private:
  mutable Mutex<LockRank::kTask> mu_;
  uint32_t mode_ ABSL_GUARDED_BY(mu_) = abi::kSECCOMP_MODE_DISABLED;
  RefPtr<Filter> filter_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ringwall::seccomp
