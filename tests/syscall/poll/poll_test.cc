// poll(2), ppoll(2).
#include <poll.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Poll, CountsReadyEntriesAndFillsRevents) {
  const Pipe pipe;
  pollfd fds[2] = {{pipe.reader.get(), POLLIN, 0}, {pipe.writer.get(), POLLOUT, 0}};
  EXPECT_THAT(Call(SYS_poll, fds, 2, 0), SucceedsWith(1));
  EXPECT_EQ(fds[0].revents, 0);
  EXPECT_EQ(fds[1].revents, POLLOUT);
  EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
  EXPECT_THAT(Call(SYS_poll, fds, 2, -1), SucceedsWith(2));
  EXPECT_EQ(fds[0].revents, POLLIN);
}
TEST(Poll, NegativeDescriptorsAreIgnored) {
  pollfd fds[1] = {{-1, POLLIN, 77}};
  EXPECT_THAT(Call(SYS_poll, fds, 1, 0), SucceedsWith(0));
  EXPECT_EQ(fds[0].revents, 0);
}
TEST(Poll, ClosedDescriptorIsPollnval) {
  pollfd fds[1] = {{9999, POLLIN, 0}};
  EXPECT_THAT(Call(SYS_poll, fds, 1, -1), SucceedsWith(1));
  EXPECT_EQ(fds[0].revents, POLLNVAL);
}
TEST(Poll, RegularFilesAreAlwaysReady) {
  const ScopedFd fd = TempFile("");
  pollfd fds[1] = {{fd.get(), POLLIN | POLLOUT, 0}};
  EXPECT_THAT(Call(SYS_poll, fds, 1, -1), SucceedsWith(1));
  EXPECT_EQ(fds[0].revents, POLLIN | POLLOUT);
}
TEST(Poll, TimeoutReturnsZeroNotBefore) {
  const Pipe pipe;
  pollfd fds[1] = {{pipe.reader.get(), POLLIN, 0}};
  const Stopwatch watch;
  EXPECT_THAT(Call(SYS_poll, fds, 1, 30), SucceedsWith(0));
  EXPECT_GE(watch.ms(), 29);
}
TEST(Poll, WakesWhenDataArrives) {
  const Pipe pipe;
  ScopedThread waiter([&] {
    pollfd fds[1] = {{pipe.reader.get(), POLLIN, 0}};
    EXPECT_THAT(Call(SYS_poll, fds, 1, -1), SucceedsWith(1));
    EXPECT_EQ(fds[0].revents, POLLIN);
  });
  WaitUntilAsleep(waiter.tid());
  EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
}
TEST(Poll, IsInterruptedByAHandlerEvenWithSaRestart) {
  SignalRecorder recorder(SIGUSR1, SA_RESTART);
  ScopedThread waiter([] { EXPECT_THAT(Call(SYS_poll, nullptr, 0, -1), FailsWith(EINTR)); });
  WaitUntilAsleep(waiter.tid());
  EXPECT_THAT(Call(SYS_tgkill, getpid(), waiter.tid(), SIGUSR1), SucceedsWith(0));
}
TEST(Poll, BadArrayFaults) { EXPECT_THAT(Call(SYS_poll, BadAddress(), 1, 0), FailsWith(EFAULT)); }
TEST(Poll, MoreEntriesThanDescriptorsAllowedIsInvalid) { EXPECT_THAT(Call(SYS_poll, nullptr, 0x7fffffff, 0), FailsWith(EINVAL)); }
TEST(Ppoll, MaskIsInForceWhileWaitingAndRestoredAfter) {
  const BlockedSignals blocked(SIGUSR1);
  SignalRecorder recorder(SIGUSR1);
  raise(SIGUSR1);
  EXPECT_EQ(recorder.count(), 0);
  const sigset_t none = SetOf();
  EXPECT_THAT(Call(SYS_ppoll, nullptr, 0, nullptr, &none, kSetSize), FailsWith(EINTR));
  EXPECT_EQ(recorder.count(), 1);
  sigset_t now;
  sigprocmask(SIG_BLOCK, nullptr, &now);
  EXPECT_EQ(sigismember(&now, SIGUSR1), 1);
}
TEST(Ppoll, WritesBackTheRemainingTime) {
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
  pollfd fds[1] = {{pipe.reader.get(), POLLIN, 0}};
  timespec timeout = {100, 0};
  EXPECT_THAT(Call(SYS_ppoll, fds, 1, &timeout, nullptr, kSetSize), SucceedsWith(1));
  EXPECT_GE(timeout.tv_sec, 90);
  EXPECT_LT(timeout.tv_sec, 100);
}
TEST(Ppoll, BadTimeAndMaskSizeAreInvalid) {
  timespec timeout = {0, 1'000'000'000};
  EXPECT_THAT(Call(SYS_ppoll, nullptr, 0, &timeout, nullptr, kSetSize), FailsWith(EINVAL));
  timeout = {-1, 0};
  EXPECT_THAT(Call(SYS_ppoll, nullptr, 0, &timeout, nullptr, kSetSize), FailsWith(EINVAL));
  timeout = {0, 0};
  const sigset_t none = SetOf();
  EXPECT_THAT(Call(SYS_ppoll, nullptr, 0, &timeout, &none, 4), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_ppoll, nullptr, 0, BadAddress(), nullptr, kSetSize), FailsWith(EFAULT));
}

}  // namespace tests
