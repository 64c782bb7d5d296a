// write(2), pwrite64(2), writev(2), pwritev2(2): partial results, append, limits.
#include <sys/resource.h>
#include <sys/uio.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Write, ExtendsTheFileAndMovesTheOffset) {
  const ScopedFd fd = TempFile("abc");
  EXPECT_THAT(Call(SYS_write, fd, "12345", 5), SucceedsWith(5));
  EXPECT_EQ(SizeOf(fd.get()), 5);
  EXPECT_EQ(Offset(fd.get()), 5);
}
TEST(Write, BeyondTheEndLeavesAHoleOfZeros) {
  const ScopedFd fd = TempFile("");
  EXPECT_THAT(Call(SYS_pwrite64, fd, "z", 1, 5000), SucceedsWith(1));
  char bytes[5001];
  EXPECT_THAT(Call(SYS_pread64, fd, bytes, 5001, 0), SucceedsWith(5001));
  EXPECT_EQ(std::string(bytes, 5000), std::string(5000, '\0'));
  EXPECT_EQ(bytes[5000], 'z');
}
TEST(Write, AppendGoesToTheEndWhateverTheOffset) {
  const ScopedFd fd = TempFile("abc", O_RDWR | O_APPEND);
  EXPECT_THAT(Call(SYS_write, fd, "d", 1), SucceedsWith(1));
  EXPECT_EQ(Offset(fd.get()), 4);
  char bytes[4];
  EXPECT_THAT(Call(SYS_pread64, fd, bytes, 4, 0), SucceedsWith(4));
  EXPECT_EQ(std::string(bytes, 4), "abcd");
}
TEST(Write, PwriteOnAnAppendDescriptorAppends) {
  const ScopedFd fd = TempFile("abc", O_RDWR | O_APPEND);
  EXPECT_THAT(Call(SYS_pwrite64, fd, "d", 1, 0), SucceedsWith(1));
  EXPECT_EQ(SizeOf(fd.get()), 4);
}
TEST(Write, ReadOnlyDescriptorIsBad) {
  const ScopedFd fd = TempFile("abc", O_RDONLY);
  EXPECT_THAT(Call(SYS_write, fd, "x", 1), FailsWith(EBADF));
}
TEST(Write, BadBufferFaultsAndChangesNothing) {
  const ScopedFd fd = TempFile("abc");
  EXPECT_THAT(Call(SYS_write, fd, BadAddress(), 3), FailsWith(EFAULT));
  EXPECT_EQ(SizeOf(fd.get()), 3);
  EXPECT_EQ(Offset(fd.get()), 0);
}
TEST(Write, OfNothingToAFileIsZero) {
  const ScopedFd fd = TempFile("abc");
  EXPECT_THAT(Call(SYS_write, fd, nullptr, 0), SucceedsWith(0));
}
TEST(Write, BufferThatRunsIntoAnUnmappedPageIsWrittenAsFarAsItGoes) {
  const ScopedFd fd = TempFile("");
  PageBorder border;
  memset(border.At(6), 'q', 6);
  EXPECT_THAT(Call(SYS_write, fd, border.At(6), 4096), SucceedsWith(6));
  EXPECT_EQ(SizeOf(fd.get()), 6);
}
TEST(Write, NegativePwriteOffsetIsInvalid) {
  const ScopedFd fd = TempFile("abc");
  EXPECT_THAT(Call(SYS_pwrite64, fd, "x", 1, -5), FailsWith(EINVAL));
}
TEST(Write, PwriteOnAPipeCannotSeek) {
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_pwrite64, pipe.writer, "x", 1, 0), FailsWith(ESPIPE));
}
TEST(Write, FileSizeLimitGivesAPartialWriteAndThenEfbigWithSigxfsz) {
  InChild([] {
    const ScopedFd fd = TempFile("");
    const rlimit limit{10, 10};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    SignalRecorder recorder(SIGXFSZ);
    EXPECT_THAT(Call(SYS_write, fd, "0123456789abcdef", 16), SucceedsWith(10));
    EXPECT_EQ(recorder.count(), 0);
    EXPECT_THAT(Call(SYS_write, fd, "x", 1), FailsWith(EFBIG));
    EXPECT_EQ(recorder.count(), 1);
  });
}
TEST(Write, TheOwnerStaysWhoItWas) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    const TempDir dir;
    EXPECT_EQ(chmod(dir.path().c_str(), 0777), 0);
    for (const uid_t owner : {0u, 1u, 1000u, 65534u}) {
      const std::string path = dir / std::to_string(owner);
      const ScopedFd fd(Call(SYS_open, path, O_RDWR | O_CREAT, 0600));
      EXPECT_THAT(Call(SYS_fchown, fd, owner, owner + 1), SucceedsWith(0));
      for (int i = 0; i < 3; ++i) {
        EXPECT_THAT(Call(SYS_write, fd, "bytes", 5), SucceedsWith(5));
        struct stat seen {};
        EXPECT_THAT(Call(SYS_fstat, fd, &seen), SucceedsWith(0));
        EXPECT_EQ(seen.st_uid, owner);
        EXPECT_EQ(seen.st_gid, owner + 1);
        EXPECT_EQ(seen.st_size, 5 * (i + 1));
        SleepMs(i * 15);  // attributes may be kept for a while
      }
    }
    EXPECT_THAT(Call(SYS_setresgid, 1000, 1000, 1000), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setresuid, 65534, 65534, 65534), SucceedsWith(0));
    const ScopedFd again(Call(SYS_open, dir / "65534", O_RDWR));
    EXPECT_TRUE(again.valid()) << "one's own file opens again after it was written";
    EXPECT_THAT(Call(SYS_open, dir / "1000", O_RDWR), FailsWith(EACCES));
    EXPECT_THAT(Call(SYS_setresuid, 65534, 65534, 65534), SucceedsWith(0));
  });
}
TEST(Writev, GathersInOrder) {
  const ScopedFd fd = TempFile("");
  char one[] = "abc", two[] = "defg";
  const iovec parts[] = {{one, 3}, {two, 4}};
  EXPECT_THAT(Call(SYS_writev, fd, parts, 2), SucceedsWith(7));
  char bytes[7];
  EXPECT_THAT(Call(SYS_pread64, fd, bytes, 7, 0), SucceedsWith(7));
  EXPECT_EQ(std::string(bytes, 7), "abcdefg");
}
TEST(Writev, LaterBadPartGivesAPartialResult) {
  const ScopedFd fd = TempFile("");
  char one[] = "abc";
  const iovec parts[] = {{one, 3}, {BadAddress(), 4}};
  EXPECT_THAT(Call(SYS_writev, fd, parts, 2), SucceedsWith(3));
  EXPECT_EQ(SizeOf(fd.get()), 3);
}
TEST(Writev, ZeroPartsWriteNothing) {
  const ScopedFd fd = TempFile("abc");
  EXPECT_THAT(Call(SYS_writev, fd, nullptr, 0), SucceedsWith(0));
}
TEST(Pwritev2, AppendFlagAppendsWithoutOAppend) {
  const ScopedFd fd = TempFile("abc");
  char d[] = "d";
  const iovec part{d, 1};
  EXPECT_THAT(Call(SYS_pwritev2, fd, &part, 1, 0, 0, RWF_APPEND), SucceedsWith(1));
  EXPECT_EQ(SizeOf(fd.get()), 4);
  EXPECT_EQ(Offset(fd.get()), 0);
}
TEST(Pwritev, WritesAtTheGivenOffset) {
  const ScopedFd fd = TempFile("abcdef");
  char text[] = "XY";
  const iovec part{text, 2};
  EXPECT_THAT(Call(SYS_pwritev, fd, &part, 1, 2, 0), SucceedsWith(2));
  char bytes[6];
  EXPECT_THAT(Call(SYS_pread64, fd, bytes, 6, 0), SucceedsWith(6));
  EXPECT_EQ(std::string(bytes, 6), "abXYef");
}

}  // namespace tests
