// ioctl(2) that every descriptor knows: FIONBIO, FIOCLEX, FIONREAD, ENOTTY.
#include <sys/ioctl.h>
#include <termios.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Ioctl, FionbioSetsNonblock) {
  const Pipe pipe;
  int on = 1;
  EXPECT_THAT(Call(SYS_ioctl, pipe.reader, FIONBIO, &on), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETFL), SucceedsWith(O_RDONLY | O_NONBLOCK));
}
TEST(Ioctl, FioclexMarksTheDescriptor) {
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_ioctl, pipe.reader, FIOCLEX), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETFD), SucceedsWith(FD_CLOEXEC));
  EXPECT_THAT(Call(SYS_ioctl, pipe.reader, FIONCLEX), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETFD), SucceedsWith(0));
}
TEST(Ioctl, FionreadOnAFileCountsToTheEnd) {
  const ScopedFd fd = TempFile("0123456789");
  int count = 0;
  EXPECT_THAT(Call(SYS_lseek, fd, 4, SEEK_SET), SucceedsWith(4));
  EXPECT_THAT(Call(SYS_ioctl, fd, FIONREAD, &count), SucceedsWith(0));
  EXPECT_EQ(count, 6);
}
TEST(Ioctl, TerminalQuestionToAFileIsEnotty) {
  const ScopedFd fd = TempFile("");
  termios modes;
  EXPECT_THAT(Call(SYS_ioctl, fd, TCGETS, &modes), FailsWith(ENOTTY));
}
TEST(Ioctl, TerminalQuestionToAPipeIsEnotty) {
  const Pipe pipe;
  winsize size;
  EXPECT_THAT(Call(SYS_ioctl, pipe.reader, TIOCGWINSZ, &size), FailsWith(ENOTTY));
}
TEST(Ioctl, BadPointerFaults) {
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_ioctl, pipe.reader, FIONREAD, BadAddress()), FailsWith(EFAULT));
}
TEST(Ioctl, BadAndPathDescriptorsAreBad) {
  const ScopedFd fd(open("/", O_PATH));
  int count;
  EXPECT_THAT(Call(SYS_ioctl, fd, FIONREAD, &count), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_ioctl, 9999, FIONREAD, &count), FailsWith(EBADF));
}

}  // namespace tests
