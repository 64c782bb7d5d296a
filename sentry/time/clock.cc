// Time arithmetic and the timer queue. The host is asked in host_clock.cc only.
#include "sentry/time/clock.h"

#include <utility>
#include <vector>

namespace ringwall::time {

abi::Timespec ToTimespec(int64_t ns) {
  int64_t seconds = ns / kNsPerSecond;
  int64_t rest = ns % kNsPerSecond;
  if (rest < 0) {
    rest += kNsPerSecond;
    --seconds;
  }
  return {.tv_sec = seconds, .tv_nsec = rest};
}

int64_t ToNs(const abi::Timespec& ts) {
  int64_t ns = 0;
  if (__builtin_mul_overflow(ts.tv_sec, kNsPerSecond, &ns) || __builtin_add_overflow(ns, ts.tv_nsec, &ns))
    return ts.tv_sec < 0 ? INT64_MIN : kNever;
  return ns;
}

int64_t SaturatingAdd(int64_t now_ns, int64_t delta_ns) {
  int64_t sum = 0;
  if (__builtin_add_overflow(now_ns, delta_ns, &sum)) return delta_ns > 0 ? kNever : INT64_MIN;
  return sum;
}

TimerQueue::TimerQueue() : host_(std::make_unique<HostTimer>()) {}

TimerQueue::~TimerQueue() {
  Stop();
  // Timers that never fired: give their references back.
  std::set<std::pair<int64_t, Timer*>> left;
  {
    MutexLock lock(mu_);
    left.swap(armed_);
    for (const auto& [deadline, timer] : left) timer->armed_ns_ = kNever;
  }
  for (const auto& [deadline, timer] : left) timer->Release();
}

void TimerQueue::Start() {
  if (!thread_.joinable()) thread_ = host_->StartThread([this] { Loop(); });
}

void TimerQueue::Stop() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mu_);
    stopping_ = true;
    host_->Set(0);
  }
  thread_.join();
}

void TimerQueue::Arm(Timer& timer, int64_t deadline_ns) {
  if (deadline_ns == kNever) {
    Cancel(timer);
    return;
  }
  if (deadline_ns < 1) deadline_ns = 1;
  MutexLock lock(mu_);
  if (timer.armed_ns_ == deadline_ns) return;
  if (timer.armed_ns_ != kNever) {
    armed_.erase({timer.armed_ns_, &timer});
  } else {
    timer.AddRef();
  }
  timer.armed_ns_ = deadline_ns;
  armed_.insert({deadline_ns, &timer});
  SetHostTimerLocked();
}

bool TimerQueue::Cancel(Timer& timer) {
  {
    MutexLock lock(mu_);
    if (timer.armed_ns_ == kNever) return false;
    armed_.erase({timer.armed_ns_, &timer});
    timer.armed_ns_ = kNever;
    // The host's timer stays: one empty wake-up costs less than a host call for every wait that ends early.
  }
  timer.Release();  // the caller holds one too
  return true;
}

void TimerQueue::SetHostTimerLocked() {
  const int64_t first = armed_.empty() ? kNever : armed_.begin()->first;
  if (first >= host_deadline_ns_) return;
  host_deadline_ns_ = first;
  host_->Set(first);
}

void TimerQueue::Loop() {
  for (;;) {
    host_->Wait();
    std::vector<std::pair<int64_t, Ref<Timer>>> due;
    {
      MutexLock lock(mu_);
      if (stopping_) return;
      host_deadline_ns_ = kNever;
      const int64_t now = MonotonicNs();
      while (!armed_.empty() && armed_.begin()->first <= now) {
        const auto [deadline, timer] = *armed_.begin();
        armed_.erase(armed_.begin());
        timer->armed_ns_ = kNever;
        due.emplace_back(deadline, Ref<Timer>(timer, Ref<Timer>::AdoptTag{}));  // the queue's reference
      }
      SetHostTimerLocked();
    }
    for (auto& [deadline, timer] : due) timer->OnTimer(deadline);
  }
}

}  // namespace ringwall::time
