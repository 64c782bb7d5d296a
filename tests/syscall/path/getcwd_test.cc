// getcwd(2), chdir(2), fchdir(2), chroot(2).
#include <linux/capability.h>
#include <sys/stat.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Getcwd, ReturnsThePathWithItsTerminator) {
  InChild([] {
    EXPECT_EQ(chdir("/"), 0);
    char name[10] = {};
    EXPECT_THAT(Call(SYS_getcwd, name, 10), SucceedsWith(2));
    EXPECT_STREQ(name, "/");
  });
}
TEST(Getcwd, TooSmallABufferIsErange) {
  InChild([] {
    EXPECT_EQ(chdir("/proc"), 0);
    char name[10];
    EXPECT_THAT(Call(SYS_getcwd, name, 5), FailsWith(ERANGE));
    EXPECT_THAT(Call(SYS_getcwd, name, 6), SucceedsWith(6));
    EXPECT_THAT(Call(SYS_getcwd, BadAddress(), 100), FailsWith(EFAULT));
  });
}
TEST(Chdir, RelativePathsStartThere) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "d").c_str(), 0700), 0);
  WriteFile(dir / "d/f", "x");
  InChild([&] {
    EXPECT_THAT(Call(SYS_chdir, dir / "d"), SucceedsWith(0));
    EXPECT_TRUE(Exists("f"));
    EXPECT_THAT(Call(SYS_chdir, ".."), SucceedsWith(0));
    EXPECT_TRUE(Exists("d/f"));
  });
}
TEST(Chdir, FileMissingAndForbidden) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  EXPECT_THAT(Call(SYS_chdir, dir / "f"), FailsWith(ENOTDIR));
  EXPECT_THAT(Call(SYS_chdir, dir / "none"), FailsWith(ENOENT));
  if (!IsRoot()) return;
  ASSERT_EQ(mkdir((dir / "d").c_str(), 0700), 0);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_chdir, dir / "d"), FailsWith(EACCES));
  });
}
TEST(Fchdir, TakesADirectoryDescriptor) {
  const TempDir dir;
  const ScopedFd at(open(dir.path().c_str(), O_PATH));
  const ScopedFd file = TempFile("x");
  InChild([&] {
    EXPECT_THAT(Call(SYS_fchdir, at), SucceedsWith(0));
    char name[200] = {};
    EXPECT_GT(Call(SYS_getcwd, name, 200), 0);
    EXPECT_EQ(std::string(name), dir.path());
    EXPECT_THAT(Call(SYS_fchdir, file), FailsWith(ENOTDIR));
    EXPECT_THAT(Call(SYS_fchdir, 9999), FailsWith(EBADF));
  });
}
TEST(Getcwd, FollowsARenameOfTheDirectory) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "old").c_str(), 0700), 0);
  InChild([&] {
    EXPECT_EQ(chdir((dir / "old").c_str()), 0);
    EXPECT_EQ(rename((dir / "old").c_str(), (dir / "new").c_str()), 0);
    char name[200] = {};
    EXPECT_GT(Call(SYS_getcwd, name, 200), 0);
    EXPECT_EQ(std::string(name), dir / "new");
  });
}
TEST(Chroot, ConfinesAbsolutePathsAndDotDot) {
  SKIP_UNLESS_CAPABLE(CAP_SYS_CHROOT);
  const TempDir dir;
  WriteFile(dir / "inside", "x");
  InChild([&] {
    EXPECT_THAT(Call(SYS_chroot, dir.path()), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_chdir, "/"), SucceedsWith(0));
    EXPECT_TRUE(Exists("/inside"));
    EXPECT_TRUE(Exists("/../../inside"));
    EXPECT_FALSE(Exists("/proc/version"));
  });
}
TEST(Chroot, NeedsThePrivilege) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_chroot, "/"), FailsWith(EPERM));
  });
}

}  // namespace tests
