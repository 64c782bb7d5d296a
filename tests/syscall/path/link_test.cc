// link(2), linkat(2), symlink(2), readlink(2).
#include <sys/stat.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Link, MakesASecondNameForOneFile) {
  const TempDir dir;
  WriteFile(dir / "a", "x");
  EXPECT_THAT(Call(SYS_link, dir / "a", dir / "b"), SucceedsWith(0));
  WriteFile(dir / "b", "changed");
  EXPECT_EQ(ReadFile(dir / "a"), "changed");
}
TEST(Link, ExistingMissingAndDirectory) {
  const TempDir dir;
  WriteFile(dir / "a", "x");
  EXPECT_THAT(Call(SYS_link, dir / "a", dir / "a"), FailsWith(EEXIST));
  EXPECT_THAT(Call(SYS_link, dir / "none", dir / "b"), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_link, dir.path(), dir / "b"), FailsWith(EPERM));
}
TEST(Link, DoesNotFollowUnlessAsked) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(symlink("f", (dir / "l").c_str()), 0);
  EXPECT_THAT(Call(SYS_link, dir / "l", dir / "m"), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_linkat, AT_FDCWD, dir / "l", AT_FDCWD, dir / "g", AT_SYMLINK_FOLLOW), SucceedsWith(0));
  struct stat info;
  ASSERT_EQ(lstat((dir / "m").c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
  ASSERT_EQ(lstat((dir / "g").c_str(), &info), 0);
  EXPECT_TRUE(S_ISREG(info.st_mode));
}
TEST(Linkat, UnknownFlagIsInvalid) { EXPECT_THAT(Call(SYS_linkat, AT_FDCWD, "/a", AT_FDCWD, "/b", 1), FailsWith(EINVAL)); }
TEST(Link, AcrossFileSystemsIsExdev) {
  const TempDir dir;
  EXPECT_THAT(Call(SYS_link, "/proc/version", dir / "v"), FailsWith(EXDEV));
}
TEST(Symlink, KeepsItsTextWhateverItSays) {
  const TempDir dir;
  EXPECT_THAT(Call(SYS_symlink, "no/such/place", dir / "l"), SucceedsWith(0));
  char text[100];
  EXPECT_THAT(Call(SYS_readlink, dir / "l", text, 100), SucceedsWith(13));
  EXPECT_EQ(std::string(text, 13), "no/such/place");
}
TEST(Symlink, EmptyTargetIsEnoentAndExistingNameIsEexist) {
  const TempDir dir;
  EXPECT_THAT(Call(SYS_symlink, "", dir / "l"), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_symlink, "x", dir.path()), FailsWith(EEXIST));
}
TEST(Readlink, TruncatesWithoutTerminator) {
  const TempDir dir;
  ASSERT_EQ(symlink("abcdef", (dir / "l").c_str()), 0);
  char text[6] = {'-', '-', '-', '-', '-', '-'};
  EXPECT_THAT(Call(SYS_readlink, dir / "l", text, 3), SucceedsWith(3));
  EXPECT_EQ(std::string(text, 6), "abc---");
}
TEST(Readlink, OfANonLinkIsInvalid) {
  const TempDir dir;
  char text[10];
  EXPECT_THAT(Call(SYS_readlink, dir.path(), text, 10), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_readlink, "/", text, 0), FailsWith(EINVAL));
}
TEST(Readlink, BadBufferFaults) {
  const TempDir dir;
  ASSERT_EQ(symlink("abcdef", (dir / "l").c_str()), 0);
  EXPECT_THAT(Call(SYS_readlink, dir / "l", BadAddress(), 10), FailsWith(EFAULT));
}
TEST(Readlinkat, EmptyPathReadsTheLinkOfAPathDescriptor) {
  const TempDir dir;
  ASSERT_EQ(symlink("abcdef", (dir / "l").c_str()), 0);
  const ScopedFd fd(open((dir / "l").c_str(), O_PATH | O_NOFOLLOW));
  char text[10];
  EXPECT_THAT(Call(SYS_readlinkat, fd, "", text, 10), SucceedsWith(6));
}
TEST(Symlink, RelativeTextIsResolvedFromTheLinksDirectory) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "d").c_str(), 0700), 0);
  WriteFile(dir / "f", "found");
  ASSERT_EQ(symlink("../f", (dir / "d/l").c_str()), 0);
  EXPECT_EQ(ReadFile(dir / "d/l"), "found");
}

}  // namespace tests
