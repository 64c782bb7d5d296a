// unlink(2), unlinkat(2).
#include <sys/stat.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Unlink, RemovesTheNameAndNotTheLinkTarget) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(symlink("f", (dir / "l").c_str()), 0);
  EXPECT_THAT(Call(SYS_unlink, dir / "l"), SucceedsWith(0));
  EXPECT_TRUE(Exists(dir / "f"));
  EXPECT_THAT(Call(SYS_unlink, dir / "f"), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_unlink, dir / "f"), FailsWith(ENOENT));
}
TEST(Unlink, DirectoryIsEisdir) {
  const TempDir dir;
  EXPECT_THAT(Call(SYS_unlink, dir.path()), FailsWith(EISDIR));
}
TEST(Unlink, TrailingSlashOnAFileIsEnotdir) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  EXPECT_THAT(Call(SYS_unlink, dir / "f/"), FailsWith(ENOTDIR));
}
TEST(Unlinkat, RemovedirFlagRemovesDirectories) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "d").c_str(), 0700), 0);
  EXPECT_THAT(Call(SYS_unlinkat, AT_FDCWD, dir / "d", AT_REMOVEDIR), SucceedsWith(0));
  WriteFile(dir / "f", "x");
  EXPECT_THAT(Call(SYS_unlinkat, AT_FDCWD, dir / "f", AT_REMOVEDIR), FailsWith(ENOTDIR));
}
TEST(Unlinkat, UnknownFlagIsInvalid) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  EXPECT_THAT(Call(SYS_unlinkat, AT_FDCWD, dir / "f", 1), FailsWith(EINVAL));
}
TEST(Unlink, StickyDirectoryProtectsOtherUsersFiles) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  ASSERT_EQ(chmod(dir.path().c_str(), 01777), 0);
  WriteFile(dir / "f", "x", 0666);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_unlink, dir / "f"), FailsWith(EPERM));
  });
}
TEST(Unlink, NeedsWritePermissionOnTheDirectory) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  WriteFile(dir / "f", "x", 0666);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_unlink, dir / "f"), FailsWith(EACCES));
  });
}

}  // namespace tests
