// sendfile(2), copy_file_range(2), splice(2).
#include "tests/lib/guest.h"

namespace tests {

TEST(Sendfile, CopiesToAPipeFromTheFileOffset) {
  const ScopedFd fd = TempFile("0123456789");
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_lseek, fd, 2, SEEK_SET), SucceedsWith(2));
  EXPECT_THAT(Call(SYS_sendfile, pipe.writer, fd, nullptr, 5), SucceedsWith(5));
  EXPECT_EQ(Offset(fd.get()), 7);
  char bytes[5];
  EXPECT_THAT(Call(SYS_read, pipe.reader, bytes, 5), SucceedsWith(5));
  EXPECT_EQ(std::string(bytes, 5), "23456");
}
TEST(Sendfile, GivenOffsetIsUpdatedAndTheFileOffsetIsNot) {
  const ScopedFd in = TempFile("0123456789");
  const ScopedFd out = TempFile("");
  long offset = 4;
  EXPECT_THAT(Call(SYS_sendfile, out, in, &offset, 100), SucceedsWith(6));
  EXPECT_EQ(offset, 10);
  EXPECT_EQ(Offset(in.get()), 0);
  EXPECT_EQ(SizeOf(out.get()), 6);
}
TEST(Sendfile, AtEndOfFileIsZero) {
  const ScopedFd in = TempFile("");
  const ScopedFd out = TempFile("");
  EXPECT_THAT(Call(SYS_sendfile, out, in, nullptr, 100), SucceedsWith(0));
}
TEST(Sendfile, UnreadableInputIsBad) {
  const ScopedFd in = TempFile("abc", O_WRONLY);
  const ScopedFd out = TempFile("");
  EXPECT_THAT(Call(SYS_sendfile, out, in, nullptr, 1), FailsWith(EBADF));
}
TEST(Sendfile, BadOffsetPointerFaults) {
  const ScopedFd in = TempFile("abc");
  const ScopedFd out = TempFile("");
  EXPECT_THAT(Call(SYS_sendfile, out, in, BadAddress(), 1), FailsWith(EFAULT));
}
TEST(CopyFileRange, CopiesBetweenFilesAtOffsets) {
  const ScopedFd in = TempFile("0123456789");
  const ScopedFd out = TempFile("----------");
  long from = 3, to = 1;
  EXPECT_THAT(Call(SYS_copy_file_range, in, &from, out, &to, 4, 0), SucceedsWith(4));
  EXPECT_EQ(from, 7);
  EXPECT_EQ(to, 5);
  char bytes[10];
  EXPECT_THAT(Call(SYS_pread64, out, bytes, 10, 0), SucceedsWith(10));
  EXPECT_EQ(std::string(bytes, 10), "-3456-----");
}
TEST(CopyFileRange, UnknownFlagIsInvalid) {
  const ScopedFd in = TempFile("abc");
  const ScopedFd out = TempFile("");
  EXPECT_THAT(Call(SYS_copy_file_range, in, nullptr, out, nullptr, 1, 1), FailsWith(EINVAL));
}
TEST(CopyFileRange, AppendTargetIsBad) {
  const ScopedFd in = TempFile("abc");
  const ScopedFd out = TempFile("", O_WRONLY | O_APPEND);
  EXPECT_THAT(Call(SYS_copy_file_range, in, nullptr, out, nullptr, 1, 0), FailsWith(EBADF));
}
TEST(CopyFileRange, DirectoryAndPipeAreRefused) {
  const ScopedFd dir(open("/", O_RDONLY));
  const ScopedFd out = TempFile("");
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_copy_file_range, dir, nullptr, out, nullptr, 1, 0), FailsWith(EISDIR));
  EXPECT_THAT(Call(SYS_copy_file_range, pipe.reader, nullptr, out, nullptr, 1, 0), FailsWith(EINVAL));
}
TEST(CopyFileRange, OverlapWithinOneFileIsInvalid) {
  const ScopedFd fd = TempFile("0123456789");
  long from = 0, to = 2;
  EXPECT_THAT(Call(SYS_copy_file_range, fd, &from, fd, &to, 5, 0), FailsWith(EINVAL));
}
TEST(Splice, MovesFromFileToPipeAndBack) {
  const ScopedFd in = TempFile("splice me");
  const ScopedFd out = TempFile("");
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_splice, in, nullptr, pipe.writer, nullptr, 100, 0), SucceedsWith(9));
  EXPECT_THAT(Call(SYS_splice, pipe.reader, nullptr, out, nullptr, 9, 0), SucceedsWith(9));
  EXPECT_EQ(SizeOf(out.get()), 9);
}
TEST(Splice, NeedsAPipe) {
  const ScopedFd in = TempFile("abc");
  const ScopedFd out = TempFile("");
  EXPECT_THAT(Call(SYS_splice, in, nullptr, out, nullptr, 3, 0), FailsWith(EINVAL));
}

}  // namespace tests
