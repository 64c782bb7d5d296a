// setitimer(2) and timer_create(2).
#include "sentry/task/process_timers.h"

#include "abi/time.h"
#include "sentry/task/cpu_clock.h"
#include "sentry/task/test_world.h"

namespace ringwall::task::test {
namespace {

constexpr int64_t kMs = 1'000'000;

class ProcessTimersTest : public World {
 protected:
  static abi::Sigevent Event(int signo, int32_t notify = abi::kSIGEV_SIGNAL, int32_t tid = 0) {
    return {.value = 4711, .signo = signo, .notify = notify, .tid = tid};
  }
};

TEST_F(ProcessTimersTest, RealTimerFiresOnceAndIsThenDisarmed) {
  Catch(*init_, abi::kSIGALRM);
  ASSERT_TRUE(SetItimer(*init_, abi::kITIMER_REAL, {.value_ns = 5 * kMs}).ok());
  ASSERT_TRUE(PumpUntil([&] { return InHandler(*init_); }));
  EXPECT_EQ(GetItimer(*init_, abi::kITIMER_REAL)->value_ns, 0);
  EXPECT_TRUE(SetItimer(*init_, 3, {}) == Errno::kEINVAL);
}

TEST_F(ProcessTimersTest, IntervalIsReportedAndRepeats) {
  Catch(*init_, abi::kSIGALRM);
  ASSERT_TRUE(SetItimer(*init_, abi::kITIMER_REAL, {.value_ns = 2 * kMs, .interval_ns = 2 * kMs}).ok());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(PumpUntil([&] { return InHandler(*init_); }));
    ReturnFromHandler(*init_);
  }
  const auto old = SetItimer(*init_, abi::kITIMER_REAL, {});
  EXPECT_EQ(old->interval_ns, 2 * kMs);
  EXPECT_EQ(GetItimer(*init_, abi::kITIMER_REAL)->interval_ns, 0);
}

TEST_F(ProcessTimersTest, ProfilingTimerCountsCpuTimeOnly) {
  Catch(*init_, abi::kSIGPROF);
  ASSERT_TRUE(SetItimer(*init_, abi::kITIMER_PROF, {.value_ns = 10 * kMs}).ok());
  absl::SleepFor(absl::Milliseconds(30));
  platform_->Pump();
  EXPECT_FALSE(InHandler(*init_));
  ThreadOf(*init_)->cpu_ns = 11 * kMs;
  // With the time that its events took.
  EXPECT_GE(*ReadClock(*init_, abi::kCLOCK_THREAD_CPUTIME_ID), 11 * kMs);
  EXPECT_LT(*ReadClock(*init_, abi::kCLOCK_THREAD_CPUTIME_ID), 111 * kMs);
  ASSERT_TRUE(PumpUntil([&] { return InHandler(*init_); }));
}

TEST_F(ProcessTimersTest, TimerSignalCarriesValueAndId) {
  init_->SetSignalMask(signal::Bit(40));
  const abi::Sigevent event = Event(40);
  const auto id = CreateTimer(*init_, abi::kCLOCK_MONOTONIC, &event);
  ASSERT_TRUE(id.ok());
  ASSERT_TRUE(SetTimer(*init_, *id, false, {.value_ns = kMs}).ok());
  ASSERT_TRUE(PumpUntil([&] { return init_->PendingSignals() != 0; }));
  const abi::SigInfo info = init_->TakeSignal(signal::Bit(40));
  EXPECT_EQ(info.si_code, abi::kSI_TIMER);
  EXPECT_EQ(info.timer().value, 4711u);
  EXPECT_EQ(info.timer().timerid, *id);
  EXPECT_TRUE(DeleteTimer(*init_, *id).ok());
  EXPECT_TRUE(DeleteTimer(*init_, *id) == Errno::kEINVAL);
}

TEST_F(ProcessTimersTest, MissedExpirationsAreOverruns) {
  init_->SetSignalMask(signal::Bit(abi::kSIGUSR1));
  const abi::Sigevent event = Event(abi::kSIGUSR1);
  const auto id = CreateTimer(*init_, abi::kCLOCK_MONOTONIC, &event);
  ASSERT_TRUE(SetTimer(*init_, *id, false, {.value_ns = 2 * kMs, .interval_ns = 2 * kMs}).ok());
  absl::SleepFor(absl::Milliseconds(30));
  EXPECT_GE(init_->TakeSignal(signal::Bit(abi::kSIGUSR1)).timer().overrun, 3);
  EXPECT_GE(*GetTimerOverrun(*init_, *id), 3);
  // Taken: the next interval runs.
  ASSERT_TRUE(PumpUntil([&] { return init_->PendingSignals() != 0; }));
}

TEST_F(ProcessTimersTest, SignalOfAPastTimerIsForgotten) {
  init_->SetSignalMask(signal::Bit(abi::kSIGUSR1));
  const abi::Sigevent event = Event(abi::kSIGUSR1);
  for (const int64_t interval : {int64_t{0}, kMs}) {
    const auto id = CreateTimer(*init_, abi::kCLOCK_MONOTONIC, &event);
    ASSERT_TRUE(SetTimer(*init_, *id, false, {.value_ns = kMs, .interval_ns = interval}).ok());
    ASSERT_TRUE(PumpUntil([&] { return init_->PendingSignals() != 0; }));
    // Set anew: the expiration that waits belongs to the past.
    ASSERT_TRUE(SetTimer(*init_, *id, false, {.value_ns = 100 * time::kNsPerSecond}).ok());
    EXPECT_EQ(init_->TakeSignal(signal::Bit(abi::kSIGUSR1)).si_signo, 0);
    ASSERT_TRUE(SetTimer(*init_, *id, false, {.value_ns = kMs, .interval_ns = interval}).ok());
    ASSERT_TRUE(PumpUntil([&] { return init_->PendingSignals() != 0; }));
    EXPECT_TRUE(DeleteTimer(*init_, *id).ok());
    EXPECT_EQ(init_->TakeSignal(signal::Bit(abi::kSIGUSR1)).si_signo, 0);
  }
}

TEST_F(ProcessTimersTest, ExecForgetsSignalsOfTimersThoughIdsStartAgain) {
  init_->SetSignalMask(signal::Bit(abi::kSIGUSR1));
  const abi::Sigevent event = Event(abi::kSIGUSR1);
  const auto old = CreateTimer(*init_, abi::kCLOCK_MONOTONIC, &event);
  ASSERT_TRUE(SetTimer(*init_, *old, false, {.value_ns = kMs}).ok());
  ASSERT_TRUE(PumpUntil([&] { return init_->PendingSignals() != 0; }));
  DeletePosixTimers(init_->thread_group());
  EXPECT_EQ(*CreateTimer(*init_, abi::kCLOCK_MONOTONIC, &event), *old);
  EXPECT_EQ(init_->TakeSignal(signal::Bit(abi::kSIGUSR1)).si_signo, 0);
}

TEST_F(ProcessTimersTest, TimerGoesOnWhenItsSignalWasIgnoredMeanwhile) {
  init_->SetSignalMask(signal::Bit(abi::kSIGUSR1));
  const abi::Sigevent event = Event(abi::kSIGUSR1);
  const auto id = CreateTimer(*init_, abi::kCLOCK_MONOTONIC, &event);
  ASSERT_TRUE(SetTimer(*init_, *id, false, {.value_ns = kMs, .interval_ns = kMs}).ok());
  ASSERT_TRUE(PumpUntil([&] { return init_->PendingSignals() != 0; }));
  SetAction(*init_, abi::kSIGUSR1, abi::kSIG_IGN);
  SetAction(*init_, abi::kSIGUSR1, abi::kSIG_DFL);
  ASSERT_TRUE(PumpUntil([&] { return init_->PendingSignals() != 0; }));
  EXPECT_EQ(init_->TakeSignal(signal::Bit(abi::kSIGUSR1)).si_code, abi::kSI_TIMER);
}

TEST_F(ProcessTimersTest, ThreadIdPicksTheThread) {
  const RefPtr<Task> other = NewThread(*init_);
  other->SetSignalMask(signal::Bit(abi::kSIGUSR1));
  init_->SetSignalMask(signal::Bit(abi::kSIGUSR1));
  abi::Sigevent event = Event(abi::kSIGUSR1, abi::kSIGEV_SIGNAL | abi::kSIGEV_THREAD_ID, other->tid());
  const auto id = CreateTimer(*init_, abi::kCLOCK_MONOTONIC, &event);
  ASSERT_TRUE(SetTimer(*init_, *id, false, {.value_ns = kMs}).ok());
  ASSERT_TRUE(PumpUntil([&] { return other->PendingSignals() != 0; }));
  EXPECT_EQ(init_->PendingSignals(), 0u);
  event.tid = 12345;
  EXPECT_TRUE(CreateTimer(*init_, abi::kCLOCK_MONOTONIC, &event) == Errno::kEINVAL);
}

TEST_F(ProcessTimersTest, ExecForgetsPosixTimersAndForkInheritsNone) {
  const auto id = CreateTimer(*init_, abi::kCLOCK_REALTIME, nullptr);
  ASSERT_TRUE(SetTimer(*init_, *id, false, {.value_ns = 100 * time::kNsPerSecond}).ok());
  EXPECT_GT(GetTimer(*init_, *id)->value_ns, 90 * time::kNsPerSecond);
  const RefPtr<Task> child = Fork(*init_);
  EXPECT_TRUE(GetTimer(*child, *id) == Errno::kEINVAL);
  DeletePosixTimers(init_->thread_group());
  EXPECT_TRUE(GetTimer(*init_, *id) == Errno::kEINVAL);
}

TEST_F(ProcessTimersTest, TinyIntervalDoesNotRunAway) {
  SetAction(*init_, abi::kSIGUSR1, abi::kSIG_IGN);
  const abi::Sigevent event = Event(abi::kSIGUSR1);
  const auto id = CreateTimer(*init_, abi::kCLOCK_MONOTONIC, &event);
  ASSERT_TRUE(SetTimer(*init_, *id, false, {.value_ns = 1, .interval_ns = 1}).ok());
  absl::SleepFor(absl::Milliseconds(10));
  EXPECT_TRUE(DeleteTimer(*init_, *id).ok());
}

TEST_F(ProcessTimersTest, BadClocksAndEvents) {
  const abi::Sigevent bad_notify = Event(1, 99), bad_signal = Event(100);
  EXPECT_TRUE(CreateTimer(*init_, abi::kCLOCK_MONOTONIC, &bad_notify) == Errno::kEINVAL);
  EXPECT_TRUE(CreateTimer(*init_, abi::kCLOCK_MONOTONIC, &bad_signal) == Errno::kEINVAL);
  EXPECT_TRUE(CreateTimer(*init_, 99, nullptr) == Errno::kEINVAL);
  EXPECT_TRUE(ReadClock(*init_, 10) == Errno::kEINVAL);
  // clock_getcpuclockid(3) of the process itself: ~pid << 3 | CPUCLOCK_SCHED.
  EXPECT_TRUE(ReadClock(*init_, static_cast<int32_t>((~uint32_t{1} << 3) | 2u)).ok());
  EXPECT_TRUE(ReadClock(*init_, static_cast<int32_t>((~uint32_t{9999} << 3) | 2u)) == Errno::kEINVAL);
}

}  // namespace
}  // namespace ringwall::task::test
