// eventfd(2).
#include <poll.h>
#include <sys/eventfd.h>

#include "tests/lib/guest.h"

namespace tests {

static long Add(int fd, unsigned long value) { return Call(SYS_write, fd, &value, 8); }

TEST(Eventfd, ReadReturnsTheSumAndResets) {
  const ScopedFd fd(Call(SYS_eventfd2, 3, EFD_NONBLOCK));
  EXPECT_THAT(Add(fd.get(), 4), SucceedsWith(8));
  unsigned long value = 0;
  EXPECT_THAT(Call(SYS_read, fd, &value, 8), SucceedsWith(8));
  EXPECT_EQ(value, 7u);
  EXPECT_THAT(Call(SYS_read, fd, &value, 8), FailsWith(EAGAIN));
}
TEST(Eventfd, SemaphoreReadsOneAtATime) {
  const ScopedFd fd(Call(SYS_eventfd2, 2, EFD_NONBLOCK | EFD_SEMAPHORE));
  unsigned long value = 0;
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Call(SYS_read, fd, &value, 8), SucceedsWith(8));
    EXPECT_EQ(value, 1u);
  }
  EXPECT_THAT(Call(SYS_read, fd, &value, 8), FailsWith(EAGAIN));
}
TEST(Eventfd, OverflowWouldBlock) {
  const ScopedFd fd(Call(SYS_eventfd2, 0, EFD_NONBLOCK));
  EXPECT_THAT(Add(fd.get(), 0xffff'ffff'ffff'fffeUL), SucceedsWith(8));
  EXPECT_THAT(Add(fd.get(), 1), FailsWith(EAGAIN));
}
TEST(Eventfd, AllOnesIsInvalid) {
  const ScopedFd fd(Call(SYS_eventfd2, 0, 0));
  EXPECT_THAT(Add(fd.get(), ~0UL), FailsWith(EINVAL));
}
TEST(Eventfd, ShortWriteIsInvalid) {
  const ScopedFd fd(Call(SYS_eventfd2, 0, 0));
  EXPECT_THAT(Call(SYS_write, fd, "1234567", 7), FailsWith(EINVAL));
}
TEST(Eventfd, UnknownFlagIsInvalid) { EXPECT_THAT(Call(SYS_eventfd2, 0, 2), FailsWith(EINVAL)); }
TEST(Eventfd, PollSeesBothSides) {
  const ScopedFd fd(Call(SYS_eventfd2, 0, 0));
  pollfd poll{fd.get(), POLLIN | POLLOUT, 0};
  EXPECT_THAT(Call(SYS_poll, &poll, 1, 0), SucceedsWith(1));
  EXPECT_EQ(poll.revents, POLLOUT);
  EXPECT_THAT(Add(fd.get(), 0xffff'ffff'ffff'fffeUL), SucceedsWith(8));
  EXPECT_THAT(Call(SYS_poll, &poll, 1, 0), SucceedsWith(1));
  EXPECT_EQ(poll.revents, POLLIN);
}
TEST(Eventfd, BlockedReaderWakesOnAWrite) {
  const ScopedFd fd(Call(SYS_eventfd2, 0, 0));
  unsigned long value = 0;
  ScopedThread reader([&] { EXPECT_THAT(Call(SYS_read, fd, &value, 8), SucceedsWith(8)); });
  WaitUntilAsleep(reader.tid());
  EXPECT_THAT(Add(fd.get(), 9), SucceedsWith(8));
  reader.Join();
  EXPECT_EQ(value, 9u);
}
TEST(Eventfd, CannotSeek) {
  const ScopedFd fd(Call(SYS_eventfd2, 0, 0));
  EXPECT_THAT(Call(SYS_pread64, fd, BadAddress(), 8, 0), FailsWithEither(ESPIPE, EFAULT));
}

}  // namespace tests
