// setitimer(2), alarm(2), timer_create(2) and its family.
#include <sys/time.h>

#include "tests/lib/guest.h"

namespace tests {

static void WaitFor(const SignalRecorder& recorder, int count) {
  for (int i = 0; i < 1500 && recorder.count() < count; ++i) SleepMs(1);
  EXPECT_GE(recorder.count(), count);
}

TEST(Setitimer, RealTimerSendsSigalrmOnce) {
  SignalRecorder recorder(SIGALRM);
  const itimerval spec = {{0, 0}, {0, 10'000}};
  EXPECT_THAT(Call(SYS_setitimer, ITIMER_REAL, &spec, nullptr), SucceedsWith(0));
  WaitFor(recorder, 1);
  EXPECT_EQ(recorder.last().si_code, SI_KERNEL);
  itimerval left;
  EXPECT_THAT(Call(SYS_getitimer, ITIMER_REAL, &left), SucceedsWith(0));
  EXPECT_EQ(left.it_value.tv_sec + left.it_value.tv_usec, 0);
}
TEST(Setitimer, IntervalRepeatsUntilDisarmed) {
  SignalRecorder recorder(SIGALRM);
  const itimerval spec = {{0, 3'000}, {0, 3'000}}, off = {};
  EXPECT_THAT(Call(SYS_setitimer, ITIMER_REAL, &spec, nullptr), SucceedsWith(0));
  WaitFor(recorder, 3);
  itimerval old;
  EXPECT_THAT(Call(SYS_setitimer, ITIMER_REAL, &off, &old), SucceedsWith(0));
  EXPECT_EQ(old.it_interval.tv_usec, 3'000);
}
TEST(Setitimer, ProfilingTimerCountsWork) {
  SignalRecorder recorder(SIGPROF);
  const itimerval spec = {{0, 0}, {0, 10'000}};
  EXPECT_THAT(Call(SYS_setitimer, ITIMER_PROF, &spec, nullptr), SucceedsWith(0));
  const Stopwatch watch;
  while (recorder.count() == 0 && watch.ms() < 1500) {
  }
  EXPECT_EQ(recorder.count(), 1);
}
TEST(Setitimer, BadArguments) {
  const itimerval bad = {{0, 0}, {0, 1'000'000}};
  EXPECT_THAT(Call(SYS_setitimer, ITIMER_REAL, &bad, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_setitimer, 3, &bad, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_getitimer, ITIMER_REAL, BadAddress()), FailsWith(EFAULT));
}
TEST(Setitimer, IsNotInheritedByFork) {
  const itimerval spec = {{0, 0}, {100, 0}}, off = {};
  EXPECT_THAT(Call(SYS_setitimer, ITIMER_REAL, &spec, nullptr), SucceedsWith(0));
  InChild([] {
    itimerval left;
    EXPECT_THAT(Call(SYS_getitimer, ITIMER_REAL, &left), SucceedsWith(0));
    EXPECT_EQ(left.it_value.tv_sec, 0);
  });
  EXPECT_THAT(Call(SYS_setitimer, ITIMER_REAL, &off, nullptr), SucceedsWith(0));
}
TEST(Alarm, ReturnsTheSecondsThatWereLeft) {
  EXPECT_THAT(Call(SYS_alarm, 100), SucceedsWith(0));
  const long left = Call(SYS_alarm, 0);
  EXPECT_GE(left, 98);
  EXPECT_LE(left, 100);
  EXPECT_THAT(Call(SYS_alarm, 0), SucceedsWith(0));
}
TEST(Alarm, KillsByDefault) {
  EXPECT_THAT(ChildStatus([] {
                const itimerval spec = {{0, 0}, {0, 5'000}};
                Call(SYS_setitimer, ITIMER_REAL, &spec, nullptr);
                while (true) Call(SYS_pause);
              }),
              KilledBy(SIGALRM));
}
TEST(PosixTimer, SendsItsSignalWithItsValue) {
  SignalRecorder recorder(SIGRTMIN);
  sigevent event = {};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGRTMIN;
  event.sigev_value.sival_int = 4711;
  int timer = -1;
  ASSERT_THAT(Call(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), SucceedsWith(0));
  const itimerspec spec = {{0, 0}, Ms(5)};
  EXPECT_THAT(Call(SYS_timer_settime, timer, 0, &spec, nullptr), SucceedsWith(0));
  WaitFor(recorder, 1);
  EXPECT_EQ(recorder.last().si_code, SI_TIMER);
  EXPECT_EQ(recorder.last().si_value.sival_int, 4711);
  EXPECT_EQ(recorder.last().si_timerid, timer);
  EXPECT_THAT(Call(SYS_timer_delete, timer), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_timer_delete, timer), FailsWith(EINVAL));
}
TEST(PosixTimer, BlockedExpirationsAreCountedAsOverrun) {
  const BlockedSignals blocked(SIGUSR2);
  SignalRecorder recorder(SIGUSR2);
  sigevent event = {};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGUSR2;
  int timer = -1;
  ASSERT_THAT(Call(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), SucceedsWith(0));
  const itimerspec spec = {Ms(3), Ms(3)};
  EXPECT_THAT(Call(SYS_timer_settime, timer, 0, &spec, nullptr), SucceedsWith(0));
  SleepMs(40);
  const sigset_t none = SetOf();
  sigsuspend(&none);
  EXPECT_GE(recorder.last().si_overrun, 3);
  EXPECT_GE(Call(SYS_timer_getoverrun, timer), 3);
  EXPECT_THAT(Call(SYS_timer_delete, timer), SucceedsWith(0));
}
TEST(PosixTimer, GettimeTellsTheRest) {
  sigevent event = {};
  event.sigev_notify = SIGEV_NONE;
  int timer = -1;
  ASSERT_THAT(Call(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), SucceedsWith(0));
  const itimerspec spec = {{3, 0}, {100, 0}};
  EXPECT_THAT(Call(SYS_timer_settime, timer, 0, &spec, nullptr), SucceedsWith(0));
  itimerspec left;
  EXPECT_THAT(Call(SYS_timer_gettime, timer, &left), SucceedsWith(0));
  EXPECT_GE(left.it_value.tv_sec, 90);
  EXPECT_EQ(left.it_interval.tv_sec, 3);
  EXPECT_THAT(Call(SYS_timer_delete, timer), SucceedsWith(0));
}
TEST(PosixTimer, ThreadIdNotificationReachesThatThread) {
  // SIGEV_THREAD_ID, sigevent(7).
  const BlockedSignals blocked(SIGUSR1);
  ScopedThread other([] {
    sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGUSR1;
    event._sigev_un._tid = gettid();
    int timer = -1;
    EXPECT_THAT(Call(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), SucceedsWith(0));
    const itimerspec spec = {{0, 0}, Ms(5)};
    EXPECT_THAT(Call(SYS_timer_settime, timer, 0, &spec, nullptr), SucceedsWith(0));
    const sigset_t set = SetOf(SIGUSR1);
    const timespec timeout = {2, 0};
    siginfo_t info;
    EXPECT_THAT(Call(SYS_rt_sigtimedwait, &set, &info, &timeout, kSetSize), SucceedsWith(SIGUSR1));
    EXPECT_THAT(Call(SYS_timer_delete, timer), SucceedsWith(0));
  });
}
TEST(PosixTimer, BadArguments) {
  int timer;
  sigevent event = {};
  event.sigev_notify = 99;
  EXPECT_THAT(Call(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_timer_create, 99, nullptr, &timer), FailsWith(EINVAL));
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = 100;
  EXPECT_THAT(Call(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), FailsWith(EINVAL));
  const itimerspec spec = {};
  EXPECT_THAT(Call(SYS_timer_settime, 9999, 0, &spec, nullptr), FailsWith(EINVAL));
}

}  // namespace tests
