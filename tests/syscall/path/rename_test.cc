// rename(2), renameat2(2).
#include <linux/fs.h>
#include <sys/stat.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Rename, ReplacesAFileInOneStep) {
  const TempDir dir;
  WriteFile(dir / "a", "new");
  WriteFile(dir / "b", "old");
  EXPECT_THAT(Call(SYS_rename, dir / "a", dir / "b"), SucceedsWith(0));
  EXPECT_EQ(ReadFile(dir / "b"), "new");
  EXPECT_FALSE(Exists(dir / "a"));
}
TEST(Rename, OfTwoLinksToOneFileDoesNothing) {
  const TempDir dir;
  WriteFile(dir / "a", "x");
  ASSERT_EQ(link((dir / "a").c_str(), (dir / "b").c_str()), 0);
  EXPECT_THAT(Call(SYS_rename, dir / "a", dir / "b"), SucceedsWith(0));
  EXPECT_TRUE(Exists(dir / "a"));
}
TEST(Rename, KindsMustMatch) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(mkdir((dir / "d").c_str(), 0700), 0);
  EXPECT_THAT(Call(SYS_rename, dir / "f", dir / "d"), FailsWith(EISDIR));
  EXPECT_THAT(Call(SYS_rename, dir / "d", dir / "f"), FailsWith(ENOTDIR));
}
TEST(Rename, DirectoryReplacesOnlyAnEmptyOne) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "a").c_str(), 0700), 0);
  ASSERT_EQ(mkdir((dir / "b").c_str(), 0700), 0);
  WriteFile(dir / "b/f", "x");
  EXPECT_THAT(Call(SYS_rename, dir / "a", dir / "b"), FailsWithEither(ENOTEMPTY, EEXIST));
  ASSERT_EQ(unlink((dir / "b/f").c_str()), 0);
  EXPECT_THAT(Call(SYS_rename, dir / "a", dir / "b"), SucceedsWith(0));
}
TEST(Rename, IntoItsOwnSubtreeIsInvalid) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "a").c_str(), 0700), 0);
  EXPECT_THAT(Call(SYS_rename, dir / "a", dir / "a/b"), FailsWith(EINVAL));
}
TEST(Rename, MissingSourceIsEnoent) {
  const TempDir dir;
  EXPECT_THAT(Call(SYS_rename, dir / "none", dir / "b"), FailsWith(ENOENT));
}
TEST(Rename, OverAnAncestorIsNotEmpty) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "a").c_str(), 0700), 0);
  ASSERT_EQ(mkdir((dir / "a/b").c_str(), 0700), 0);
  EXPECT_THAT(Call(SYS_rename, dir / "a/b", dir / "a"), FailsWith(ENOTEMPTY));
}
TEST(Rename, MovesADirectoryWithItsContent) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "a").c_str(), 0700), 0);
  ASSERT_EQ(mkdir((dir / "t").c_str(), 0700), 0);
  WriteFile(dir / "a/f", "deep");
  EXPECT_THAT(Call(SYS_rename, dir / "a", dir / "t/a"), SucceedsWith(0));
  EXPECT_EQ(ReadFile(dir / "t/a/f"), "deep");
}
TEST(Rename, DotIsBusy) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "a").c_str(), 0700), 0);
  EXPECT_THAT(Call(SYS_rename, dir / "a/.", dir / "b"), FailsWith(EBUSY));
}
TEST(Rename, OpenDescriptorFollowsTheFile) {
  const TempDir dir;
  WriteFile(dir / "a", "x");
  const ScopedFd fd(open((dir / "a").c_str(), O_RDWR));
  EXPECT_THAT(Call(SYS_rename, dir / "a", dir / "b"), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_write, fd, "y", 1), SucceedsWith(1));
  EXPECT_EQ(ReadFile(dir / "b"), "y");
}
TEST(Rename, LinkItselfIsMoved) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(symlink("f", (dir / "l").c_str()), 0);
  EXPECT_THAT(Call(SYS_rename, dir / "l", dir / "m"), SucceedsWith(0));
  struct stat info;
  ASSERT_EQ(lstat((dir / "m").c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
}
TEST(Renameat2, NoreplaceRefusesAnExistingTarget) {
  const TempDir dir;
  WriteFile(dir / "a", "a");
  WriteFile(dir / "b", "b");
  EXPECT_THAT(Call(SYS_renameat2, AT_FDCWD, dir / "a", AT_FDCWD, dir / "b", RENAME_NOREPLACE), FailsWith(EEXIST));
  EXPECT_THAT(Call(SYS_renameat2, AT_FDCWD, dir / "a", AT_FDCWD, dir / "c", RENAME_NOREPLACE), SucceedsWith(0));
}
TEST(Renameat2, ExchangeSwapsTwoNames) {
  const TempDir dir;
  WriteFile(dir / "a", "a");
  WriteFile(dir / "b", "b");
  EXPECT_THAT(Call(SYS_renameat2, AT_FDCWD, dir / "a", AT_FDCWD, dir / "b", RENAME_EXCHANGE), SucceedsWith(0));
  EXPECT_EQ(ReadFile(dir / "a"), "b");
  EXPECT_EQ(ReadFile(dir / "b"), "a");
  EXPECT_THAT(Call(SYS_renameat2, AT_FDCWD, dir / "a", AT_FDCWD, dir / "none", RENAME_EXCHANGE), FailsWith(ENOENT));
}
TEST(Renameat2, FlagRules) {
  EXPECT_THAT(Call(SYS_renameat2, AT_FDCWD, "/a", AT_FDCWD, "/b", RENAME_EXCHANGE | RENAME_NOREPLACE), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_renameat2, AT_FDCWD, "/a", AT_FDCWD, "/b", 1 << 20), FailsWith(EINVAL));
}

}  // namespace tests
