// select(2), pselect6(2).
#include <sys/select.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Select, SetsAreReplacedByTheReadyOnes) {
  const Pipe one, two;
  EXPECT_THAT(Call(SYS_write, two.writer, "x", 1), SucceedsWith(1));
  fd_set readers, writers;
  FD_ZERO(&readers);
  FD_ZERO(&writers);
  FD_SET(one.reader.get(), &readers);
  FD_SET(two.reader.get(), &readers);
  FD_SET(one.writer.get(), &writers);
  timeval now = {0, 0};
  EXPECT_THAT(Call(SYS_select, two.writer.get() + 1, &readers, &writers, nullptr, &now), SucceedsWith(2));
  EXPECT_FALSE(FD_ISSET(one.reader.get(), &readers));
  EXPECT_TRUE(FD_ISSET(two.reader.get(), &readers));
  EXPECT_TRUE(FD_ISSET(one.writer.get(), &writers));
}
TEST(Select, TimeoutClearsTheSetsAndTheTime) {
  const Pipe pipe;
  fd_set readers;
  FD_ZERO(&readers);
  FD_SET(pipe.reader.get(), &readers);
  timeval timeout = {0, 20'000};
  EXPECT_THAT(Call(SYS_select, pipe.reader.get() + 1, &readers, nullptr, nullptr, &timeout), SucceedsWith(0));
  EXPECT_FALSE(FD_ISSET(pipe.reader.get(), &readers));
  EXPECT_EQ(timeout.tv_sec, 0);
  EXPECT_EQ(timeout.tv_usec, 0);
}
TEST(Select, ClosedDescriptorIsEbadf) {
  fd_set readers;
  FD_ZERO(&readers);
  const int fd = LowestFreeFd();
  FD_SET(fd, &readers);
  EXPECT_THAT(Call(SYS_select, fd + 1, &readers, nullptr, nullptr, nullptr), FailsWith(EBADF));
}
TEST(Select, HungUpPipeIsReadable) {
  Pipe pipe;
  pipe.writer.Reset();
  fd_set readers;
  FD_ZERO(&readers);
  FD_SET(pipe.reader.get(), &readers);
  EXPECT_THAT(Call(SYS_select, pipe.reader.get() + 1, &readers, nullptr, nullptr, nullptr), SucceedsWith(1));
}
TEST(Select, NegativeCountAndBadTimeAreInvalid) {
  timeval negative = {-1, 0};
  EXPECT_THAT(Call(SYS_select, -1, nullptr, nullptr, nullptr, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_select, 0, nullptr, nullptr, nullptr, &negative), FailsWith(EINVAL));
}
TEST(Select, BadSetFaults) {
  timeval now = {0, 0};
  EXPECT_THAT(Call(SYS_select, 3, BadAddress(), nullptr, nullptr, &now), FailsWith(EFAULT));
}
TEST(Pselect, MaskIsInForceWhileWaiting) {
  const BlockedSignals blocked(SIGUSR1);
  SignalRecorder recorder(SIGUSR1);
  raise(SIGUSR1);
  const sigset_t none = SetOf();
  struct {
    const sigset_t* set;
    size_t size;
  } mask = {&none, kSetSize};
  EXPECT_THAT(Call(SYS_pselect6, 0, nullptr, nullptr, nullptr, nullptr, &mask), FailsWith(EINTR));
  EXPECT_EQ(recorder.count(), 1);
}

}  // namespace tests
