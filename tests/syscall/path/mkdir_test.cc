// mkdir(2), rmdir(2).
#include <sys/stat.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Mkdir, AppliesTheUmask) {
  const TempDir dir;
  const mode_t old = umask(022);
  EXPECT_THAT(Call(SYS_mkdir, dir / "d", 0777), SucceedsWith(0));
  umask(old);
  struct stat info;
  ASSERT_EQ(stat((dir / "d").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode, S_IFDIR | 0755u);
}
TEST(Mkdir, ExistingNameOfAnyKindIsEexist) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(symlink("nowhere", (dir / "l").c_str()), 0);
  EXPECT_THAT(Call(SYS_mkdir, dir.path(), 0700), FailsWith(EEXIST));
  EXPECT_THAT(Call(SYS_mkdir, dir / "f", 0700), FailsWith(EEXIST));
  EXPECT_THAT(Call(SYS_mkdir, dir / "l", 0700), FailsWith(EEXIST));
  EXPECT_THAT(Call(SYS_mkdir, "/", 0700), FailsWith(EEXIST));
}
TEST(Mkdir, MissingParentIsEnoentAndFileParentIsEnotdir) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  EXPECT_THAT(Call(SYS_mkdir, dir / "a/b", 0700), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_mkdir, dir / "f/b", 0700), FailsWith(ENOTDIR));
}
TEST(Mkdir, TrailingSlashesAreFine) {
  const TempDir dir;
  EXPECT_THAT(Call(SYS_mkdir, dir / "d//", 0700), SucceedsWith(0));
}
TEST(Mkdir, SetGidParentGivesItsGroupAndBit) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  ASSERT_EQ(chown(dir.path().c_str(), -1, 1234), 0);
  ASSERT_EQ(chmod(dir.path().c_str(), 02755), 0);
  EXPECT_THAT(Call(SYS_mkdir, dir / "d", 0700), SucceedsWith(0));
  struct stat info;
  ASSERT_EQ(stat((dir / "d").c_str(), &info), 0);
  EXPECT_EQ(info.st_gid, 1234u);
  EXPECT_EQ(info.st_mode, S_IFDIR | 02700u);
}
TEST(Mkdirat, RelativeToADescriptor) {
  const TempDir dir;
  const ScopedFd at(open(dir.path().c_str(), O_PATH));
  EXPECT_THAT(Call(SYS_mkdirat, at, "d", 0700), SucceedsWith(0));
  EXPECT_TRUE(Exists(dir / "d"));
}
TEST(Rmdir, RemovesAnEmptyDirectory) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "d").c_str(), 0700), 0);
  EXPECT_THAT(Call(SYS_rmdir, dir / "d"), SucceedsWith(0));
  EXPECT_FALSE(Exists(dir / "d"));
}
TEST(Rmdir, NotEmptyFileAndMissing) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "d").c_str(), 0700), 0);
  WriteFile(dir / "d/f", "x");
  EXPECT_THAT(Call(SYS_rmdir, dir / "d"), FailsWith(ENOTEMPTY));
  EXPECT_THAT(Call(SYS_rmdir, dir / "d/f"), FailsWith(ENOTDIR));
  EXPECT_THAT(Call(SYS_rmdir, dir / "none"), FailsWith(ENOENT));
}
TEST(Rmdir, DotIsInvalidAndDotDotIsNotEmpty) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "d").c_str(), 0700), 0);
  EXPECT_THAT(Call(SYS_rmdir, dir / "d/."), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_rmdir, dir / "d/.."), FailsWith(ENOTEMPTY));
}
TEST(Rmdir, RootIsBusy) { EXPECT_THAT(Call(SYS_rmdir, "/"), FailsWith(EBUSY)); }
TEST(Rmdir, RemovedWorkingDirectoryHasNoEntries) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "d").c_str(), 0700), 0);
  InChild([&] {
    EXPECT_EQ(chdir((dir / "d").c_str()), 0);
    EXPECT_THAT(Call(SYS_rmdir, dir / "d"), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_open, "f", O_CREAT | O_RDWR, 0600), FailsWith(ENOENT));
    char name[100];
    EXPECT_THAT(Call(SYS_getcwd, name, 100), FailsWith(ENOENT));
  });
}

}  // namespace tests
