// Host time, read in one place, and one-shot timers on CLOCK_MONOTONIC. Everything guest-visible about time starts here.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <thread>
#include <utility>

#include "abi/time.h"
#include "absl/base/thread_annotations.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/time/host_clock.h"

namespace ringwall::time {

inline constexpr int64_t kNsPerSecond = 1'000'000'000;
inline constexpr int64_t kNever = INT64_MAX;

int64_t MonotonicNs();
int64_t RealtimeNs();
int64_t BoottimeNs();
abi::Timespec ToTimespec(int64_t ns);
// Seconds and nanoseconds to ns, saturating at kNever. The caller has checked tv_nsec.
int64_t ToNs(const abi::Timespec& ts);
inline bool ValidTimespec(const abi::Timespec& ts) { return ts.tv_sec >= 0 && ts.tv_nsec >= 0 && ts.tv_nsec < kNsPerSecond; }
// now + delta, saturating at kNever.
int64_t SaturatingAdd(int64_t now_ns, int64_t delta_ns);

// Something with a deadline. The queue holds a reference while armed.
class Timer : public RefCounted {
 public:
  // On the timer thread, no lock held. May come once after Cancel (the race is the caller's): compare deadline_ns with what you want.
  virtual void OnTimer(int64_t deadline_ns) = 0;

 private:
  friend class TimerQueue;
  int64_t armed_ns_ = kNever;  // guarded by the queue's lock
};

// All timers of one Kernel, on one host thread that sleeps on a timerfd: an idle sandbox uses no CPU.
class TimerQueue {
 public:
  TimerQueue();
  ~TimerQueue();
  // Creates the host thread (before the sentry's filter is installed the timerfd exists already).
  void Start();
  void Stop();
  // Arms or re-arms for an absolute monotonic time; kNever disarms.
  void Arm(Timer& timer, int64_t deadline_ns);
  // Returns true when the timer was armed and will not fire for that deadline.
  bool Cancel(Timer& timer);

 private:
  void Loop();
  void SetHostTimerLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex<LockRank::kTimer> mu_;
  std::set<std::pair<int64_t, Timer*>> armed_ ABSL_GUARDED_BY(mu_);
  int64_t host_deadline_ns_ ABSL_GUARDED_BY(mu_) = kNever;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  const std::unique_ptr<HostTimer> host_;
  std::thread thread_;
};

}  // namespace ringwall::time
