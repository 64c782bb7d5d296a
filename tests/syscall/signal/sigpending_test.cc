// rt_sigpending(2), rt_tgsigqueueinfo(2); epoll_pwait2(2)'s mask and time.
#include <sys/epoll.h>

#include "tests/lib/guest.h"

namespace {

using namespace tests;

constexpr long kSetSize = 8;
constexpr unsigned long Bit(int signal) { return 1UL << (signal - 1); }

// Blocks one signal for a scope.
class Blocked {
 public:
  explicit Blocked(int signal) {
    const unsigned long set = Bit(signal);
    EXPECT_THAT(Call(SYS_rt_sigprocmask, SIG_BLOCK, &set, &old_, kSetSize), SucceedsWith(0));
  }
  ~Blocked() { Call(SYS_rt_sigprocmask, SIG_SETMASK, &old_, nullptr, kSetSize); }

 private:
  unsigned long old_ = 0;
};

TEST(Sigpending, ShowsWhatWaitsForThreadAndProcess) {
  SignalRecorder one(SIGUSR1), two(SIGUSR2);
  const Blocked block1(SIGUSR1), block2(SIGUSR2);
  unsigned long pending = ~0UL;
  EXPECT_THAT(Call(SYS_rt_sigpending, &pending, kSetSize), SucceedsWith(0));
  EXPECT_EQ(pending & (Bit(SIGUSR1) | Bit(SIGUSR2)), 0u);
  EXPECT_THAT(Call(SYS_kill, getpid(), SIGUSR1), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_tkill, Call(SYS_gettid), SIGUSR2), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_rt_sigpending, &pending, kSetSize), SucceedsWith(0));
  EXPECT_EQ(pending & (Bit(SIGUSR1) | Bit(SIGUSR2)), Bit(SIGUSR1) | Bit(SIGUSR2));
}

TEST(Sigpending, ChildStartsWithNone) {
  SignalRecorder recorder(SIGUSR1);
  const Blocked block(SIGUSR1);
  EXPECT_THAT(Call(SYS_kill, getpid(), SIGUSR1), SucceedsWith(0));
  InChild([] {
    unsigned long pending = ~0UL;
    EXPECT_THAT(Call(SYS_rt_sigpending, &pending, kSetSize), SucceedsWith(0));
    EXPECT_EQ(pending, 0u);
  });
}

TEST(Sigpending, Errors) {
  unsigned long pending = 0;
  EXPECT_THAT(Call(SYS_rt_sigpending, &pending, 9), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_rt_sigpending, BadAddress(), kSetSize), FailsWith(EFAULT));
}

TEST(Tgsigqueueinfo, ReachesOneThreadWithItsValue) {
  SignalRecorder recorder(SIGRTMIN, SA_SIGINFO);
  siginfo_t info{};
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_value.sival_int = 4711;
  EXPECT_THAT(Call(SYS_rt_tgsigqueueinfo, getpid(), Call(SYS_gettid), SIGRTMIN, &info), SucceedsWith(0));
  EXPECT_EQ(recorder.count(), 1);
  EXPECT_EQ(recorder.last().si_value.sival_int, 4711);
  EXPECT_EQ(recorder.last().si_code, SI_QUEUE);
}

TEST(Tgsigqueueinfo, Errors) {
  siginfo_t info{};
  info.si_code = SI_QUEUE;
  const long tid = Call(SYS_gettid);
  EXPECT_THAT(Call(SYS_rt_tgsigqueueinfo, getpid(), tid, 0, &info), SucceedsWith(0)) << "only checks";
  EXPECT_THAT(Call(SYS_rt_tgsigqueueinfo, getpid(), tid, 65, &info), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_rt_tgsigqueueinfo, 0, tid, SIGUSR1, &info), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_rt_tgsigqueueinfo, getpid(), 0, SIGUSR1, &info), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_rt_tgsigqueueinfo, getpid(), 0x3fffffff, SIGUSR1, &info), FailsWith(ESRCH));
  EXPECT_THAT(Call(SYS_rt_tgsigqueueinfo, getpid(), tid, SIGUSR1, BadAddress()), FailsWith(EFAULT));
  const pid_t child = StartChild([] { pause(); });
  info.si_code = SI_USER;
  EXPECT_THAT(Call(SYS_rt_tgsigqueueinfo, child, child, SIGUSR1, &info), FailsWith(EPERM)) << "nobody lies about kill(2) to others";
  kill(child, SIGKILL);
  StatusOf(child);
}

TEST(EpollPwait2, TimeIsATimespec) {
  const ScopedFd epoll(Call(SYS_epoll_create1, 0));
  const Pipe pipe;
  epoll_event event{.events = EPOLLIN, .data = {.u64 = 7}}, got[2] = {};
  ASSERT_THAT(Call(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, pipe.reader, &event), SucceedsWith(0));
  const timespec nap = Ms(20), zero{}, bad{0, 1'000'000'000};
  const Stopwatch watch;
  EXPECT_THAT(Call(SYS_epoll_pwait2, epoll, got, 2, &nap, nullptr, kSetSize), SucceedsWith(0));
  EXPECT_GE(watch.ms(), 19);
  EXPECT_THAT(Call(SYS_epoll_pwait2, epoll, got, 2, &zero, nullptr, kSetSize), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
  EXPECT_THAT(Call(SYS_epoll_pwait2, epoll, got, 2, nullptr, nullptr, kSetSize), SucceedsWith(1));
  EXPECT_EQ(got[0].data.u64, 7u);
  EXPECT_THAT(Call(SYS_epoll_pwait2, epoll, got, 2, &bad, nullptr, kSetSize), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_epoll_pwait2, epoll, got, 0, &zero, nullptr, kSetSize), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_epoll_pwait2, epoll, got, 2, BadAddress(), nullptr, kSetSize), FailsWith(EFAULT));
}

TEST(EpollPwait2, MaskHoldsWhileItWaits) {
  SignalRecorder recorder(SIGUSR1);
  const Blocked block(SIGUSR1);
  const ScopedFd epoll(Call(SYS_epoll_create1, 0));
  EXPECT_THAT(Call(SYS_kill, getpid(), SIGUSR1), SucceedsWith(0));
  epoll_event got[1];
  const unsigned long none = 0;
  EXPECT_THAT(Call(SYS_epoll_pwait2, epoll, got, 1, nullptr, &none, kSetSize), FailsWith(EINTR));
  EXPECT_EQ(recorder.count(), 1);
  EXPECT_THAT(Call(SYS_epoll_pwait2, epoll, got, 1, nullptr, &none, 4L), FailsWith(EINVAL));
}

}  // namespace
