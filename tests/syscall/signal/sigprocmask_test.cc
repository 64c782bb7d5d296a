// rt_sigprocmask(2), rt_sigpending(2), rt_sigsuspend(2), rt_sigtimedwait(2), signalfd(2).
#include <poll.h>
#include <sys/signalfd.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Sigprocmask, BlockUnblockAndSet) {
  InChild([] {
    const sigset_t one = SetOf(SIGUSR1), two = SetOf(SIGUSR2);
    sigset_t now;
    EXPECT_THAT(Call(SYS_rt_sigprocmask, SIG_SETMASK, &one, nullptr, kSetSize), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_rt_sigprocmask, SIG_BLOCK, &two, &now, kSetSize), SucceedsWith(0));
    EXPECT_EQ(sigismember(&now, SIGUSR1), 1);
    EXPECT_EQ(sigismember(&now, SIGUSR2), 0);
    EXPECT_THAT(Call(SYS_rt_sigprocmask, SIG_UNBLOCK, &one, nullptr, kSetSize), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_rt_sigprocmask, 99, nullptr, &now, kSetSize), SucceedsWith(0));
    EXPECT_EQ(sigismember(&now, SIGUSR1), 0);
    EXPECT_EQ(sigismember(&now, SIGUSR2), 1);
  });
}
TEST(Sigprocmask, KillAndStopStayUnblocked) {
  InChild([] {
    const unsigned long all = ~0UL;
    unsigned long now = 0;
    EXPECT_THAT(Call(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, kSetSize), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_rt_sigprocmask, SIG_SETMASK, nullptr, &now, kSetSize), SucceedsWith(0));
    EXPECT_EQ(now, ~(1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1)));
  });
}
TEST(Sigprocmask, Errors) {
  const sigset_t none = SetOf();
  EXPECT_THAT(Call(SYS_rt_sigprocmask, 99, &none, nullptr, kSetSize), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_rt_sigprocmask, SIG_BLOCK, &none, nullptr, 16), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_rt_sigprocmask, SIG_BLOCK, BadAddress(), nullptr, kSetSize), FailsWith(EFAULT));
}
TEST(Sigprocmask, UnblockingDeliversBeforeItReturns) {
  SignalRecorder recorder(SIGUSR1);
  const sigset_t set = SetOf(SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  raise(SIGUSR1);
  EXPECT_EQ(recorder.count(), 0);
  EXPECT_THAT(Call(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, nullptr, kSetSize), SucceedsWith(0));
  EXPECT_EQ(recorder.count(), 1);
}
TEST(Sigprocmask, EachThreadHasItsOwn) {
  const BlockedSignals blocked(SIGUSR1);
  ScopedThread thread([] {
    const sigset_t none = SetOf();
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
  });
  thread.Join();
  sigset_t now;
  sigprocmask(SIG_BLOCK, nullptr, &now);
  EXPECT_EQ(sigismember(&now, SIGUSR1), 1);
}
TEST(Sigpending, SeesThreadAndProcessSignals) {
  SignalRecorder one(SIGUSR1), two(SIGUSR2);
  const BlockedSignals blocked(SIGUSR1, SIGUSR2);
  EXPECT_THAT(Call(SYS_tgkill, getpid(), gettid(), SIGUSR1), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_kill, getpid(), SIGUSR2), SucceedsWith(0));
  EXPECT_TRUE(IsPending(SIGUSR1));
  EXPECT_TRUE(IsPending(SIGUSR2));
  ScopedThread other([] {
    EXPECT_FALSE(IsPending(SIGUSR1));
    EXPECT_TRUE(IsPending(SIGUSR2));
  });
}
TEST(Sigsuspend, RestoresTheMaskAndReturnsEintr) {
  const BlockedSignals blocked(SIGUSR1);
  SignalRecorder recorder(SIGUSR1);
  raise(SIGUSR1);
  const sigset_t none = SetOf();
  EXPECT_THAT(Call(SYS_rt_sigsuspend, &none, kSetSize), FailsWith(EINTR));
  EXPECT_EQ(recorder.count(), 1);
  sigset_t now;
  sigprocmask(SIG_BLOCK, nullptr, &now);
  EXPECT_EQ(sigismember(&now, SIGUSR1), 1);
  EXPECT_THAT(Call(SYS_rt_sigsuspend, &none, 4), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_rt_sigsuspend, BadAddress(), kSetSize), FailsWith(EFAULT));
}
TEST(Sigtimedwait, TakesAPendingSignalWithItsInfo) {
  const BlockedSignals blocked(SIGUSR1);
  raise(SIGUSR1);
  siginfo_t info = {};
  const timespec now = {0, 0};
  EXPECT_THAT(Call(SYS_rt_sigtimedwait, &blocked.set(), &info, &now, kSetSize), SucceedsWith(SIGUSR1));
  EXPECT_EQ(info.si_signo, SIGUSR1);
  EXPECT_FALSE(IsPending(SIGUSR1));
}
TEST(Sigtimedwait, TimesOutWithEagain) {
  const BlockedSignals blocked(SIGUSR1);
  const timespec little = Ms(10), bad = {0, 1'000'000'000};
  EXPECT_THAT(Call(SYS_rt_sigtimedwait, &blocked.set(), nullptr, &little, kSetSize), FailsWith(EAGAIN));
  EXPECT_THAT(Call(SYS_rt_sigtimedwait, &blocked.set(), nullptr, &bad, kSetSize), FailsWith(EINVAL));
}
TEST(Sigtimedwait, OtherHandlerInterrupts) {
  const BlockedSignals blocked(SIGUSR1);
  SignalRecorder recorder(SIGUSR2);
  ScopedThread waiter([&] { EXPECT_THAT(Call(SYS_rt_sigtimedwait, &blocked.set(), nullptr, nullptr, kSetSize), FailsWith(EINTR)); });
  WaitUntilAsleep(waiter.tid());
  EXPECT_THAT(Call(SYS_tgkill, getpid(), waiter.tid(), SIGUSR2), SucceedsWith(0));
}
TEST(Sigtimedwait, WakesOnArrival) {
  const BlockedSignals blocked(SIGUSR1);
  ScopedThread waiter([&] { EXPECT_THAT(Call(SYS_rt_sigtimedwait, &blocked.set(), nullptr, nullptr, kSetSize), SucceedsWith(SIGUSR1)); });
  WaitUntilAsleep(waiter.tid());
  EXPECT_THAT(Call(SYS_kill, getpid(), SIGUSR1), SucceedsWith(0));
}
TEST(Signalfd, ReadsSignalsAsRecords) {
  const BlockedSignals blocked(SIGUSR1, SIGUSR2);
  const ScopedFd fd(Call(SYS_signalfd4, -1, &blocked.set(), kSetSize, SFD_NONBLOCK));
  signalfd_siginfo records[3] = {};
  EXPECT_THAT(Call(SYS_read, fd, records, sizeof records), FailsWith(EAGAIN));
  raise(SIGUSR2);
  raise(SIGUSR1);
  pollfd poll{fd.get(), POLLIN, 0};
  EXPECT_THAT(Call(SYS_poll, &poll, 1, 0), SucceedsWith(1));
  EXPECT_THAT(Call(SYS_read, fd, records, sizeof records), SucceedsWith(2 * sizeof records[0]));
  EXPECT_EQ(records[0].ssi_signo, static_cast<unsigned>(SIGUSR1));
  EXPECT_EQ(records[1].ssi_signo, static_cast<unsigned>(SIGUSR2));
  EXPECT_EQ(records[0].ssi_pid, static_cast<unsigned>(getpid()));
}
TEST(Signalfd, SetCanBeReplaced) {
  SignalRecorder recorder(SIGUSR1);
  const BlockedSignals blocked(SIGUSR1, SIGUSR2);
  const sigset_t one = SetOf(SIGUSR1), two = SetOf(SIGUSR2);
  const ScopedFd fd(Call(SYS_signalfd4, -1, &one, kSetSize, SFD_NONBLOCK));
  EXPECT_THAT(Call(SYS_signalfd4, fd, &two, kSetSize, 0), SucceedsWith(fd.get()));
  raise(SIGUSR1);
  signalfd_siginfo record;
  EXPECT_THAT(Call(SYS_read, fd, &record, sizeof record), FailsWith(EAGAIN));
}
TEST(Signalfd, Errors) {
  const sigset_t set = SetOf(SIGUSR1);
  const ScopedFd fd(Call(SYS_signalfd4, -1, &set, kSetSize, SFD_NONBLOCK | SFD_CLOEXEC));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFD), SucceedsWith(FD_CLOEXEC));
  char bytes[127];
  EXPECT_THAT(Call(SYS_read, fd, bytes, 127), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_signalfd4, -1, &set, kSetSize, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_signalfd4, 1, &set, kSetSize, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_signalfd4, 9999, &set, kSetSize, 0), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_signalfd4, -1, BadAddress(), kSetSize, 0), FailsWith(EFAULT));
}

}  // namespace tests
