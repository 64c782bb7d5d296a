// stat(2), lstat(2), fstat(2), newfstatat(2), statx(2).
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Stat, DescribesARegularFile) {
  const TempDir dir;
  WriteFile(dir / "f", "12345", 0640);
  struct stat info = {};
  EXPECT_THAT(Call(SYS_stat, dir / "f", &info), SucceedsWith(0));
  EXPECT_EQ(info.st_mode, S_IFREG | 0640u);
  EXPECT_EQ(info.st_size, 5);
  EXPECT_EQ(info.st_nlink, 1u);
  EXPECT_EQ(info.st_uid, geteuid());
  EXPECT_GT(info.st_ino, 0u);
  EXPECT_GT(info.st_mtim.tv_sec, 0);
}
TEST(Stat, DirectoryCountsItsSubdirectories) {
  const TempDir dir;
  struct stat before = {}, after = {};
  EXPECT_THAT(Call(SYS_stat, dir.path(), &before), SucceedsWith(0));
  ASSERT_EQ(mkdir((dir / "d").c_str(), 0700), 0);
  EXPECT_THAT(Call(SYS_stat, dir.path(), &after), SucceedsWith(0));
  EXPECT_TRUE(S_ISDIR(before.st_mode));
  if (before.st_nlink == 1) GTEST_SKIP() << "this file system does not count links of directories";
  EXPECT_EQ(before.st_nlink, 2u);
  EXPECT_EQ(after.st_nlink, 3u);
}
TEST(Stat, FollowsLinksAndLstatDoesNot) {
  const TempDir dir;
  WriteFile(dir / "f", "12345");
  ASSERT_EQ(symlink("f", (dir / "l").c_str()), 0);
  struct stat info = {};
  EXPECT_THAT(Call(SYS_stat, dir / "l", &info), SucceedsWith(0));
  EXPECT_TRUE(S_ISREG(info.st_mode));
  EXPECT_THAT(Call(SYS_lstat, dir / "l", &info), SucceedsWith(0));
  EXPECT_EQ(info.st_mode, S_IFLNK | 0777u);
  EXPECT_EQ(info.st_size, 1);
}
TEST(Stat, TrailingSlashFollowsALinkEvenForLstat) {
  const TempDir dir;
  ASSERT_EQ(symlink(".", (dir / "l").c_str()), 0);
  struct stat info = {};
  EXPECT_THAT(Call(SYS_lstat, dir / "l/", &info), SucceedsWith(0));
  EXPECT_TRUE(S_ISDIR(info.st_mode));
}
TEST(Stat, ErrorsOfThePath) {
  struct stat info;
  EXPECT_THAT(Call(SYS_stat, "", &info), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_stat, BadAddress(), &info), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_stat, "/", BadAddress()), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_stat, "/dev/null/x", &info), FailsWith(ENOTDIR));
}
TEST(Fstat, BadDescriptor) {
  struct stat info;
  EXPECT_THAT(Call(SYS_fstat, 9999, &info), FailsWith(EBADF));
}
TEST(Fstat, SameFileThroughTwoNamesHasOneInode) {
  const TempDir dir;
  WriteFile(dir / "a", "x");
  ASSERT_EQ(link((dir / "a").c_str(), (dir / "b").c_str()), 0);
  struct stat one, two;
  ASSERT_EQ(stat((dir / "a").c_str(), &one), 0);
  ASSERT_EQ(stat((dir / "b").c_str(), &two), 0);
  EXPECT_EQ(one.st_ino, two.st_ino);
  EXPECT_EQ(one.st_dev, two.st_dev);
  EXPECT_EQ(one.st_nlink, 2u);
}
TEST(Fstatat, EmptyPathMeansTheDescriptor) {
  const ScopedFd fd = TempFile("1234");
  struct stat info;
  EXPECT_THAT(Call(SYS_newfstatat, fd, "", &info, AT_EMPTY_PATH), SucceedsWith(0));
  EXPECT_EQ(info.st_size, 4);
  EXPECT_THAT(Call(SYS_newfstatat, fd, "", &info, 0), FailsWith(ENOENT));
}
TEST(Fstatat, UnknownFlagIsInvalid) {
  struct stat info;
  EXPECT_THAT(Call(SYS_newfstatat, AT_FDCWD, "/", &info, 1 << 20), FailsWith(EINVAL));
}
TEST(Fstatat, RelativeToANonDirectoryIsEnotdir) {
  const ScopedFd fd = TempFile("1234");
  struct stat info;
  EXPECT_THAT(Call(SYS_newfstatat, fd, "x", &info, 0), FailsWith(ENOTDIR));
}
TEST(Statx, FillsTheBasicFields) {
  const TempDir dir;
  WriteFile(dir / "f", "12345", 0600);
  struct statx info = {};
  EXPECT_THAT(Call(SYS_statx, AT_FDCWD, dir / "f", 0, STATX_BASIC_STATS, &info), SucceedsWith(0));
  EXPECT_EQ(info.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
  EXPECT_EQ(info.stx_size, 5u);
  EXPECT_EQ(info.stx_mode, S_IFREG | 0600);
  struct stat plain;
  ASSERT_EQ(stat((dir / "f").c_str(), &plain), 0);
  EXPECT_EQ(makedev(info.stx_dev_major, info.stx_dev_minor), plain.st_dev);
  EXPECT_EQ(info.stx_ino, plain.st_ino);
}
TEST(Statx, ReservedMaskAndSyncBothBitsAreInvalid) {
  struct statx info;
  EXPECT_THAT(Call(SYS_statx, AT_FDCWD, "/", 0, 0x80000000U, &info), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_statx, AT_FDCWD, "/", AT_STATX_SYNC_TYPE, STATX_TYPE, &info), FailsWith(EINVAL));
}
TEST(Stat, DeviceNumbersOfDevNull) {
  struct stat info;
  ASSERT_EQ(stat("/dev/null", &info), 0);
  EXPECT_TRUE(S_ISCHR(info.st_mode));
  EXPECT_EQ(major(info.st_rdev), 1u);
  EXPECT_EQ(minor(info.st_rdev), 3u);
}
TEST(Stat, WritingUpdatesModificationTime) {
  const ScopedFd fd = TempFile("x");
  const timespec old[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(futimens(fd.get(), old), 0);
  EXPECT_THAT(Call(SYS_write, fd, "y", 1), SucceedsWith(1));
  struct stat info;
  ASSERT_EQ(fstat(fd.get(), &info), 0);
  EXPECT_GT(info.st_mtim.tv_sec, 1000);
  EXPECT_EQ(info.st_atim.tv_sec, 1000);
}

}  // namespace tests
