// nanosleep(2), clock_nanosleep(2), pause(2).
#include "tests/lib/guest.h"

namespace tests {

TEST(Nanosleep, LastsAtLeastAsLongAsAsked) {
  const timespec wanted = Ms(30);
  const long before = NowNs();
  EXPECT_THAT(Call(SYS_nanosleep, &wanted, nullptr), SucceedsWith(0));
  EXPECT_GE(NowNs() - before, 30 * kMillisecond);
}
TEST(Nanosleep, BadTimesAreInvalid) {
  const timespec big = {0, 1'000'000'000}, negative = {-1, 0}, minus = {0, -1};
  EXPECT_THAT(Call(SYS_nanosleep, &big, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_nanosleep, &negative, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_nanosleep, &minus, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_nanosleep, BadAddress(), nullptr), FailsWith(EFAULT));
}
TEST(Nanosleep, InterruptionTellsTheRemainingTime) {
  SignalRecorder recorder(SIGUSR1);
  ScopedThread sleeper([] {
    const timespec wanted = {100, 0};
    timespec left = {0, 0};
    EXPECT_THAT(Call(SYS_nanosleep, &wanted, &left), FailsWith(EINTR));
    EXPECT_GE(left.tv_sec, 90);
    EXPECT_LT(left.tv_sec, 100);
  });
  WaitUntilAsleep(sleeper.tid());
  EXPECT_THAT(Call(SYS_tgkill, getpid(), sleeper.tid(), SIGUSR1), SucceedsWith(0));
}
TEST(Nanosleep, BadRemainderPointerFaultsOnlyWhenInterrupted) {
  SignalRecorder recorder(SIGUSR1);
  const timespec little = Ms(1);
  EXPECT_THAT(Call(SYS_nanosleep, &little, BadAddress()), SucceedsWith(0));
  ScopedThread sleeper([] {
    const timespec wanted = {100, 0};
    EXPECT_THAT(Call(SYS_nanosleep, &wanted, BadAddress()), FailsWith(EFAULT));
  });
  WaitUntilAsleep(sleeper.tid());
  EXPECT_THAT(Call(SYS_tgkill, getpid(), sleeper.tid(), SIGUSR1), SucceedsWith(0));
}
TEST(Nanosleep, StopAndContinueDoNotEndIt) {
  const pid_t child = StartChild([] {
    const timespec wanted = Ms(150);
    const long before = NowNs();
    EXPECT_THAT(Call(SYS_nanosleep, &wanted, nullptr), SucceedsWith(0));
    EXPECT_GE(NowNs() - before, 150 * kMillisecond);
  });
  WaitUntilAsleep(child);
  EXPECT_THAT(Call(SYS_kill, child, SIGSTOP), SucceedsWith(0));
  int status;
  EXPECT_THAT(Call(SYS_wait4, child, &status, WUNTRACED, nullptr), SucceedsWith(child));
  EXPECT_THAT(Call(SYS_kill, child, SIGCONT), SucceedsWith(0));
  EXPECT_THAT(StatusOf(child), Exited(0));
}
TEST(Nanosleep, IgnoredSignalDoesNotInterrupt) {
  const pid_t child = StartChild([] {
    signal(SIGUSR1, SIG_IGN);
    const timespec wanted = Ms(80);
    EXPECT_THAT(Call(SYS_nanosleep, &wanted, nullptr), SucceedsWith(0));
  });
  SleepMs(30);
  // The child may not have ignored it yet: SIGURG is ignored by default.
  EXPECT_THAT(Call(SYS_kill, child, SIGURG), SucceedsWith(0));
  EXPECT_THAT(StatusOf(child), Exited(0));
}
TEST(ClockNanosleep, PastAbsoluteTimeReturnsAtOnce) {
  const timespec past = {1, 0};
  EXPECT_THAT(Call(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &past, nullptr), SucceedsWith(0));
}
TEST(ClockNanosleep, AbsoluteTimeIsReached) {
  const long until = NowNs() + 30 * kMillisecond;
  const timespec when = {until / 1'000'000'000, until % 1'000'000'000};
  EXPECT_THAT(Call(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr), SucceedsWith(0));
  EXPECT_GE(NowNs(), until);
}
TEST(ClockNanosleep, ClockRules) {
  const timespec little = Ms(1);
  EXPECT_THAT(Call(SYS_clock_nanosleep, 99, 0, &little, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &little, nullptr), FailsWithEither(EINVAL, EOPNOTSUPP));
  EXPECT_THAT(Call(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &little, nullptr), SucceedsWith(0));
}
TEST(ClockNanosleep, HandlerInterruptsEvenWithSaRestart) {
  // signal(7) lists clock_nanosleep among the calls that SA_RESTART never restarts.
  SignalRecorder recorder(SIGUSR1, SA_RESTART);
  ScopedThread sleeper([] {
    timespec when{};
    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_sec += 100;
    EXPECT_THAT(Call(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr), FailsWith(EINTR));
  });
  WaitUntilAsleep(sleeper.tid());
  EXPECT_THAT(Call(SYS_tgkill, getpid(), sleeper.tid(), SIGUSR1), SucceedsWith(0));
}
TEST(Pause, EndsWithEintrAfterAHandler) {
  SignalRecorder recorder(SIGUSR1);
  ScopedThread sleeper([] { EXPECT_THAT(Call(SYS_pause), FailsWith(EINTR)); });
  WaitUntilAsleep(sleeper.tid());
  EXPECT_THAT(Call(SYS_tgkill, getpid(), sleeper.tid(), SIGUSR1), SucceedsWith(0));
}

}  // namespace tests
