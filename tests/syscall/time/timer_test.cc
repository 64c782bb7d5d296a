// setitimer(2), alarm(2), timer_create(2) and its family.
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/utsname.h>

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
  SignalRecorder recorder(SIGUSR2);
  const BlockedSignals blocked(SIGUSR2);
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
// Until Linux 6.13 a signal of a timer stayed behind when its timer went.
static bool KeepsSignalsOfPastTimers() {
  utsname name;
  uname(&name);
  int major = 0, minor = 0;
  sscanf(name.release, "%d.%d", &major, &minor);
  return strstr(name.release, "ringwall") == nullptr && (major < 6 || (major == 6 && minor < 13));
}
struct ExpiredTimer {
  ExpiredTimer(int signal, timespec interval) {
    sigevent event = {};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = signal;
    EXPECT_THAT(Call(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), SucceedsWith(0));
    Set({interval, Ms(1)});
    while (!IsPending(signal)) SleepMs(1);
  }
  void Set(itimerspec spec) { EXPECT_THAT(Call(SYS_timer_settime, timer, 0, &spec, nullptr), SucceedsWith(0)); }
  int timer = -1;
};
static long TakeNow(int signal, siginfo_t* info = nullptr) {
  const sigset_t set = SetOf(signal);
  const timespec now = {};
  return Call(SYS_rt_sigtimedwait, &set, info, &now, kSetSize);
}
TEST(PosixTimer, SignalOfADeletedTimerIsNotDelivered) {
  if (KeepsSignalsOfPastTimers()) GTEST_SKIP() << "needs Linux 6.13";
  for (const int signal : {SIGUSR2, SIGRTMIN}) {
    for (const timespec interval : {timespec{}, Ms(2)}) {
      const BlockedSignals blocked(signal);
      const ExpiredTimer expired(signal, interval);
      EXPECT_THAT(Call(SYS_timer_delete, expired.timer), SucceedsWith(0));
      EXPECT_THAT(TakeNow(signal), FailsWith(EAGAIN));
      EXPECT_FALSE(IsPending(signal));
    }
  }
}
TEST(PosixTimer, SignalOfADeletedTimerDoesNotKill) {
  if (KeepsSignalsOfPastTimers()) GTEST_SKIP() << "needs Linux 6.13";
  // Nobody handles SIGUSR2: it would kill when it is unblocked.
  const BlockedSignals blocked(SIGUSR2);
  const ExpiredTimer expired(SIGUSR2, Ms(2));
  EXPECT_THAT(Call(SYS_timer_delete, expired.timer), SucceedsWith(0));
}
TEST(PosixTimer, SignalOfADisarmedTimerIsNotDelivered) {
  if (KeepsSignalsOfPastTimers()) GTEST_SKIP() << "needs Linux 6.13";
  const BlockedSignals blocked(SIGUSR2);
  ExpiredTimer expired(SIGUSR2, {});
  expired.Set({});
  EXPECT_THAT(TakeNow(SIGUSR2), FailsWith(EAGAIN));
  // Set again, it expires again.
  expired.Set({{}, Ms(1)});
  while (!IsPending(SIGUSR2)) SleepMs(1);
  siginfo_t info = {};
  EXPECT_THAT(TakeNow(SIGUSR2, &info), SucceedsWith(SIGUSR2));
  EXPECT_EQ(info.si_code, SI_TIMER);
  EXPECT_EQ(info.si_overrun, 0);
  EXPECT_THAT(Call(SYS_timer_delete, expired.timer), SucceedsWith(0));
}
TEST(PosixTimer, GoesOnAfterItsSignalWasIgnored) {
  const BlockedSignals blocked(SIGUSR2);
  const ExpiredTimer expired(SIGUSR2, Ms(2));
  signal(SIGUSR2, SIG_IGN);
  SleepMs(10);
  EXPECT_FALSE(IsPending(SIGUSR2));
  {
    SignalRecorder recorder(SIGUSR2);
    while (!IsPending(SIGUSR2)) SleepMs(1);
    EXPECT_THAT(TakeNow(SIGUSR2), SucceedsWith(SIGUSR2));
    EXPECT_THAT(Call(SYS_timer_delete, expired.timer), SucceedsWith(0));
    while (IsPending(SIGUSR2)) TakeNow(SIGUSR2);
  }
  signal(SIGUSR2, SIG_DFL);
}
TEST(PosixTimer, MadeUpTimerSignalsAreOrdinary) {
  // rt_sigqueueinfo(2) to oneself may carry any si_code.
  const BlockedSignals blocked(SIGRTMIN);
  siginfo_t info = {};
  info.si_code = SI_TIMER;
  info.si_timerid = 77;
  for (int i = 0; i < 2; ++i) EXPECT_THAT(Call(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN, &info), SucceedsWith(0));
  for (int i = 0; i < 2; ++i) {
    siginfo_t got = {};
    EXPECT_THAT(TakeNow(SIGRTMIN, &got), SucceedsWith(SIGRTMIN));
    EXPECT_EQ(got.si_timerid, 77);
  }
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
