// chmod(2), fchmod(2), fchmodat(2), chown(2), lchown(2), fchownat(2), umask(2).
#include <sys/stat.h>

#include "tests/lib/guest.h"

namespace tests {

static mode_t ModeOf(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(lstat(path.c_str(), &info), 0);
  return info.st_mode & 07777;
}

TEST(Chmod, SetsAllTwelveBits) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  EXPECT_THAT(Call(SYS_chmod, dir / "f", 07751), SucceedsWith(0));
  EXPECT_EQ(ModeOf(dir / "f"), 07751u);
}
TEST(Chmod, MissingAndBadPath) {
  const TempDir dir;
  EXPECT_THAT(Call(SYS_chmod, dir / "none", 0600), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_chmod, BadAddress(), 0600), FailsWith(EFAULT));
}
TEST(Chmod, NeedsTheOwner) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  WriteFile(dir / "f", "x", 0666);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_chmod, dir / "f", 0600), FailsWith(EPERM));
  });
}
TEST(Fchmod, WorksOnADescriptorAndNotOnAPathDescriptor) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  const ScopedFd fd(open((dir / "f").c_str(), O_RDONLY));
  EXPECT_THAT(Call(SYS_fchmod, fd, 0611), SucceedsWith(0));
  EXPECT_EQ(ModeOf(dir / "f"), 0611u);
  const ScopedFd path(open((dir / "f").c_str(), O_PATH));
  EXPECT_THAT(Call(SYS_fchmod, path, 0600), FailsWith(EBADF));
}
TEST(Fchmodat, FollowsLinks) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(symlink("f", (dir / "l").c_str()), 0);
  EXPECT_THAT(Call(SYS_fchmodat, AT_FDCWD, dir / "l", 0604), SucceedsWith(0));
  EXPECT_EQ(ModeOf(dir / "f"), 0604u);
}
TEST(Chown, ChangesOwnerAndGroupAndMinusOneKeeps) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  WriteFile(dir / "f", "x");
  EXPECT_THAT(Call(SYS_chown, dir / "f", 1000, 2000), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_chown, dir / "f", -1, 3000), SucceedsWith(0));
  struct stat info;
  ASSERT_EQ(stat((dir / "f").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 1000u);
  EXPECT_EQ(info.st_gid, 3000u);
}
TEST(Chown, ClearsSetIdBitsOfExecutables) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(chmod((dir / "f").c_str(), 06755), 0);
  EXPECT_THAT(Call(SYS_chown, dir / "f", 1000, 1000), SucceedsWith(0));
  EXPECT_EQ(ModeOf(dir / "f"), 0755u);
}
TEST(Chown, OrdinaryUserMayNotGiveAway) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(chown((dir / "f").c_str(), 65534, 65534), 0);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_chown, dir / "f", 1, -1), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_chown, dir / "f", -1, 1), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_chown, dir / "f", 65534, 65534), SucceedsWith(0));
  });
}
TEST(Lchown, ChangesTheLinkItself) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(symlink("f", (dir / "l").c_str()), 0);
  EXPECT_THAT(Call(SYS_lchown, dir / "l", 1000, 1000), SucceedsWith(0));
  struct stat info;
  ASSERT_EQ(lstat((dir / "l").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 1000u);
  ASSERT_EQ(stat((dir / "l").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0u);
}
TEST(Fchownat, UnknownFlagIsInvalid) { EXPECT_THAT(Call(SYS_fchownat, AT_FDCWD, "/", -1, -1, 1), FailsWith(EINVAL)); }
TEST(Write, ClearsSetUidForOrdinaryUsers) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(chmod((dir / "f").c_str(), 04777), 0);
  InChild([&] {
    DropToNobody();
    const ScopedFd fd(open((dir / "f").c_str(), O_WRONLY));
    EXPECT_THAT(Call(SYS_write, fd, "y", 1), SucceedsWith(1));
  });
  EXPECT_EQ(ModeOf(dir / "f"), 0777u);
}
TEST(Umask, ReturnsTheOldOneAndKeepsNineBits) {
  const mode_t old = umask(0123);
  EXPECT_THAT(Call(SYS_umask, 07777), SucceedsWith(0123));
  EXPECT_THAT(Call(SYS_umask, old), SucceedsWith(0777));
}
TEST(Umask, IsInheritedByAChildAndPrivateToIt) {
  const mode_t old = umask(031);
  InChild([] { EXPECT_THAT(Call(SYS_umask, 0), SucceedsWith(031)); });
  EXPECT_THAT(Call(SYS_umask, old), SucceedsWith(031));
}

}  // namespace tests
