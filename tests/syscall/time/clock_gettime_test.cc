// clock_gettime(2), clock_getres(2), clock_settime(2), gettimeofday(2), time(2).
#include <linux/capability.h>
#include <sys/time.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(ClockGettime, MonotonicNeverGoesBack) {
  long last = 0;
  for (int i = 0; i < 10'000; ++i) {
    const long now = NowNs();
    ASSERT_GE(now, last);
    last = now;
  }
}
TEST(ClockGettime, CallAndVdsoAgree) {
  for (const int clock : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME}) {
    const long before = NowNs(clock);
    timespec now{};
    EXPECT_THAT(Call(SYS_clock_gettime, clock, &now), SucceedsWith(0));
    const long between = now.tv_sec * 1'000'000'000L + now.tv_nsec;
    EXPECT_LE(before, between) << "clock " << clock;
    EXPECT_GE(NowNs(clock), between) << "clock " << clock;
  }
}
TEST(ClockGettime, EveryClockAnswers) {
  for (const int clock : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW,
                          CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI}) {
    timespec now{-1, -1}, resolution{-1, -1};
    EXPECT_THAT(Call(SYS_clock_gettime, clock, &now), SucceedsWith(0)) << "clock " << clock;
    EXPECT_GE(now.tv_nsec, 0);
    EXPECT_THAT(Call(SYS_clock_getres, clock, &resolution), SucceedsWith(0)) << "clock " << clock;
    EXPECT_GT(resolution.tv_nsec, 0);
  }
}
TEST(ClockGettime, UnknownClockIsInvalid) {
  timespec now;
  EXPECT_THAT(Call(SYS_clock_gettime, 99, &now), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_clock_getres, 99, &now), FailsWith(EINVAL));
}
TEST(ClockGettime, BadPointerFaults) { EXPECT_THAT(Call(SYS_clock_gettime, CLOCK_REALTIME, BadAddress()), FailsWith(EFAULT)); }
TEST(ClockGetres, NullResultIsAllowed) { EXPECT_THAT(Call(SYS_clock_getres, CLOCK_MONOTONIC, nullptr), SucceedsWith(0)); }
TEST(ClockGettime, ProcessTimeGrowsWhileWorking) {
  const long before = NowNs(CLOCK_PROCESS_CPUTIME_ID);
  const Stopwatch watch;
  volatile long sink = 0;
  while (watch.ms() < 30) sink = sink + 1;
  EXPECT_GT(NowNs(CLOCK_PROCESS_CPUTIME_ID), before);
}
TEST(ClockGettime, ThreadTimeStandsWhileSleeping) {
  const long before = NowNs(CLOCK_THREAD_CPUTIME_ID);
  SleepMs(60);
  EXPECT_LT(NowNs(CLOCK_THREAD_CPUTIME_ID) - before, 50 * kMillisecond);
}
TEST(ClockSettime, MonotonicIsInvalidAndRealtimeNeedsThePrivilege) {
  const timespec now = {1'000'000'000, 0};
  EXPECT_THAT(Call(SYS_clock_settime, CLOCK_MONOTONIC, &now), FailsWith(EINVAL));
  if (!IsRoot()) return;
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_clock_settime, CLOCK_REALTIME, &now), FailsWith(EPERM));
  });
}
TEST(Gettimeofday, AgreesWithTheRealtimeClock) {
  timeval now{};
  const long before = NowNs(CLOCK_REALTIME) / 1000;
  EXPECT_THAT(Call(SYS_gettimeofday, &now, nullptr), SucceedsWith(0));
  EXPECT_GE(now.tv_sec * 1'000'000L + now.tv_usec, before);
  EXPECT_THAT(Call(SYS_gettimeofday, BadAddress(), nullptr), FailsWith(EFAULT));
}
TEST(Time, StoresWhatItReturns) {
  long stored = 0;
  const long result = Call(SYS_time, &stored);
  EXPECT_EQ(result, stored);
  EXPECT_THAT(Call(SYS_time, nullptr), Succeeds());
}

}  // namespace tests
