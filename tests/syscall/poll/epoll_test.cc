// epoll(7): level, edge, one-shot, nesting, errors.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <vector>

#include "tests/lib/guest.h"

namespace tests {

static long Add(int epoll, int fd, unsigned events, unsigned long data = 0, int op = EPOLL_CTL_ADD) {
  epoll_event event = {};
  event.events = events;
  event.data.u64 = data;
  return Call(SYS_epoll_ctl, epoll, op, fd, &event);
}
static long Wait(int epoll, epoll_event* events, int room, int timeout = 0) { return Call(SYS_epoll_wait, epoll, events, room, timeout); }

class Epoll : public testing::Test {
 protected:
  ScopedFd epoll_{Call(SYS_epoll_create1, 0)};
  Pipe pipe_;
  epoll_event events_[4] = {};
};

TEST_F(Epoll, LevelTriggeredReportsUntilDrained) {
  EXPECT_THAT(Add(epoll_.get(), pipe_.reader.get(), EPOLLIN, 42), SucceedsWith(0));
  EXPECT_THAT(Wait(epoll_.get(), events_, 4), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_write, pipe_.writer, "x", 1), SucceedsWith(1));
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Wait(epoll_.get(), events_, 4), SucceedsWith(1));
    EXPECT_EQ(events_[0].data.u64, 42u);
    EXPECT_EQ(events_[0].events, static_cast<unsigned>(EPOLLIN));
  }
  char byte;
  EXPECT_THAT(Call(SYS_read, pipe_.reader, &byte, 1), SucceedsWith(1));
  EXPECT_THAT(Wait(epoll_.get(), events_, 4), SucceedsWith(0));
}
TEST_F(Epoll, EdgeTriggeredReportsOncePerArrival) {
  EXPECT_THAT(Add(epoll_.get(), pipe_.reader.get(), EPOLLIN | EPOLLET), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_write, pipe_.writer, "x", 1), SucceedsWith(1));
  EXPECT_THAT(Wait(epoll_.get(), events_, 4), SucceedsWith(1));
  EXPECT_THAT(Wait(epoll_.get(), events_, 4), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_write, pipe_.writer, "y", 1), SucceedsWith(1));
  EXPECT_THAT(Wait(epoll_.get(), events_, 4), SucceedsWith(1));
}
TEST_F(Epoll, EdgeTriggeredAddOfAReadyFileReports) {
  EXPECT_THAT(Call(SYS_write, pipe_.writer, "x", 1), SucceedsWith(1));
  EXPECT_THAT(Add(epoll_.get(), pipe_.reader.get(), EPOLLIN | EPOLLET), SucceedsWith(0));
  EXPECT_THAT(Wait(epoll_.get(), events_, 4), SucceedsWith(1));
}
TEST_F(Epoll, OneShotDisarmsUntilModified) {
  EXPECT_THAT(Add(epoll_.get(), pipe_.reader.get(), EPOLLIN | EPOLLONESHOT), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_write, pipe_.writer, "x", 1), SucceedsWith(1));
  EXPECT_THAT(Wait(epoll_.get(), events_, 4), SucceedsWith(1));
  EXPECT_THAT(Wait(epoll_.get(), events_, 4), SucceedsWith(0));
  EXPECT_THAT(Add(epoll_.get(), pipe_.reader.get(), EPOLLIN | EPOLLONESHOT, 0, EPOLL_CTL_MOD), SucceedsWith(0));
  EXPECT_THAT(Wait(epoll_.get(), events_, 4), SucceedsWith(1));
}
TEST_F(Epoll, HangUpIsReportedUnasked) {
  EXPECT_THAT(Add(epoll_.get(), pipe_.reader.get(), 0), SucceedsWith(0));
  pipe_.writer.Reset();
  EXPECT_THAT(Wait(epoll_.get(), events_, 4), SucceedsWith(1));
  EXPECT_EQ(events_[0].events, static_cast<unsigned>(EPOLLHUP));
}
TEST_F(Epoll, ControlErrors) {
  EXPECT_THAT(Add(epoll_.get(), pipe_.reader.get(), EPOLLIN), SucceedsWith(0));
  EXPECT_THAT(Add(epoll_.get(), pipe_.reader.get(), EPOLLIN), FailsWith(EEXIST));
  EXPECT_THAT(Add(epoll_.get(), pipe_.writer.get(), EPOLLIN, 0, EPOLL_CTL_MOD), FailsWith(ENOENT));
  EXPECT_THAT(Add(epoll_.get(), pipe_.writer.get(), EPOLLIN, 0, EPOLL_CTL_DEL), FailsWith(ENOENT));
  EXPECT_THAT(Add(epoll_.get(), 9999, EPOLLIN), FailsWith(EBADF));
  EXPECT_THAT(Add(9999, pipe_.reader.get(), EPOLLIN), FailsWith(EBADF));
  EXPECT_THAT(Add(epoll_.get(), epoll_.get(), EPOLLIN), FailsWith(EINVAL));
  EXPECT_THAT(Add(pipe_.reader.get(), pipe_.writer.get(), EPOLLIN), FailsWith(EINVAL));
  EXPECT_THAT(Add(epoll_.get(), pipe_.writer.get(), EPOLLIN, 0, 99), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_epoll_ctl, epoll_, EPOLL_CTL_ADD, pipe_.writer, BadAddress()), FailsWith(EFAULT));
}
TEST_F(Epoll, RegularFilesAreRefused) {
  const ScopedFd fd = TempFile("x");
  EXPECT_THAT(Add(epoll_.get(), fd.get(), EPOLLIN), FailsWith(EPERM));
}
TEST_F(Epoll, DeletedEntryReportsNothing) {
  EXPECT_THAT(Add(epoll_.get(), pipe_.writer.get(), EPOLLOUT), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_epoll_ctl, epoll_, EPOLL_CTL_DEL, pipe_.writer, nullptr), SucceedsWith(0));
  EXPECT_THAT(Wait(epoll_.get(), events_, 4), SucceedsWith(0));
}
TEST_F(Epoll, CloseOfTheLastDescriptorRemovesTheEntry) {
  EXPECT_THAT(Add(epoll_.get(), pipe_.writer.get(), EPOLLOUT), SucceedsWith(0));
  pipe_.writer.Reset();
  EXPECT_THAT(Wait(epoll_.get(), events_, 4), SucceedsWith(0));
}
TEST_F(Epoll, CloseWithADuplicateLeftKeepsTheEntry) {
  const ScopedFd copy(dup(pipe_.writer.get()));
  EXPECT_THAT(Add(epoll_.get(), pipe_.writer.get(), EPOLLOUT), SucceedsWith(0));
  pipe_.writer.Reset();
  EXPECT_THAT(Wait(epoll_.get(), events_, 4), SucceedsWith(1));
}
TEST_F(Epoll, NestedSetIsReadableWhenItHasEvents) {
  const ScopedFd outer(Call(SYS_epoll_create1, 0));
  EXPECT_THAT(Add(outer.get(), epoll_.get(), EPOLLIN), SucceedsWith(0));
  EXPECT_THAT(Wait(outer.get(), events_, 4), SucceedsWith(0));
  EXPECT_THAT(Add(epoll_.get(), pipe_.writer.get(), EPOLLOUT), SucceedsWith(0));
  EXPECT_THAT(Wait(outer.get(), events_, 4), SucceedsWith(1));
}
TEST_F(Epoll, CycleOfSetsIsEloop) {
  const ScopedFd outer(Call(SYS_epoll_create1, 0));
  EXPECT_THAT(Add(outer.get(), epoll_.get(), EPOLLIN), SucceedsWith(0));
  EXPECT_THAT(Add(epoll_.get(), outer.get(), EPOLLIN), FailsWith(ELOOP));
}
TEST_F(Epoll, RoomForFewerEventsRotatesThroughThem) {
  const Pipe second;
  EXPECT_THAT(Add(epoll_.get(), pipe_.writer.get(), EPOLLOUT, 1), SucceedsWith(0));
  EXPECT_THAT(Add(epoll_.get(), second.writer.get(), EPOLLOUT, 2), SucceedsWith(0));
  EXPECT_THAT(Wait(epoll_.get(), events_, 1), SucceedsWith(1));
  const unsigned long first = events_[0].data.u64;
  EXPECT_THAT(Wait(epoll_.get(), events_, 1), SucceedsWith(1));
  EXPECT_NE(events_[0].data.u64, first);
}
TEST_F(Epoll, OneWaitReportsThousands) {
  InChild([] {
    constexpr unsigned kEntries = 6000;
    rlimit limit = {};
    EXPECT_THAT(Call(SYS_getrlimit, RLIMIT_NOFILE, &limit), SucceedsWith(0));
    if (limit.rlim_max < kEntries + 64) return;
    limit.rlim_cur = limit.rlim_max;
    EXPECT_THAT(Call(SYS_setrlimit, RLIMIT_NOFILE, &limit), SucceedsWith(0));
    const ScopedFd epoll(Call(SYS_epoll_create1, 0));
    const ScopedFd event(Call(SYS_eventfd2, 1, 0));
    for (unsigned i = 0; i < kEntries; ++i) {
      const long copy = Call(SYS_dup, event);
      ASSERT_THAT(copy, Succeeds());
      ASSERT_THAT(Add(epoll.get(), static_cast<int>(copy), EPOLLIN, i), SucceedsWith(0));
    }
    std::vector<epoll_event> events(kEntries + 1);
    EXPECT_THAT(Wait(epoll.get(), events.data(), kEntries + 1), SucceedsWith(kEntries));
    EXPECT_THAT(Wait(epoll.get(), events.data(), kEntries - 1), SucceedsWith(kEntries - 1));
  });
}
TEST_F(Epoll, WaitErrors) {
  EXPECT_THAT(Wait(epoll_.get(), events_, 0), FailsWith(EINVAL));
  EXPECT_THAT(Wait(epoll_.get(), events_, -1), FailsWith(EINVAL));
  EXPECT_THAT(Wait(9999, events_, 1), FailsWith(EBADF));
  EXPECT_THAT(Wait(pipe_.reader.get(), events_, 1), FailsWith(EINVAL));
  EXPECT_THAT(Add(epoll_.get(), pipe_.writer.get(), EPOLLOUT), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_epoll_wait, epoll_, BadAddress(), 1, 0), FailsWith(EFAULT));
}
TEST_F(Epoll, BlockedWaitWakesOnAnEvent) {
  EXPECT_THAT(Add(epoll_.get(), pipe_.reader.get(), EPOLLIN), SucceedsWith(0));
  ScopedThread waiter([&] { EXPECT_THAT(Wait(epoll_.get(), events_, 4, -1), SucceedsWith(1)); });
  WaitUntilAsleep(waiter.tid());
  EXPECT_THAT(Call(SYS_write, pipe_.writer, "x", 1), SucceedsWith(1));
}
TEST_F(Epoll, EntryAddedDuringAWaitWakesIt) {
  ScopedThread waiter([&] { EXPECT_THAT(Wait(epoll_.get(), events_, 4, -1), SucceedsWith(1)); });
  WaitUntilAsleep(waiter.tid());
  EXPECT_THAT(Add(epoll_.get(), pipe_.writer.get(), EPOLLOUT), SucceedsWith(0));
}
TEST_F(Epoll, OneArrivalWakesOneOfSeveralEdgeTriggeredWaiters) {
  EXPECT_THAT(Add(epoll_.get(), pipe_.reader.get(), EPOLLIN | EPOLLET), SucceedsWith(0));
  std::atomic<int> woken{0};
  auto body = [&] {
    epoll_event event;
    if (Call(SYS_epoll_wait, epoll_, &event, 1, 200) == 1) woken.fetch_add(1);
  };
  {
    ScopedThread one(body), two(body);
    WaitUntilAsleep(one.tid());
    WaitUntilAsleep(two.tid());
    EXPECT_THAT(Call(SYS_write, pipe_.writer, "x", 1), SucceedsWith(1));
  }
  EXPECT_EQ(woken.load(), 1);
}
TEST_F(Epoll, PwaitSwapsTheMask) {
  const BlockedSignals blocked(SIGUSR1);
  SignalRecorder recorder(SIGUSR1);
  raise(SIGUSR1);
  const sigset_t none = SetOf();
  EXPECT_THAT(Call(SYS_epoll_pwait, epoll_, events_, 4, -1, &none, kSetSize), FailsWith(EINTR));
  EXPECT_EQ(recorder.count(), 1);
}
TEST_F(Epoll, EventfdEdgeFiresOnEveryWrite) {
  const ScopedFd fd(eventfd(0, EFD_NONBLOCK));
  EXPECT_THAT(Add(epoll_.get(), fd.get(), EPOLLIN | EPOLLET), SucceedsWith(0));
  const unsigned long one = 1;
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Call(SYS_write, fd, &one, 8), SucceedsWith(8));
    EXPECT_THAT(Wait(epoll_.get(), events_, 4), SucceedsWith(1));
  }
}
TEST(EpollCreate, FlagAndSizeRules) {
  EXPECT_THAT(Call(SYS_epoll_create1, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_epoll_create, 0), FailsWith(EINVAL));
  const ScopedFd fd(Call(SYS_epoll_create1, EPOLL_CLOEXEC));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFD), SucceedsWith(FD_CLOEXEC));
}

}  // namespace tests
