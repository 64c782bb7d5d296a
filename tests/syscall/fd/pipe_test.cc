// pipe(2), pipe2(2) and pipe(7).
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Pipe2, FaultingResultPointerLeaksNoDescriptor) {
  const int before = LowestFreeFd();
  EXPECT_THAT(Call(SYS_pipe2, BadAddress(), 0), FailsWith(EFAULT));
  EXPECT_EQ(LowestFreeFd(), before);
}
TEST(Pipe2, UnknownFlagIsInvalid) {
  int fds[2];
  EXPECT_THAT(Call(SYS_pipe2, fds, 1), FailsWith(EINVAL));
}
TEST(Pipe2, FlagsApplyToBothEnds) {
  const Pipe pipe(O_CLOEXEC | O_NONBLOCK);
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETFD), SucceedsWith(FD_CLOEXEC));
  EXPECT_THAT(Call(SYS_fcntl, pipe.writer, F_GETFD), SucceedsWith(FD_CLOEXEC));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETFL), SucceedsWith(O_RDONLY | O_NONBLOCK));
  EXPECT_THAT(Call(SYS_fcntl, pipe.writer, F_GETFL), SucceedsWith(O_WRONLY | O_NONBLOCK));
}
TEST(PipeCall, ReaderGetsTheLowerNumber) {
  int fds[2];
  const int lowest = LowestFreeFd();
  ASSERT_THAT(Call(SYS_pipe, fds), SucceedsWith(0));
  const ScopedFd reader(fds[0]), writer(fds[1]);
  EXPECT_EQ(fds[0], lowest);
  EXPECT_GT(fds[1], fds[0]);
}
TEST(PipeIo, EndsAreOneWay) {
  const Pipe pipe;
  char byte = 'x';
  EXPECT_THAT(Call(SYS_write, pipe.reader, &byte, 1), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_read, pipe.writer, &byte, 1), FailsWith(EBADF));
}
TEST(PipeIo, ReadTakesWhatIsThere) {
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_write, pipe.writer, "abc", 3), SucceedsWith(3));
  EXPECT_THAT(Call(SYS_write, pipe.writer, "de", 2), SucceedsWith(2));
  char bytes[100];
  EXPECT_THAT(Call(SYS_read, pipe.reader, bytes, 100), SucceedsWith(5));
  EXPECT_EQ(std::string(bytes, 5), "abcde");
}
TEST(PipeIo, NoWriterIsEndOfFile) {
  Pipe pipe;
  EXPECT_THAT(Call(SYS_write, pipe.writer, "a", 1), SucceedsWith(1));
  pipe.writer.Reset();
  char bytes[2];
  EXPECT_THAT(Call(SYS_read, pipe.reader, bytes, 2), SucceedsWith(1));
  EXPECT_THAT(Call(SYS_read, pipe.reader, bytes, 2), SucceedsWith(0));
}
TEST(PipeIo, NoReaderIsEpipeAndSigpipe) {
  Pipe pipe;
  pipe.reader.Reset();
  SignalRecorder recorder(SIGPIPE);
  EXPECT_THAT(Call(SYS_write, pipe.writer, "a", 1), FailsWith(EPIPE));
  EXPECT_EQ(recorder.count(), 1);
  EXPECT_THAT(Call(SYS_write, pipe.writer, "a", 0), SucceedsWith(0));
}
TEST(PipeIo, SigpipeKillsByDefault) {
  EXPECT_THAT(ChildStatus([] {
                Pipe pipe;
                pipe.reader.Reset();
                Call(SYS_write, pipe.writer, "a", 1);
              }),
              KilledBy(SIGPIPE));
}
TEST(PipeIo, NonblockingReadOfAnEmptyPipeWouldBlock) {
  const Pipe pipe(O_NONBLOCK);
  char byte;
  EXPECT_THAT(Call(SYS_read, pipe.reader, &byte, 1), FailsWith(EAGAIN));
}
TEST(PipeIo, NonblockingWriteFillsTheBufferAndThenWouldBlock) {
  const Pipe pipe(O_NONBLOCK);
  const std::string big(100'000, 'x');
  EXPECT_THAT(Call(SYS_write, pipe.writer, big, big.size()), SucceedsWith(65536));
  EXPECT_THAT(Call(SYS_write, pipe.writer, "y", 1), FailsWith(EAGAIN));
}
TEST(PipeIo, SmallNonblockingWriteIsAllOrNothing) {
  const Pipe pipe(O_NONBLOCK);
  const std::string most(65536 - PIPE_BUF + 1, 'x');
  ASSERT_THAT(Call(SYS_write, pipe.writer, most, most.size()), SucceedsWith(most.size()));
  const std::string small(PIPE_BUF, 'y');
  EXPECT_THAT(Call(SYS_write, pipe.writer, small, small.size()), FailsWith(EAGAIN));
}
TEST(PipeIo, BlockingWriteOfMoreThanTheBufferWaitsForTheReader) {
  Pipe pipe;
  const std::string big(200'000, 'x');
  const pid_t child = StartChild([&] {
    pipe.reader.Reset();
    EXPECT_THAT(Call(SYS_write, pipe.writer, big, big.size()), SucceedsWith(200'000));
  });
  pipe.writer.Reset();
  long total = 0, got;
  static char bytes[10'000];
  while ((got = Call(SYS_read, pipe.reader, bytes, sizeof bytes)) > 0) total += got;
  EXPECT_EQ(total, 200'000);
  EXPECT_THAT(StatusOf(child), Exited(0));
}
TEST(PipeIo, BlockedReadWakesOnAWrite) {
  const Pipe pipe;
  char byte = 0;
  ScopedThread reader([&] { EXPECT_THAT(Call(SYS_read, pipe.reader, &byte, 1), SucceedsWith(1)); });
  WaitUntilAsleep(reader.tid());
  EXPECT_THAT(Call(SYS_write, pipe.writer, "k", 1), SucceedsWith(1));
  reader.Join();
  EXPECT_EQ(byte, 'k');
}
TEST(PipeIo, BlockedReadWakesWhenTheLastWriterCloses) {
  Pipe pipe;
  ScopedThread reader([&] {
    char byte;
    EXPECT_THAT(Call(SYS_read, pipe.reader, &byte, 1), SucceedsWith(0));
  });
  WaitUntilAsleep(reader.tid());
  pipe.writer.Reset();
}
TEST(PipeIo, ReadFaultConsumesNothing) {
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_write, pipe.writer, "abc", 3), SucceedsWith(3));
  EXPECT_THAT(Call(SYS_read, pipe.reader, BadAddress(), 3), FailsWith(EFAULT));
  char bytes[3];
  EXPECT_THAT(Call(SYS_read, pipe.reader, bytes, 3), SucceedsWith(3));
}
TEST(PipeIo, FionreadCountsTheBytes) {
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_write, pipe.writer, "abcd", 4), SucceedsWith(4));
  int count = 0;
  EXPECT_THAT(Call(SYS_ioctl, pipe.reader, FIONREAD, &count), SucceedsWith(0));
  EXPECT_EQ(count, 4);
}
TEST(PipeIo, PollTellsHangUpAndError) {
  Pipe one, two;
  one.writer.Reset();
  pollfd reader{one.reader.get(), POLLIN, 0};
  EXPECT_THAT(Call(SYS_poll, &reader, 1, 0), SucceedsWith(1));
  EXPECT_EQ(reader.revents, POLLHUP);
  two.reader.Reset();
  pollfd writer{two.writer.get(), POLLOUT, 0};
  EXPECT_THAT(Call(SYS_poll, &writer, 1, 0), SucceedsWith(1));
  EXPECT_EQ(writer.revents, POLLOUT | POLLERR);
}
TEST(PipeIo, StatSaysFifo) {
  const Pipe pipe;
  struct stat info;
  ASSERT_EQ(fstat(pipe.reader.get(), &info), 0);
  EXPECT_TRUE(S_ISFIFO(info.st_mode));
}
TEST(PipeIo, EndOpenedAgainThroughProcWaitsForNobody) {
  Pipe pipe;
  ASSERT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
  pipe.writer.Reset();
  const std::string path = "/proc/self/fd/" + std::to_string(pipe.reader.get());
  const long again = Call(SYS_openat, AT_FDCWD, path.c_str(), O_RDONLY, 0);
  ASSERT_GE(again, 0);
  char byte = 0;
  EXPECT_THAT(Call(SYS_read, again, &byte, 1), SucceedsWith(1));
  EXPECT_EQ(byte, 'x');
  EXPECT_THAT(Call(SYS_read, again, &byte, 1), SucceedsWith(0));
  close(static_cast<int>(again));
}
TEST(PipeIo, WritesOfPipeBufAreAtomicAmongWriters) {
  Pipe pipe;
  pid_t children[3];
  for (int i = 0; i < 3; ++i) {
    children[i] = StartChild([&] {
      const std::string block(PIPE_BUF, static_cast<char>('a' + i));
      for (int round = 0; round < 20; ++round) EXPECT_THAT(Call(SYS_write, pipe.writer, block, block.size()), SucceedsWith(PIPE_BUF));
    });
  }
  pipe.writer.Reset();
  std::string all;
  static char bytes[65536];
  long got;
  while ((got = Call(SYS_read, pipe.reader, bytes, sizeof bytes)) > 0) all.append(bytes, got);
  for (const pid_t child : children) EXPECT_THAT(StatusOf(child), Exited(0));
  ASSERT_EQ(all.size(), 3u * 20 * PIPE_BUF);
  for (size_t at = 0; at < all.size(); at += PIPE_BUF) {
    EXPECT_EQ(all.substr(at, PIPE_BUF), std::string(PIPE_BUF, all[at])) << "torn block at " << at;
  }
}

}  // namespace tests
