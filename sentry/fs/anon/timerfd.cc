// timerfd_create(2): expirations of a timer as a number to read. Expirations are counted when somebody looks, so that a short interval
// costs one wake-up, not one per period.
#include "sentry/fs/anon/timerfd.h"

#include <algorithm>

#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "abi/timerfd.h"
#include "absl/base/thread_annotations.h"
#include "absl/strings/str_format.h"
#include "base/sync/mutex.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/anon/anon_inode.h"
#include "sentry/mm/user_memory.h"

namespace ringwall::anon {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM;

int64_t NowOf(int32_t clock) {
  switch (clock) {
    case abi::kCLOCK_REALTIME:
    case abi::kCLOCK_REALTIME_ALARM: return time::RealtimeNs();
    case abi::kCLOCK_BOOTTIME:
    case abi::kCLOCK_BOOTTIME_ALARM: return time::BoottimeNs();
    default: return time::MonotonicNs();
  }
}

}  // namespace

// The part that the timer queue holds while it is armed. Times are on the timer's own clock.
class TimerfdTimer final : public time::Timer {
 public:
  TimerfdTimer(time::TimerQueue& queue, int32_t clock) : queue_(queue), clock_(clock) {}

  void OnTimer(int64_t) override {
    bool due;
    int64_t rearm = time::kNever;
    {
      MutexLock lock(mu_);
      due = ticks_ != 0 || (next_ns_ != time::kNever && NowOf(clock_) >= next_ns_);
      // The clock was set back, or time differs between the two clocks: sleep on.
      if (!due) rearm = MonotonicDeadlineLocked();
    }
    if (due) {
      waiters_.Notify(kIn);
      return;
    }
    if (rearm != time::kNever) queue_.Arm(*this, rearm);
  }

  // How often it expired since the last look; EAGAIN for never. Sleeps towards the next one.
  Result<uint64_t> Take() {
    uint64_t ticks;
    int64_t rearm;
    {
      MutexLock lock(mu_);
      CountLocked();
      if (ticks_ == 0) return Errno::kEAGAIN;
      ticks = ticks_;
      ticks_ = 0;
      rearm = MonotonicDeadlineLocked();
    }
    if (rearm != time::kNever) queue_.Arm(*this, rearm);
    return ticks;
  }

  bool Ready() {
    MutexLock lock(mu_);
    return ticks_ != 0 || (next_ns_ != time::kNever && NowOf(clock_) >= next_ns_);
  }

  abi::Itimerspec Set(bool absolute, int64_t value_ns, int64_t interval_ns, uint32_t flags) {
    abi::Itimerspec old;
    int64_t deadline;
    {
      MutexLock lock(mu_);
      old = GetLocked();
      ticks_ = 0;
      interval_ns_ = interval_ns;
      flags_ = flags;
      next_ns_ = value_ns == 0 ? time::kNever : absolute ? value_ns : time::SaturatingAdd(NowOf(clock_), value_ns);
      deadline = MonotonicDeadlineLocked();
    }
    if (deadline == time::kNever) {
      queue_.Cancel(*this);
    } else {
      queue_.Arm(*this, deadline);
    }
    return old;
  }

  abi::Itimerspec Get() {
    MutexLock lock(mu_);
    return GetLocked();
  }

  void SetTicks(uint64_t ticks) {
    {
      MutexLock lock(mu_);
      ticks_ = ticks;
    }
    waiters_.Notify(kIn);
  }

  void Stop() {
    {
      MutexLock lock(mu_);
      next_ns_ = time::kNever;
    }
    queue_.Cancel(*this);
  }

  std::string Info() {
    MutexLock lock(mu_);
    CountLocked();
    const abi::Itimerspec now = GetLocked();
    return absl::StrFormat("clockid: %d\nticks: %d\nsettime flags: 0%o\nit_value: (%d, %d)\nit_interval: (%d, %d)\n", clock_, ticks_,
                           flags_, now.it_value.tv_sec, now.it_value.tv_nsec, now.it_interval.tv_sec, now.it_interval.tv_nsec);
  }

  wait::WaitQueue& waiters() { return waiters_; }

 private:
  ~TimerfdTimer() override = default;

