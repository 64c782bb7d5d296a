// timerfd_create(2), timerfd_settime(2), timerfd_gettime(2).
#include <poll.h>
#include <sys/timerfd.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Timerfd, ReadWaitsForTheExpiration) {
  const ScopedFd fd(Call(SYS_timerfd_create, CLOCK_MONOTONIC, 0));
  const itimerspec spec = {{0, 0}, Ms(30)};
  const long before = NowNs();
  EXPECT_THAT(Call(SYS_timerfd_settime, fd, 0, &spec, nullptr), SucceedsWith(0));
  unsigned long count = 0;
  EXPECT_THAT(Call(SYS_read, fd, &count, 8), SucceedsWith(8));
  EXPECT_EQ(count, 1u);
  EXPECT_GE(NowNs() - before, 30 * kMillisecond);
}
TEST(Timerfd, IntervalsAccumulate) {
  const ScopedFd fd(Call(SYS_timerfd_create, CLOCK_MONOTONIC, TFD_NONBLOCK));
  const itimerspec spec = {Ms(5), Ms(5)};
  EXPECT_THAT(Call(SYS_timerfd_settime, fd, 0, &spec, nullptr), SucceedsWith(0));
  SleepMs(40);
  unsigned long count = 0;
  EXPECT_THAT(Call(SYS_read, fd, &count, 8), SucceedsWith(8));
  EXPECT_GE(count, 7u);
}
TEST(Timerfd, NonblockingReadBeforeExpiryWouldBlock) {
  const ScopedFd fd(Call(SYS_timerfd_create, CLOCK_MONOTONIC, TFD_NONBLOCK));
  unsigned long count;
  EXPECT_THAT(Call(SYS_read, fd, &count, 8), FailsWith(EAGAIN));
  EXPECT_THAT(Call(SYS_read, fd, &count, 7), FailsWith(EINVAL));
}
TEST(Timerfd, PastAbsoluteTimeExpiresAtOnce) {
  const ScopedFd fd(Call(SYS_timerfd_create, CLOCK_REALTIME, 0));
  const itimerspec spec = {{0, 0}, {1, 0}};
  EXPECT_THAT(Call(SYS_timerfd_settime, fd, TFD_TIMER_ABSTIME, &spec, nullptr), SucceedsWith(0));
  unsigned long count = 0;
  EXPECT_THAT(Call(SYS_read, fd, &count, 8), SucceedsWith(8));
}
TEST(Timerfd, SettimeReturnsTheOldSetting) {
  const ScopedFd fd(Call(SYS_timerfd_create, CLOCK_MONOTONIC, 0));
  const itimerspec spec = {{7, 0}, {100, 0}};
  itimerspec old = {{1, 1}, {1, 1}};
  EXPECT_THAT(Call(SYS_timerfd_settime, fd, 0, &spec, &old), SucceedsWith(0));
  EXPECT_EQ(old.it_value.tv_sec, 0);
  const itimerspec off = {};
  EXPECT_THAT(Call(SYS_timerfd_settime, fd, 0, &off, &old), SucceedsWith(0));
  EXPECT_EQ(old.it_interval.tv_sec, 7);
  EXPECT_GE(old.it_value.tv_sec, 90);
  EXPECT_THAT(Call(SYS_timerfd_gettime, fd, &old), SucceedsWith(0));
  EXPECT_EQ(old.it_value.tv_sec, 0);
}
TEST(Timerfd, PollSeesTheExpiration) {
  const ScopedFd fd(Call(SYS_timerfd_create, CLOCK_MONOTONIC, 0));
  pollfd poll{fd.get(), POLLIN, 0};
  EXPECT_THAT(Call(SYS_poll, &poll, 1, 0), SucceedsWith(0));
  const itimerspec spec = {{0, 0}, Ms(5)};
  EXPECT_THAT(Call(SYS_timerfd_settime, fd, 0, &spec, nullptr), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_poll, &poll, 1, -1), SucceedsWith(1));
  EXPECT_EQ(poll.revents, POLLIN);
}
TEST(Timerfd, Errors) {
  const ScopedFd fd(Call(SYS_timerfd_create, CLOCK_MONOTONIC, 0));
  const itimerspec bad = {{0, 0}, {0, 1'000'000'000}}, good = {{0, 0}, {100, 0}};
  EXPECT_THAT(Call(SYS_timerfd_create, 99, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_timerfd_create, CLOCK_MONOTONIC, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_timerfd_settime, fd, 0, &bad, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_timerfd_settime, fd, 99, &good, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_timerfd_settime, 9999, 0, &good, nullptr), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_timerfd_settime, 1, 0, &good, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_timerfd_settime, fd, 0, BadAddress(), nullptr), FailsWith(EFAULT));
}

}  // namespace tests
