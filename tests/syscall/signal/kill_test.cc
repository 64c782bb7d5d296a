// kill(2), tkill(2), tgkill(2), rt_sigqueueinfo(2): targets and permissions.
#include <poll.h>

#include "tests/lib/guest.h"

namespace tests {

static pid_t SleepingChild() {
  const pid_t child = ForkChild();
  while (child == 0) Call(SYS_pause);
  return child;
}

TEST(Kill, SignalZeroOnlyChecks) {
  EXPECT_THAT(Call(SYS_kill, getpid(), 0), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_kill, 0x3fffffff, 0), FailsWith(ESRCH));
  EXPECT_THAT(Call(SYS_kill, getpid(), 65), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_kill, getpid(), -1), FailsWith(EINVAL));
}
TEST(Kill, ZombieAcceptsSignals) {
  const pid_t child = ForkChild();
  if (child == 0) _exit(0);
  siginfo_t info;
  EXPECT_THAT(Call(SYS_waitid, P_PID, child, &info, WEXITED | WNOWAIT, nullptr), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_kill, child, SIGTERM), SucceedsWith(0));
  EXPECT_THAT(StatusOf(child), Exited(0));
  EXPECT_THAT(Call(SYS_kill, child, 0), FailsWith(ESRCH));
}
TEST(Kill, NegativePidReachesChildrenThatAreJustBorn) {
  for (int i = 0; i < 10; ++i) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t leader = ForkChild();
    if (leader == 0) {
      setpgid(0, 0);
      for (;;) {
        if (fork() == 0) {
          for (int n = 0; n < 3; ++n) (void)fork();
          for (;;) pause();
        }
        usleep(1000);
      }
    }
    setpgid(leader, leader);
    close(ends[1]);
    usleep(3000);
    EXPECT_THAT(Call(SYS_kill, -leader, SIGKILL), SucceedsWith(0));
    EXPECT_THAT(StatusOf(leader), KilledBy(SIGKILL));
    // Everybody in the group holds the writing end: it is closed when all are gone.
    pollfd poll = {.fd = ends[0], .events = POLLIN, .revents = 0};
    EXPECT_THAT(Call(SYS_poll, &poll, 1, 2000), SucceedsWith(1));
    EXPECT_EQ(poll.revents, POLLHUP);
    close(ends[0]);
  }
}
TEST(Kill, NegativePidReachesTheGroup) {
  const pid_t one = SleepingChild(), two = SleepingChild();
  ASSERT_EQ(setpgid(one, one), 0);
  ASSERT_EQ(setpgid(two, one), 0);
  EXPECT_THAT(Call(SYS_kill, -one, SIGTERM), SucceedsWith(0));
  EXPECT_THAT(StatusOf(one), KilledBy(SIGTERM));
  EXPECT_THAT(StatusOf(two), KilledBy(SIGTERM));
  EXPECT_THAT(Call(SYS_kill, -one, SIGTERM), FailsWith(ESRCH));
}
TEST(Kill, OtherUsersProcessIsEperm) {
  SKIP_UNLESS_ROOT();
  const pid_t root_child = SleepingChild();
  InChild([=] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_kill, root_child, 0), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_kill, root_child, SIGTERM), FailsWith(EPERM));
  });
  EXPECT_THAT(Call(SYS_kill, root_child, SIGKILL), SucceedsWith(0));
  EXPECT_THAT(StatusOf(root_child), KilledBy(SIGKILL));
}
TEST(Kill, ProcessSignalGoesToAThreadThatDoesNotBlockIt) {
  SignalRecorder recorder(SIGUSR1);
  std::atomic<bool> stop{false};
  ScopedThread other([&] {
    while (!stop.load()) usleep(500);
  });
  other.tid();
  {
    const BlockedSignals blocked(SIGUSR1);
    EXPECT_THAT(Call(SYS_kill, getpid(), SIGUSR1), SucceedsWith(0));
    for (int i = 0; i < 1500 && recorder.count() == 0; ++i) usleep(1000);
    EXPECT_EQ(recorder.count(), 1);
  }
  stop.store(true);
}
TEST(Tgkill, ChecksGroupAndThread) {
  EXPECT_THAT(Call(SYS_tgkill, getpid(), gettid(), 0), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_tgkill, getpid(), 0x3fffffff, 0), FailsWith(ESRCH));
  // In a child: pid 1's own parent is 0.
  InChild([] { EXPECT_THAT(Call(SYS_tgkill, getppid(), gettid(), 0), FailsWith(ESRCH)); });
  EXPECT_THAT(Call(SYS_tgkill, 0, gettid(), 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_tgkill, getpid(), -1, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_tkill, -1, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_tkill, gettid(), 0), SucceedsWith(0));
}
TEST(Tgkill, OnlyThatThreadRunsTheHandler) {
  static std::atomic<pid_t> ran{0};
  ran.store(0);
  signal(SIGUSR1, [](int) { ran.store(gettid()); });
  std::atomic<bool> stop{false};
  ScopedThread other([&] {
    while (!stop.load()) usleep(500);
  });
  EXPECT_THAT(Call(SYS_tgkill, getpid(), other.tid(), SIGUSR1), SucceedsWith(0));
  for (int i = 0; i < 1500 && ran.load() == 0; ++i) usleep(1000);
  EXPECT_EQ(ran.load(), other.tid());
  stop.store(true);
  other.Join();
  signal(SIGUSR1, SIG_DFL);
}
TEST(Sigqueueinfo, KernelCodesCannotBeForgedForOthers) {
  const pid_t child = SleepingChild();
  siginfo_t info = {};
  info.si_code = SI_KERNEL;
  EXPECT_THAT(Call(SYS_rt_sigqueueinfo, child, SIGUSR1, &info), FailsWith(EPERM));
  info.si_code = SI_TKILL;
  EXPECT_THAT(Call(SYS_rt_sigqueueinfo, child, SIGUSR1, &info), FailsWith(EPERM));
  info.si_code = SI_QUEUE;
  EXPECT_THAT(Call(SYS_rt_sigqueueinfo, child, SIGUSR1, &info), SucceedsWith(0));
  EXPECT_THAT(StatusOf(child), KilledBy(SIGUSR1));
  EXPECT_THAT(Call(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, BadAddress()), FailsWith(EFAULT));
}

}  // namespace tests
