// ftruncate(2), fallocate(2), fsync(2), fdatasync(2).
#include <linux/falloc.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Ftruncate, ShrinksAndGrowsWithZeros) {
  const ScopedFd fd = TempFile("abcdef");
  EXPECT_THAT(Call(SYS_ftruncate, fd, 2), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_ftruncate, fd, 5), SucceedsWith(0));
  char bytes[6];
  EXPECT_THAT(Call(SYS_read, fd, bytes, 6), SucceedsWith(5));
  EXPECT_EQ(std::string(bytes, 5), std::string("ab\0\0\0", 5));
}
TEST(Ftruncate, LeavesTheOffsetAlone) {
  const ScopedFd fd = TempFile("abcdef");
  EXPECT_THAT(Call(SYS_lseek, fd, 4, SEEK_SET), SucceedsWith(4));
  EXPECT_THAT(Call(SYS_ftruncate, fd, 0), SucceedsWith(0));
  EXPECT_EQ(Offset(fd.get()), 4);
}
TEST(Ftruncate, NegativeLengthIsInvalid) {
  const ScopedFd fd = TempFile("abc");
  EXPECT_THAT(Call(SYS_ftruncate, fd, -1), FailsWith(EINVAL));
}
TEST(Ftruncate, ReadOnlyDescriptorAndPipeAreInvalid) {
  const ScopedFd fd = TempFile("abc", O_RDONLY);
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_ftruncate, fd, 0), FailsWithEither(EINVAL, EBADF));
  EXPECT_THAT(Call(SYS_ftruncate, pipe.writer, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_ftruncate, 9999, 0), FailsWith(EBADF));
}
TEST(Ftruncate, BeyondTheFileSizeLimitIsEfbigWithSigxfsz) {
  InChild([] {
    const TempDir dir;
    const std::string path = dir / "file";
    const ScopedFd fd(Call(SYS_open, path, O_RDWR | O_CREAT, 0600));
    const rlimit limit{100, 100};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    SignalRecorder recorder(SIGXFSZ);
    EXPECT_THAT(Call(SYS_ftruncate, fd, 100), SucceedsWith(0));
    EXPECT_EQ(recorder.count(), 0);
    EXPECT_THAT(Call(SYS_ftruncate, fd, 101), FailsWith(EFBIG));
    EXPECT_EQ(recorder.count(), 1);
    EXPECT_THAT(Call(SYS_truncate, path, 101), FailsWith(EFBIG));
    EXPECT_EQ(recorder.count(), 2);
    EXPECT_THAT(Call(SYS_fallocate, fd, 0, 50, 51), FailsWith(EFBIG));
    EXPECT_EQ(recorder.count(), 3);
    EXPECT_EQ(SizeOf(fd.get()), 100);
  });
}
TEST(Write, BeyondTheLargestOffsetThereIsNoSignal) {
  InChild([] {
    const ScopedFd fd = TempFile("");
    SignalRecorder recorder(SIGXFSZ);
    // The largest offset is the file system's.
    const long done = Call(SYS_pwrite64, fd, "x", 1, INT64_MAX - 1);
    EXPECT_TRUE(done == 1 || done == -EFBIG) << done;
    EXPECT_EQ(recorder.count(), 0);
  });
}
TEST(Fallocate, ExtendsTheFileUnlessAskedToKeepTheSize) {
  const ScopedFd fd = TempFile("abc");
  EXPECT_THAT(Call(SYS_fallocate, fd, FALLOC_FL_KEEP_SIZE, 0, 8192), SucceedsWith(0));
  EXPECT_EQ(SizeOf(fd.get()), 3);
  EXPECT_THAT(Call(SYS_fallocate, fd, 0, 0, 8192), SucceedsWith(0));
  EXPECT_EQ(SizeOf(fd.get()), 8192);
}
TEST(Fallocate, PunchedHoleReadsAsZeros) {
  const ScopedFd fd = TempFile(std::string(8192, 'x'));
  EXPECT_THAT(Call(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096), SucceedsWith(0));
  char byte = 'y';
  EXPECT_THAT(Call(SYS_pread64, fd, &byte, 1, 5000), SucceedsWith(1));
  EXPECT_EQ(byte, 0);
  EXPECT_EQ(SizeOf(fd.get()), 8192);
}
TEST(Fallocate, BadRangesAreInvalid) {
  const ScopedFd fd = TempFile("");
  EXPECT_THAT(Call(SYS_fallocate, fd, 0, -1, 10), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_fallocate, fd, 0, 0, 0), FailsWith(EINVAL));
}
TEST(Fallocate, PipeAndReadOnlyDescriptorsAreRefused) {
  const Pipe pipe;
  const ScopedFd fd = TempFile("", O_RDONLY);
  EXPECT_THAT(Call(SYS_fallocate, pipe.writer, 0, 0, 10), FailsWith(ESPIPE));
  EXPECT_THAT(Call(SYS_fallocate, fd, 0, 0, 10), FailsWith(EBADF));
}
TEST(Fsync, FileAndDirectorySync) {
  const ScopedFd fd = TempFile("abc");
  const ScopedFd dir(open(TempRoot().c_str(), O_RDONLY));
  EXPECT_THAT(Call(SYS_fsync, fd), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fdatasync, fd), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fsync, dir), SucceedsWith(0));
}
TEST(Fsync, PipeIsInvalidAndClosedIsBad) {
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_fsync, pipe.writer), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_fsync, 9999), FailsWith(EBADF));
}

}  // namespace tests
