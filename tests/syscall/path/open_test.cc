// open(2), openat(2), openat2(2), creat(2).
#include <linux/openat2.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Open, MissingFileIsEnoent) {
  const TempDir dir;
  EXPECT_THAT(Call(SYS_open, dir / "none", O_RDONLY), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_open, dir / "none/below", O_RDONLY | O_CREAT, 0600), FailsWith(ENOENT));
}
TEST(Open, EmptyPathIsEnoent) { EXPECT_THAT(Call(SYS_open, "", O_RDONLY), FailsWith(ENOENT)); }
TEST(Open, BadPathFaults) { EXPECT_THAT(Call(SYS_open, BadAddress(), O_RDONLY), FailsWith(EFAULT)); }
TEST(Open, FileAsDirectoryIsEnotdir) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  EXPECT_THAT(Call(SYS_open, dir / "f/g", O_RDONLY), FailsWith(ENOTDIR));
  EXPECT_THAT(Call(SYS_open, dir / "f", O_RDONLY | O_DIRECTORY), FailsWith(ENOTDIR));
  EXPECT_THAT(Call(SYS_open, dir / "f/", O_RDONLY), FailsWith(ENOTDIR));
}
TEST(Open, ComponentAndPathLengthLimits) {
  const TempDir dir;
  EXPECT_THAT(Call(SYS_open, dir / std::string(256, 'n'), O_RDONLY), FailsWith(ENAMETOOLONG));
  EXPECT_THAT(Call(SYS_open, dir / std::string(255, 'n'), O_RDONLY), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_open, "/" + std::string(4095, '/'), O_RDONLY), FailsWith(ENAMETOOLONG));
}
TEST(Open, PathMayEndAtAPageBorder) {
  PageBorder border;
  memcpy(border.At(2), "/", 2);
  const ScopedFd fd(Call(SYS_open, border.At(2), O_RDONLY));
  EXPECT_TRUE(fd.valid());
  memcpy(border.At(2), "//", 2);
  EXPECT_THAT(Call(SYS_open, border.At(2), O_RDONLY), FailsWith(EFAULT));
}
TEST(Open, ExclusiveCreateOfAnExistingNameIsEexist) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(symlink("nowhere", (dir / "l").c_str()), 0);
  EXPECT_THAT(Call(SYS_open, dir / "f", O_CREAT | O_EXCL | O_RDWR, 0600), FailsWith(EEXIST));
  EXPECT_THAT(Call(SYS_open, dir / "l", O_CREAT | O_EXCL | O_RDWR, 0600), FailsWith(EEXIST));
}
TEST(Open, CreateThroughADanglingLinkMakesTheTarget) {
  const TempDir dir;
  ASSERT_EQ(symlink("target", (dir / "l").c_str()), 0);
  const ScopedFd fd(Call(SYS_open, dir / "l", O_CREAT | O_RDWR, 0600));
  EXPECT_TRUE(fd.valid());
  EXPECT_TRUE(Exists(dir / "target"));
}
TEST(Open, CreationModeIsMasked) {
  const TempDir dir;
  const mode_t old = umask(027);
  const ScopedFd fd(Call(SYS_open, dir / "f", O_CREAT | O_WRONLY, 0666));
  umask(old);
  struct stat info;
  ASSERT_EQ(fstat(fd.get(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);
}
TEST(Open, NewFileMayBeWrittenThoughItsModeForbidsIt) {
  const TempDir dir;
  const ScopedFd fd(Call(SYS_open, dir / "f", O_CREAT | O_WRONLY, 0400));
  EXPECT_THAT(Call(SYS_write, fd, "x", 1), SucceedsWith(1));
}
TEST(Open, TruncateEmptiesTheFile) {
  const TempDir dir;
  WriteFile(dir / "f", "content");
  const ScopedFd fd(Call(SYS_open, dir / "f", O_WRONLY | O_TRUNC));
  EXPECT_EQ(SizeOf(fd.get()), 0);
}
TEST(Open, DirectoryCannotBeWritten) {
  const TempDir dir;
  EXPECT_THAT(Call(SYS_open, dir.path(), O_WRONLY), FailsWith(EISDIR));
  EXPECT_THAT(Call(SYS_open, dir.path(), O_RDONLY | O_CREAT, 0600), FailsWith(EISDIR));
  EXPECT_THAT(Call(SYS_open, dir / "new/", O_WRONLY | O_CREAT, 0600), FailsWith(EISDIR));
}
TEST(Open, NofollowRefusesASymbolicLink) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(symlink("f", (dir / "l").c_str()), 0);
  EXPECT_THAT(Call(SYS_open, dir / "l", O_RDONLY | O_NOFOLLOW), FailsWith(ELOOP));
  const ScopedFd path(Call(SYS_open, dir / "l", O_PATH | O_NOFOLLOW));
  struct stat info;
  ASSERT_EQ(fstat(path.get(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
}
TEST(Open, LinkCycleIsEloop) {
  const TempDir dir;
  ASSERT_EQ(symlink("b", (dir / "a").c_str()), 0);
  ASSERT_EQ(symlink("a", (dir / "b").c_str()), 0);
  EXPECT_THAT(Call(SYS_open, dir / "a", O_RDONLY), FailsWith(ELOOP));
}
TEST(Open, FortyLinksAreFollowedAndFortyOneAreNot) {
  const TempDir dir;
  WriteFile(dir / "0", "x");
  for (int i = 1; i <= 41; ++i) {
    ASSERT_EQ(symlink(std::to_string(i - 1).c_str(), (dir / std::to_string(i)).c_str()), 0);
  }
  const ScopedFd fd(Call(SYS_open, dir / "40", O_RDONLY));
  EXPECT_TRUE(fd.valid());
  EXPECT_THAT(Call(SYS_open, dir / "41", O_RDONLY), FailsWith(ELOOP));
}
TEST(Open, TmpfileHasNoNameAndCanBeLinked) {
  const TempDir dir;
  const ScopedFd fd(Call(SYS_open, dir.path(), O_TMPFILE | O_RDWR, 0600));
  if (!fd.valid()) GTEST_SKIP() << "the file system of the temporary directory has no O_TMPFILE";
  EXPECT_THAT(Call(SYS_write, fd, "abc", 3), SucceedsWith(3));
  EXPECT_THAT(Call(SYS_linkat, AT_FDCWD, "/proc/self/fd/" + std::to_string(fd.get()), AT_FDCWD, dir / "named", AT_SYMLINK_FOLLOW),
              SucceedsWith(0));
  EXPECT_EQ(ReadFile(dir / "named"), "abc");
}
TEST(Open, PermissionBitsBindOrdinaryUsers) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  WriteFile(dir / "f", "x", 0600);
  WriteFile(dir / "r", "x", 0444);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_open, dir / "f", O_RDONLY), FailsWith(EACCES));
    EXPECT_THAT(Call(SYS_open, dir / "r", O_WRONLY), FailsWith(EACCES));
    EXPECT_THAT(Call(SYS_open, dir / "new", O_WRONLY | O_CREAT, 0600), FailsWith(EACCES));
    EXPECT_THAT(Call(SYS_open, dir / "r", O_RDONLY), Succeeds());
  });
}
TEST(Open, SearchPermissionIsNeededOnTheWay) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "d").c_str(), 0700), 0);
  WriteFile(dir / "d/f", "x", 0644);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_open, dir / "d/f", O_RDONLY), FailsWith(EACCES));
  });
}
TEST(Open, DescriptorLimitIsEmfile) {
  InChild([] {
    const rlimit limit{static_cast<rlim_t>(LowestFreeFd()), 1000};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_THAT(Call(SYS_open, "/", O_RDONLY), FailsWith(EMFILE));
  });
}
TEST(Open, UnlinkedFileStaysUsable) {
  const TempDir dir;
  const ScopedFd fd(Call(SYS_open, dir / "f", O_CREAT | O_RDWR, 0600));
  ASSERT_EQ(unlink((dir / "f").c_str()), 0);
  EXPECT_THAT(Call(SYS_write, fd, "abc", 3), SucceedsWith(3));
  struct stat info;
  ASSERT_EQ(fstat(fd.get(), &info), 0);
  EXPECT_EQ(info.st_nlink, 0u);
}
TEST(Openat, RelativeToADirectoryDescriptor) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  const ScopedFd at(open(dir.path().c_str(), O_PATH));
  const ScopedFd fd(Call(SYS_openat, at, "f", O_RDONLY));
  EXPECT_TRUE(fd.valid());
}
TEST(Openat, AbsolutePathIgnoresTheDescriptor) {
  const ScopedFd fd(Call(SYS_openat, 9999, "/", O_RDONLY));
  EXPECT_TRUE(fd.valid());
}
TEST(Openat, BadAndNonDirectoryDescriptors) {
  const ScopedFd file = TempFile("x");
  EXPECT_THAT(Call(SYS_openat, 9999, "f", O_RDONLY), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_openat, file, "f", O_RDONLY), FailsWith(ENOTDIR));
}
TEST(Openat2, UnknownFlagsAndModeWithoutCreateAreInvalid) {
  open_how how = {};
  how.flags = 1UL << 40;
  EXPECT_THAT(Call(SYS_openat2, AT_FDCWD, "/", &how, sizeof how), FailsWith(EINVAL));
  how = {};
  how.mode = 0600;
  EXPECT_THAT(Call(SYS_openat2, AT_FDCWD, "/", &how, sizeof how), FailsWith(EINVAL));
  how = {};
  how.resolve = 1UL << 40;
  EXPECT_THAT(Call(SYS_openat2, AT_FDCWD, "/", &how, sizeof how), FailsWith(EINVAL));
}
TEST(Openat2, SizeRules) {
  struct {
    open_how how;
    unsigned long extra;
  } big = {};
  EXPECT_THAT(Call(SYS_openat2, AT_FDCWD, "/", &big, 8), FailsWith(EINVAL));
  const ScopedFd fd(Call(SYS_openat2, AT_FDCWD, "/", &big, sizeof big));
  EXPECT_TRUE(fd.valid());
  big.extra = 1;
  EXPECT_THAT(Call(SYS_openat2, AT_FDCWD, "/", &big, sizeof big), FailsWith(E2BIG));
}
TEST(Openat2, ResolveBeneathStopsEscapes) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "in").c_str(), 0700), 0);
  WriteFile(dir / "out", "x");
  const ScopedFd at(open((dir / "in").c_str(), O_PATH));
  open_how how = {};
  how.resolve = RESOLVE_BENEATH;
  EXPECT_THAT(Call(SYS_openat2, at, "../out", &how, sizeof how), FailsWith(EXDEV));
  EXPECT_THAT(Call(SYS_openat2, at, "/", &how, sizeof how), FailsWith(EXDEV));
}
TEST(Openat2, ResolveNoSymlinksRefusesThem) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(symlink("f", (dir / "l").c_str()), 0);
  open_how how = {};
  how.resolve = RESOLVE_NO_SYMLINKS;
  EXPECT_THAT(Call(SYS_openat2, AT_FDCWD, dir / "l", &how, sizeof how), FailsWith(ELOOP));
}
TEST(Openat2, ResolveInRootTreatsTheDirectoryAsRoot) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  const ScopedFd at(open(dir.path().c_str(), O_PATH));
  open_how how = {};
  how.resolve = RESOLVE_IN_ROOT;
  const ScopedFd fd(Call(SYS_openat2, at, "/../../f", &how, sizeof how));
  EXPECT_TRUE(fd.valid());
}
TEST(Creat, IsWriteOnlyAndTruncates) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  const ScopedFd fd(Call(SYS_creat, dir / "f", 0600));
  EXPECT_EQ(SizeOf(fd.get()), 0);
  char byte;
  EXPECT_THAT(Call(SYS_read, fd, &byte, 1), FailsWith(EBADF));
}

}  // namespace tests
