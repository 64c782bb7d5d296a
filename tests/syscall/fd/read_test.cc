// read(2), pread64(2), readv(2), preadv2(2) on regular files, pipes and bad arguments.
#include <limits.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Read, MovesTheOffsetByTheBytesRead) {
  const ScopedFd fd = TempFile("hello world");
  char bytes[5];
  EXPECT_THAT(Call(SYS_read, fd, bytes, 5), SucceedsWith(5));
  EXPECT_EQ(std::string(bytes, 5), "hello");
  EXPECT_EQ(Offset(fd.get()), 5);
}
TEST(Read, ReturnsLessAtTheEndOfFileAndThenZero) {
  const ScopedFd fd = TempFile("abc");
  char bytes[10];
  EXPECT_THAT(Call(SYS_read, fd, bytes, 10), SucceedsWith(3));
  EXPECT_THAT(Call(SYS_read, fd, bytes, 10), SucceedsWith(0));
}
TEST(Read, BeyondTheEndIsEndOfFile) {
  const ScopedFd fd = TempFile("abc");
  char byte;
  EXPECT_THAT(Call(SYS_lseek, fd, 100, SEEK_SET), SucceedsWith(100));
  EXPECT_THAT(Call(SYS_read, fd, &byte, 1), SucceedsWith(0));
}
TEST(Read, ClosedDescriptorIsBad) {
  char byte;
  EXPECT_THAT(Call(SYS_read, -1, &byte, 1), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_read, 9999, &byte, 1), FailsWith(EBADF));
}
TEST(Read, WriteOnlyDescriptorIsBad) {
  const ScopedFd fd = TempFile("abc", O_WRONLY);
  char byte;
  EXPECT_THAT(Call(SYS_read, fd, &byte, 1), FailsWith(EBADF));
}
TEST(Read, PathDescriptorIsBad) {
  const ScopedFd fd(open("/", O_PATH));
  char byte;
  EXPECT_THAT(Call(SYS_read, fd, &byte, 1), FailsWith(EBADF));
}
TEST(Read, DirectoryIsADirectory) {
  const ScopedFd fd(open("/", O_RDONLY | O_DIRECTORY));
  char byte;
  EXPECT_THAT(Call(SYS_read, fd, &byte, 1), FailsWith(EISDIR));
}
TEST(Read, BadBufferFaultsAndKeepsTheOffset) {
  const ScopedFd fd = TempFile("abc");
  EXPECT_THAT(Call(SYS_read, fd, BadAddress(), 3), FailsWith(EFAULT));
  EXPECT_EQ(Offset(fd.get()), 0);
}
TEST(Read, KernelAddressFaults) {
  const ScopedFd fd = TempFile("abc");
  EXPECT_THAT(Call(SYS_read, fd, KernelAddress(), 3), FailsWith(EFAULT));
}
TEST(Read, ReadOnlyBufferFaults) {
  const ScopedFd fd = TempFile("abc");
  EXPECT_THAT(Call(SYS_read, fd, ReadOnlyAddress(), 3), FailsWith(EFAULT));
}
TEST(Read, OfNothingIgnoresTheBuffer) {
  const ScopedFd fd = TempFile("abc");
  EXPECT_THAT(Call(SYS_read, fd, BadAddress(), 0), SucceedsWith(0));
}
TEST(Read, BufferThatEndsAtAnUnmappedPageIsFilledAsFarAsItGoes) {
  const ScopedFd fd = TempFile(std::string(100, 'x'));
  PageBorder border;
  EXPECT_THAT(Call(SYS_read, fd, border.At(10), 100), SucceedsWith(10));
  EXPECT_EQ(*border.At(1), 'x');
}
TEST(Read, MayWriteUpToTheLastByteOfAPage) {
  const ScopedFd fd = TempFile("0123456789");
  PageBorder border;
  EXPECT_THAT(Call(SYS_read, fd, border.At(10), 10), SucceedsWith(10));
  EXPECT_EQ(std::string(border.At(10), 10), "0123456789");
}
TEST(Pread, LeavesTheOffsetAlone) {
  const ScopedFd fd = TempFile("hello world");
  char bytes[5];
  EXPECT_THAT(Call(SYS_pread64, fd, bytes, 5, 6), SucceedsWith(5));
  EXPECT_EQ(std::string(bytes, 5), "world");
  EXPECT_EQ(Offset(fd.get()), 0);
}
TEST(Pread, NegativeOffsetIsInvalid) {
  const ScopedFd fd = TempFile("abc");
  char byte;
  EXPECT_THAT(Call(SYS_pread64, fd, &byte, 1, -1), FailsWith(EINVAL));
}
TEST(Pread, PipeCannotSeek) {
  const Pipe pipe;
  char byte;
  EXPECT_THAT(Call(SYS_pread64, pipe.reader, &byte, 1, 0), FailsWith(ESPIPE));
}
TEST(Readv, ScattersInOrder) {
  const ScopedFd fd = TempFile("abcdefgh");
  char one[3], two[4];
  const iovec parts[] = {{one, 3}, {nullptr, 0}, {two, 4}};
  EXPECT_THAT(Call(SYS_readv, fd, parts, 3), SucceedsWith(7));
  EXPECT_EQ(std::string(one, 3) + std::string(two, 4), "abcdefg");
}
TEST(Readv, LaterBadPartGivesAPartialResult) {
  const ScopedFd fd = TempFile("abcdefgh");
  char one[3];
  const iovec parts[] = {{one, 3}, {BadAddress(), 4}};
  EXPECT_THAT(Call(SYS_readv, fd, parts, 2), SucceedsWith(3));
  EXPECT_EQ(Offset(fd.get()), 3);
}
TEST(Readv, TooManyPartsAreInvalid) {
  const ScopedFd fd = TempFile("abc");
  static iovec parts[1025];
  EXPECT_THAT(Call(SYS_readv, fd, parts, 1025), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_readv, fd, parts, 1024), SucceedsWith(0));
}
TEST(Readv, NegativeCountIsInvalid) {
  const ScopedFd fd = TempFile("abc");
  iovec part{};
  EXPECT_THAT(Call(SYS_readv, fd, &part, -1), FailsWith(EINVAL));
}
TEST(Readv, NegativeLengthIsInvalid) {
  const ScopedFd fd = TempFile("abc");
  char byte;
  const iovec parts[] = {{&byte, 1}, {&byte, static_cast<size_t>(-1)}};
  EXPECT_THAT(Call(SYS_readv, fd, parts, 2), FailsWith(EINVAL));
  EXPECT_EQ(Offset(fd.get()), 0);
}
TEST(Readv, BadVectorFaults) {
  const ScopedFd fd = TempFile("abc");
  EXPECT_THAT(Call(SYS_readv, fd, BadAddress(), 1), FailsWith(EFAULT));
}
TEST(Preadv2, OffsetMinusOneUsesAndMovesTheFileOffset) {
  const ScopedFd fd = TempFile("abcdef");
  char bytes[3];
  const iovec part{bytes, 3};
  EXPECT_THAT(Call(SYS_preadv2, fd, &part, 1, -1, 0, 0), SucceedsWith(3));
  EXPECT_EQ(Offset(fd.get()), 3);
}
TEST(Preadv2, UnknownFlagIsNotSupported) {
  const ScopedFd fd = TempFile("abcdef");
  char byte;
  const iovec part{&byte, 1};
  EXPECT_THAT(Call(SYS_preadv2, fd, &part, 1, 0, 0, 1 << 30), FailsWith(EOPNOTSUPP));
}
TEST(Read, ShortBufferForAnEventfdIsInvalid) {
  const ScopedFd fd(eventfd(1, 0));
  char bytes[7];
  EXPECT_THAT(Call(SYS_read, fd, bytes, 7), FailsWith(EINVAL));
}

}  // namespace tests