  // Turns what has passed into ticks and moves on to the next expiration.
  void CountLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (next_ns_ == time::kNever) return;
    const int64_t now = NowOf(clock_);
    if (now < next_ns_) return;
    if (interval_ns_ == 0) {
      ++ticks_;
      next_ns_ = time::kNever;
      return;
    }
    const auto periods = (static_cast<uint64_t>(now) - static_cast<uint64_t>(next_ns_)) / static_cast<uint64_t>(interval_ns_);
    ticks_ += periods + 1;
    next_ns_ = time::SaturatingAdd(next_ns_ + static_cast<int64_t>(periods) * interval_ns_, interval_ns_);
  }

  // When the timer queue should call.
  int64_t MonotonicDeadlineLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (next_ns_ == time::kNever) return time::kNever;
    return time::SaturatingAdd(time::MonotonicNs(), std::max<int64_t>(next_ns_ - NowOf(clock_), 0));
  }

  abi::Itimerspec GetLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    CountLocked();
    abi::Itimerspec out;
    out.it_interval = time::ToTimespec(interval_ns_);
    if (next_ns_ != time::kNever) out.it_value = time::ToTimespec(std::max<int64_t>(next_ns_ - NowOf(clock_), 1));
    return out;
  }

  time::TimerQueue& queue_;
  const int32_t clock_;
  Mutex<LockRank::kFile> mu_;
  int64_t next_ns_ ABSL_GUARDED_BY(mu_) = time::kNever;
  int64_t interval_ns_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t ticks_ ABSL_GUARDED_BY(mu_) = 0;
  uint32_t flags_ ABSL_GUARDED_BY(mu_) = 0;
  wait::WaitQueue waiters_;
};

TimerfdFile::TimerfdFile(Context& ctx, time::TimerQueue& timers, int32_t clock, uint32_t tfd_flags)
    : File(kKind, AnonPath(ctx), abi::kO_RDWR | (tfd_flags & abi::kTFD_NONBLOCK)), timer_(MakeRef<TimerfdTimer>(timers, clock)) {}

TimerfdFile::~TimerfdFile() { timer_->Stop(); }

Result<abi::Itimerspec> TimerfdFile::SetTime(uint32_t flags, const abi::Itimerspec& value) {
  if ((flags & ~(abi::kTFD_TIMER_ABSTIME | abi::kTFD_TIMER_CANCEL_ON_SET)) != 0) return Errno::kEINVAL;
  if (!time::ValidTimespec(value.it_value) || !time::ValidTimespec(value.it_interval)) return Errno::kEINVAL;
  // Differs from Linux: TFD_TIMER_CANCEL_ON_SET is taken but never cancels: a guest cannot set the clock, and changes of the host's are not
  // told.
  return timer_->Set((flags & abi::kTFD_TIMER_ABSTIME) != 0, time::ToNs(value.it_value), time::ToNs(value.it_interval), flags);
}

abi::Itimerspec TimerfdFile::GetTime() const { return timer_->Get(); }

Result<size_t> TimerfdFile::Read(Context&, mm::IoSink& sink) {
  if (sink.remaining() < sizeof(uint64_t)) return Errno::kEINVAL;
  const uint64_t ticks = TRY(timer_->Take());
  const size_t n = TRY(sink.Put({reinterpret_cast<const std::byte*>(&ticks), sizeof(ticks)}));
  if (n < sizeof(ticks)) return Errno::kEFAULT;
  return n;
}

Result<size_t> TimerfdFile::Write(Context&, mm::IoSource&) { return Errno::kEINVAL; }

Result<int64_t> TimerfdFile::Ioctl(Context& ctx, uint32_t command, uint64_t argument) {
  if (command != abi::kTFD_IOC_SET_TICKS) return Errno::kENOTTY;
  const uint64_t ticks = TRY(ctx.memory().ReadValue<uint64_t>(argument));
  if (ticks == 0) return Errno::kEINVAL;
  timer_->SetTicks(ticks);
  return int64_t{0};
}

std::string TimerfdFile::FdInfo() const { return timer_->Info(); }
wait::EventMask TimerfdFile::Readiness(wait::EventMask mask) { return (mask & kIn) != 0 && timer_->Ready() ? mask & kIn : 0; }
void TimerfdFile::AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive) { timer_->waiters().Add(waiter, mask, exclusive); }
void TimerfdFile::RemoveWaiter(wait::Waiter& waiter) { timer_->waiters().Remove(waiter); }

Result<Ref<vfs::File>> MakeTimerfd(Context& ctx, time::TimerQueue& timers, int32_t clock, uint32_t flags) {
  if ((flags & ~(abi::kTFD_CLOEXEC | abi::kTFD_NONBLOCK)) != 0) return Errno::kEINVAL;
  switch (clock) {
    case abi::kCLOCK_REALTIME:
    case abi::kCLOCK_MONOTONIC:
    case abi::kCLOCK_BOOTTIME: break;
    case abi::kCLOCK_REALTIME_ALARM:
    case abi::kCLOCK_BOOTTIME_ALARM:
      if (!ctx.creds().Has(abi::kCAP_WAKE_ALARM)) return Errno::kEPERM;
      break;
    default: return Errno::kEINVAL;
  }
  return Ref<vfs::File>(MakeRef<TimerfdFile>(ctx, timers, clock, flags));
}

}  // namespace ringwall::anon
