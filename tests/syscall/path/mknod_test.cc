// mknod(2) and fifo(7).
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Mknod, MakesAFifoUnderTheUmask) {
  const TempDir dir;
  const mode_t old = umask(022);
  EXPECT_THAT(Call(SYS_mknod, dir / "p", S_IFIFO | 0666, 0), SucceedsWith(0));
  umask(old);
  struct stat info;
  ASSERT_EQ(stat((dir / "p").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode, S_IFIFO | 0644u);
}
TEST(Mknod, ZeroTypeMakesARegularFile) {
  const TempDir dir;
  EXPECT_THAT(Call(SYS_mknod, dir / "f", 0600, 0), SucceedsWith(0));
  struct stat info;
  ASSERT_EQ(stat((dir / "f").c_str(), &info), 0);
  EXPECT_TRUE(S_ISREG(info.st_mode));
  EXPECT_THAT(Call(SYS_mknod, dir / "f", 0600, 0), FailsWith(EEXIST));
}
TEST(Mknod, DirectoryIsEpermAndNonsenseIsInvalid) {
  const TempDir dir;
  EXPECT_THAT(Call(SYS_mknod, dir / "d", S_IFDIR | 0700, 0), FailsWith(EPERM));
  EXPECT_THAT(Call(SYS_mknod, dir / "x", S_IFMT | 0600, 0), FailsWith(EINVAL));
}
TEST(Mknod, DeviceNeedsThePrivilege) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  ASSERT_EQ(chmod(dir.path().c_str(), 0777), 0);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_mknod, dir / "n", S_IFCHR | 0600, makedev(1, 3)), FailsWith(EPERM));
  });
}
TEST(Fifo, NonblockingWriterNeedsAReader) {
  const TempDir dir;
  ASSERT_EQ(mkfifo((dir / "p").c_str(), 0600), 0);
  EXPECT_THAT(Call(SYS_open, dir / "p", O_WRONLY | O_NONBLOCK), FailsWith(ENXIO));
  const ScopedFd reader(Call(SYS_open, dir / "p", O_RDONLY | O_NONBLOCK));
  EXPECT_TRUE(reader.valid());
  const ScopedFd writer(Call(SYS_open, dir / "p", O_WRONLY | O_NONBLOCK));
  EXPECT_TRUE(writer.valid());
  EXPECT_THAT(Call(SYS_write, writer, "abc", 3), SucceedsWith(3));
  char bytes[3];
  EXPECT_THAT(Call(SYS_read, reader, bytes, 3), SucceedsWith(3));
}
TEST(Fifo, BlockingOpensMeet) {
  const TempDir dir;
  ASSERT_EQ(mkfifo((dir / "p").c_str(), 0600), 0);
  const pid_t child = StartChild([&] {
    const ScopedFd writer(Call(SYS_open, dir / "p", O_WRONLY));
    EXPECT_THAT(Call(SYS_write, writer, "hi", 2), SucceedsWith(2));
  });
  const ScopedFd reader(Call(SYS_open, dir / "p", O_RDONLY));
  char bytes[2];
  EXPECT_THAT(Call(SYS_read, reader, bytes, 2), SucceedsWith(2));
  EXPECT_THAT(StatusOf(child), Exited(0));
}
TEST(Fifo, ReadWithoutAnyWriterIsEndOfFile) {
  const TempDir dir;
  ASSERT_EQ(mkfifo((dir / "p").c_str(), 0600), 0);
  const ScopedFd reader(Call(SYS_open, dir / "p", O_RDONLY | O_NONBLOCK));
  char byte;
  EXPECT_THAT(Call(SYS_read, reader, &byte, 1), SucceedsWith(0));
}
TEST(Fifo, BlockedOpenIsInterrupted) {
  const TempDir dir;
  ASSERT_EQ(mkfifo((dir / "p").c_str(), 0600), 0);
  SignalRecorder recorder(SIGUSR1);
  ScopedThread opener([&] { EXPECT_THAT(Call(SYS_open, dir / "p", O_RDONLY), FailsWith(EINTR)); });
  WaitUntilAsleep(opener.tid());
  EXPECT_THAT(Call(SYS_tgkill, getpid(), opener.tid(), SIGUSR1), SucceedsWith(0));
}

}  // namespace tests
