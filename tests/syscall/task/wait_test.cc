// exit(2), exit_group(2), wait4(2), waitid(2).
#include <sys/resource.h>

#include "tests/lib/guest.h"

namespace tests {

static pid_t ExitingChild(int code) {
  const pid_t child = ForkChild();
  if (child == 0) _exit(code);
  return child;
}
static pid_t SleepingChild() {
  const pid_t child = ForkChild();
  while (child == 0) Call(SYS_pause);
  return child;
}
static void End(pid_t child) {
  Call(SYS_kill, child, SIGKILL);
  Call(SYS_wait4, child, nullptr, 0, nullptr);
}

TEST(Wait, ExitCodeIsTheLowEightBits) { EXPECT_THAT(StatusOf(ExitingChild(0x1234)), Exited(0x34)); }
TEST(Wait, NoChildIsEchild) {
  InChild([] {
    EXPECT_THAT(Call(SYS_wait4, -1, nullptr, 0, nullptr), FailsWith(ECHILD));
    EXPECT_THAT(Call(SYS_wait4, getpid(), nullptr, 0, nullptr), FailsWith(ECHILD));
    EXPECT_THAT(Call(SYS_wait4, 1, nullptr, WNOHANG, nullptr), FailsWith(ECHILD));
  });
}
TEST(Wait, NohangReturnsZeroWhileTheChildRuns) {
  const pid_t child = SleepingChild();
  EXPECT_THAT(Call(SYS_wait4, child, nullptr, WNOHANG, nullptr), SucceedsWith(0));
  End(child);
}
TEST(Wait, ChildIsReapedOnce) {
  const pid_t child = ExitingChild(0);
  EXPECT_THAT(Call(SYS_wait4, child, nullptr, 0, nullptr), SucceedsWith(child));
  EXPECT_THAT(Call(SYS_wait4, child, nullptr, 0, nullptr), FailsWith(ECHILD));
}
TEST(Wait, UnknownOptionIsInvalid) { EXPECT_THAT(Call(SYS_wait4, -1, nullptr, 0x100, nullptr), FailsWith(EINVAL)); }
TEST(Wait, BadStatusPointerFaultsAndTheChildIsGone) {
  InChild([] {
    const pid_t child = ExitingChild(0);
    EXPECT_THAT(Call(SYS_wait4, child, BadAddress(), 0, nullptr), FailsWith(EFAULT));
    EXPECT_THAT(Call(SYS_wait4, child, nullptr, 0, nullptr), FailsWith(ECHILD));
  });
}
TEST(Wait, DeathBySignalIsTold) {
  const pid_t child = SleepingChild();
  EXPECT_THAT(Call(SYS_kill, child, SIGTERM), SucceedsWith(0));
  EXPECT_THAT(StatusOf(child), KilledBy(SIGTERM));
}
TEST(Wait, StopAndContinueAreToldWhenAsked) {
  const pid_t child = SleepingChild();
  int status = 0;
  EXPECT_THAT(Call(SYS_kill, child, SIGSTOP), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_wait4, child, &status, WUNTRACED, nullptr), SucceedsWith(child));
  EXPECT_TRUE(WIFSTOPPED(status));
  EXPECT_EQ(WSTOPSIG(status), SIGSTOP);
  EXPECT_THAT(Call(SYS_wait4, child, &status, WUNTRACED | WNOHANG, nullptr), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_kill, child, SIGCONT), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_wait4, child, &status, WCONTINUED, nullptr), SucceedsWith(child));
  EXPECT_TRUE(WIFCONTINUED(status));
  End(child);
}
TEST(Wait, StoppedChildIsInvisibleWithoutWuntraced) {
  const pid_t child = SleepingChild();
  EXPECT_THAT(Call(SYS_kill, child, SIGSTOP), SucceedsWith(0));
  WaitUntilAsleep(child);
  EXPECT_THAT(Call(SYS_wait4, child, nullptr, WNOHANG, nullptr), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_kill, child, SIGKILL), SucceedsWith(0));
  EXPECT_THAT(StatusOf(child), KilledBy(SIGKILL));
}
TEST(Wait, ProcessGroupSelectsChildren) {
  const pid_t one = SleepingChild(), two = ExitingChild(0);
  ASSERT_EQ(setpgid(one, one), 0);
  EXPECT_THAT(Call(SYS_wait4, -one, nullptr, WNOHANG, nullptr), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_wait4, 0, nullptr, 0, nullptr), SucceedsWith(two));
  End(one);
}
TEST(Wait, AnyThreadMayReapUnlessWnothread) {
  const pid_t child = ExitingChild(0);
  ScopedThread thread([&] {
    EXPECT_THAT(Call(SYS_wait4, child, nullptr, __WNOTHREAD, nullptr), FailsWith(ECHILD));
    EXPECT_THAT(Call(SYS_wait4, child, nullptr, 0, nullptr), SucceedsWith(child));
  });
}
TEST(Wait, IgnoredSigchldReapsAutomatically) {
  InChild([] {
    signal(SIGCHLD, SIG_IGN);
    const pid_t child = ExitingChild(0);
    EXPECT_THAT(Call(SYS_wait4, child, nullptr, 0, nullptr), FailsWith(ECHILD));
  });
}
TEST(Wait, ResourceUsageOfTheChildIsReturned) {
  const pid_t child = ForkChild();
  if (child == 0) {
    const long end = NowNs(CLOCK_PROCESS_CPUTIME_ID) + 30 * kMillisecond;
    while (NowNs(CLOCK_PROCESS_CPUTIME_ID) < end) {
    }
    _exit(0);
  }
  rusage usage = {};
  EXPECT_THAT(Call(SYS_wait4, child, nullptr, 0, &usage), SucceedsWith(child));
  EXPECT_GT(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec + usage.ru_utime.tv_sec, 0);
}
TEST(Wait, BlockedWaitIsInterrupted) {
  const pid_t child = SleepingChild();
  SignalRecorder recorder(SIGUSR1);
  ScopedThread waiter([&] { EXPECT_THAT(Call(SYS_wait4, child, nullptr, 0, nullptr), FailsWith(EINTR)); });
  WaitUntilAsleep(waiter.tid());
  EXPECT_THAT(Call(SYS_tgkill, getpid(), waiter.tid(), SIGUSR1), SucceedsWith(0));
  waiter.Join();
  End(child);
}
TEST(Waitid, FillsSiginfo) {
  const pid_t child = ExitingChild(42);
  siginfo_t info = {};
  EXPECT_THAT(Call(SYS_waitid, P_PID, child, &info, WEXITED, nullptr), SucceedsWith(0));
  EXPECT_EQ(info.si_signo, SIGCHLD);
  EXPECT_EQ(info.si_code, CLD_EXITED);
  EXPECT_EQ(info.si_pid, child);
  EXPECT_EQ(info.si_status, 42);
  EXPECT_EQ(info.si_uid, getuid());
}
TEST(Waitid, NowaitLeavesTheChild) {
  const pid_t child = ExitingChild(1);
  siginfo_t info = {};
  EXPECT_THAT(Call(SYS_waitid, P_PID, child, &info, WEXITED | WNOWAIT, nullptr), SucceedsWith(0));
  EXPECT_EQ(info.si_pid, child);
  EXPECT_THAT(Call(SYS_waitid, P_PID, child, &info, WEXITED, nullptr), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_waitid, P_PID, child, &info, WEXITED, nullptr), FailsWith(ECHILD));
}
TEST(Waitid, NohangWithNothingLeavesPidZero) {
  const pid_t child = SleepingChild();
  siginfo_t info;
  memset(&info, 0x55, sizeof info);
  EXPECT_THAT(Call(SYS_waitid, P_PID, child, &info, WEXITED | WNOHANG, nullptr), SucceedsWith(0));
  EXPECT_EQ(info.si_pid, 0);
  EXPECT_EQ(info.si_signo, 0);
  End(child);
}
TEST(Waitid, KilledAndStoppedCodes) {
  const pid_t child = SleepingChild();
  siginfo_t info = {};
  EXPECT_THAT(Call(SYS_kill, child, SIGSTOP), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_waitid, P_PID, child, &info, WSTOPPED, nullptr), SucceedsWith(0));
  EXPECT_EQ(info.si_code, CLD_STOPPED);
  EXPECT_EQ(info.si_status, SIGSTOP);
  EXPECT_THAT(Call(SYS_kill, child, SIGCONT), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_waitid, P_PID, child, &info, WCONTINUED, nullptr), SucceedsWith(0));
  EXPECT_EQ(info.si_code, CLD_CONTINUED);
  EXPECT_THAT(Call(SYS_kill, child, SIGKILL), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_waitid, P_PID, child, &info, WEXITED, nullptr), SucceedsWith(0));
  EXPECT_EQ(info.si_code, CLD_KILLED);
  EXPECT_EQ(info.si_status, SIGKILL);
}
TEST(Waitid, NeedsSomethingToWaitFor) {
  siginfo_t info;
  EXPECT_THAT(Call(SYS_waitid, P_ALL, 0, &info, 0, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_waitid, 99, 0, &info, WEXITED, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_waitid, P_PID, -1, &info, WEXITED, nullptr), FailsWith(EINVAL));
}
TEST(Exit, OfOneThreadLeavesTheProcess) {
  EXPECT_THAT(ChildStatus([] {
                {
                  ScopedThread thread([] { pthread_exit(nullptr); });
                }
                _exit(6);
              }),
              Exited(6));
}
TEST(ExitGroup, EndsAllThreads) {
  EXPECT_THAT(ChildStatus([] {
                ScopedThread thread([] { Call(SYS_exit_group, 12); });
                while (true) Call(SYS_pause);
              }),
              Exited(12));
}
TEST(Exit, LeaderMayGoFirstAndTheProcessEndsWithTheLastThread) {
  const pid_t child = ForkChild();
  if (child == 0) {
    new ScopedThread([] {
      SleepMs(30);
      Call(SYS_exit, 17);
    });
    Call(SYS_exit, 3);
  }
  // The last thread decides the status of the group (so since Linux 5.17; before, it was the leader's own).
  EXPECT_THAT(StatusOf(child), Exited(17));
}

}  // namespace tests
