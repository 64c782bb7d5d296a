// timerfd_create(2), timerfd_settime(2), timerfd_gettime(2).
#pragma once

#include <cstdint>
#include <string>

#include "abi/time.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/time/clock.h"
#include "sentry/vfs/file.h"

namespace ringwall::anon {

class TimerfdTimer;

class TimerfdFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kTimerfd;
  TimerfdFile(Context& ctx, time::TimerQueue& timers, int32_t clock, uint32_t tfd_flags);

  // Returns the previous setting. `flags`: TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET. EINVAL.
  Result<abi::Itimerspec> SetTime(uint32_t flags, const abi::Itimerspec& value);
  abi::Itimerspec GetTime() const;

  // The number of expirations since the last read, 8 bytes; EAGAIN when 0, EINVAL for a smaller buffer.
  Result<size_t> Read(Context& ctx, mm::IoSink& sink) override;
  Result<size_t> Write(Context& ctx, mm::IoSource& source) override;
  Result<int64_t> Ioctl(Context& ctx, uint32_t command, uint64_t argument) override;
  std::string FdInfo() const override;
  std::string DisplayName() const override { return "anon_inode:[timerfd]"; }
  wait::EventMask Readiness(wait::EventMask mask) override;
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override;
  void RemoveWaiter(wait::Waiter& waiter) override;

 private:
  ~TimerfdFile() override;
  const Ref<TimerfdTimer> timer_;
};

// timerfd_create(2): EINVAL for unknown clocks and flags; alarm clocks need CAP_WAKE_ALARM (EPERM).
Result<Ref<vfs::File>> MakeTimerfd(Context& ctx, time::TimerQueue& timers, int32_t clock, uint32_t flags);

}  // namespace ringwall::anon
