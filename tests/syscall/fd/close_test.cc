// close(2) and close_range(2).
#include <linux/close_range.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Close, TwiceIsBad) {
  const int fd = open("/", O_RDONLY);
  EXPECT_THAT(Call(SYS_close, fd), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_close, fd), FailsWith(EBADF));
}
TEST(Close, MakesTheNumberTheNextToBeUsed) {
  const int fd = open("/", O_RDONLY);
  const ScopedFd later(open("/", O_RDONLY));
  EXPECT_THAT(Call(SYS_close, fd), SucceedsWith(0));
  EXPECT_EQ(LowestFreeFd(), fd);
}
TEST(Close, PathDescriptorCloses) {
  const int fd = open("/", O_PATH);
  EXPECT_THAT(Call(SYS_close, fd), SucceedsWith(0));
}
TEST(CloseRange, ClosesAllAndOnlyTheRange) {
  InChild([] {
    for (int fd = 100; fd < 105; ++fd) EXPECT_THAT(Call(SYS_dup2, 1, fd), SucceedsWith(fd));
    EXPECT_THAT(Call(SYS_close_range, 101, 103, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_fcntl, 100, F_GETFD), Succeeds());
    for (int fd = 101; fd < 104; ++fd) EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFD), FailsWith(EBADF));
    EXPECT_THAT(Call(SYS_fcntl, 104, F_GETFD), Succeeds());
  });
}
TEST(CloseRange, CloexecFlagOnlyMarks) {
  InChild([] {
    EXPECT_THAT(Call(SYS_dup2, 1, 100), SucceedsWith(100));
    EXPECT_THAT(Call(SYS_close_range, 100, ~0U, CLOSE_RANGE_CLOEXEC), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_fcntl, 100, F_GETFD), SucceedsWith(FD_CLOEXEC));
  });
}
TEST(CloseRange, FirstAboveLastIsInvalid) { EXPECT_THAT(Call(SYS_close_range, 5, 4, 0), FailsWith(EINVAL)); }
TEST(CloseRange, UnknownFlagIsInvalid) { EXPECT_THAT(Call(SYS_close_range, 500, 501, 1U << 20), FailsWith(EINVAL)); }
TEST(CloseRange, EmptyRangeOfNumbersIsFine) { EXPECT_THAT(Call(SYS_close_range, 5000, 6000, 0), SucceedsWith(0)); }

}  // namespace tests
