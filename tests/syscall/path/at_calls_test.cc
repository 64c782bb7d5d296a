// The old and the *at forms of path calls that other pages test in one form only: mknodat(2), renameat(2), symlinkat(2), faccessat(2),
// fchown(2), utime(2), utimes(2), futimesat(2), getdents(2).
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <utime.h>

#include <set>

#include "tests/lib/guest.h"

namespace {

using namespace tests;

class AtCalls : public testing::Test {
 protected:
  struct stat Stat(const std::string& name) {
    struct stat info {};
    EXPECT_EQ(fstatat(at_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW), 0) << name;
    return info;
  }
  TempDir dir_;
  ScopedFd at_{open(dir_.path().c_str(), O_RDONLY | O_DIRECTORY)};
};

TEST_F(AtCalls, MknodatMakesAFifoBelowTheDirectory) {
  const mode_t old = umask(0);
  EXPECT_THAT(Call(SYS_mknodat, at_, "p", S_IFIFO | 0640, 0), SucceedsWith(0));
  umask(old);
  EXPECT_EQ(Stat("p").st_mode, S_IFIFO | 0640u);
  EXPECT_THAT(Call(SYS_mknodat, at_, "p", S_IFIFO | 0640, 0), FailsWith(EEXIST));
  EXPECT_THAT(Call(SYS_mknodat, -1, "q", S_IFIFO | 0640, 0), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_mknodat, at_, "", S_IFIFO | 0640, 0), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_mknodat, at_, BadAddress(), S_IFIFO | 0640, 0), FailsWith(EFAULT));
}

TEST_F(AtCalls, RenameatBetweenDirectories) {
  ASSERT_TRUE(WriteFile(dir_ / "one", "1"));
  ASSERT_EQ(mkdirat(at_.get(), "sub", 0755), 0);
  const ScopedFd sub(openat(at_.get(), "sub", O_PATH));
  EXPECT_THAT(Call(SYS_renameat, at_, "one", sub, "two"), SucceedsWith(0));
  EXPECT_EQ(ReadFile(dir_ / "sub/two"), "1");
  EXPECT_FALSE(Exists(dir_ / "one"));
  EXPECT_THAT(Call(SYS_renameat, at_, "one", sub, "x"), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_renameat, at_, "sub", sub, "x"), FailsWith(EINVAL)) << "into itself";
  EXPECT_THAT(Call(SYS_renameat, sub, "two", -1, "x"), FailsWith(EBADF));
}

TEST_F(AtCalls, SymlinkatStoresTheText) {
  EXPECT_THAT(Call(SYS_symlinkat, "no/such", at_, "l"), SucceedsWith(0));
  char text[32] = {};
  EXPECT_THAT(Call(SYS_readlinkat, at_, "l", text, 32), SucceedsWith(7));
  EXPECT_STREQ(text, "no/such");
  EXPECT_THAT(Call(SYS_symlinkat, "x", at_, "l"), FailsWith(EEXIST));
  EXPECT_THAT(Call(SYS_symlinkat, "", at_, "m"), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_symlinkat, "x", -1, "m"), FailsWith(EBADF));
}

TEST_F(AtCalls, FaccessatUsesRealIds) {
  ASSERT_TRUE(WriteFile(dir_ / "f", "x", 0600));
  EXPECT_THAT(Call(SYS_faccessat, at_, "f", R_OK | W_OK), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_faccessat, at_, "f", X_OK), FailsWith(EACCES));
  EXPECT_THAT(Call(SYS_faccessat, at_, "f", 8), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_faccessat, at_, "g", F_OK), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_faccessat, at_, "f/g", F_OK), FailsWith(ENOTDIR));
}

TEST_F(AtCalls, FchownChangesOwnerAndClearsSetId) {
  SKIP_UNLESS_ROOT();
  ASSERT_TRUE(WriteFile(dir_ / "f", "x"));
  const ScopedFd file(openat(at_.get(), "f", O_RDWR));
  ASSERT_EQ(fchmod(file.get(), 06755), 0);
  EXPECT_THAT(Call(SYS_fchown, file, 12, 34), SucceedsWith(0));
  EXPECT_EQ(Stat("f").st_uid, 12u);
  EXPECT_EQ(Stat("f").st_gid, 34u);
  EXPECT_EQ(Stat("f").st_mode & 07777, 0755u);
  EXPECT_THAT(Call(SYS_fchown, file, -1, 5), SucceedsWith(0));
  EXPECT_EQ(Stat("f").st_uid, 12u) << "-1 keeps";
  EXPECT_THAT(Call(SYS_fchown, 9999, 1, 1), FailsWith(EBADF));
  const ScopedFd path(openat(at_.get(), "f", O_PATH));
  EXPECT_THAT(Call(SYS_fchown, path, 1, 1), FailsWith(EBADF));
}

TEST_F(AtCalls, Fchmodat2KnowsFlags) {
  constexpr long kFchmodat2 = 452;
  if (Call(kFchmodat2, at_, "f", 0600, 1) == -ENOSYS) GTEST_SKIP() << "not in this kernel";
  ASSERT_TRUE(WriteFile(dir_ / "f", "x"));
  ASSERT_EQ(symlinkat("f", at_.get(), "l"), 0);
  EXPECT_THAT(Call(kFchmodat2, at_, "l", 0640, 0), SucceedsWith(0));
  EXPECT_EQ(Stat("f").st_mode & 07777, 0640u);
  EXPECT_THAT(Call(kFchmodat2, at_, "l", 0600, AT_SYMLINK_NOFOLLOW), FailsWith(EOPNOTSUPP)) << "a link has no mode to change";
  EXPECT_THAT(Call(kFchmodat2, at_, "f", 0600, AT_SYMLINK_NOFOLLOW), SucceedsWith(0));
  const ScopedFd path(openat(at_.get(), "f", O_PATH));
  EXPECT_THAT(Call(kFchmodat2, path, "", 0444, AT_EMPTY_PATH), SucceedsWith(0));
  EXPECT_EQ(Stat("f").st_mode & 07777, 0444u);
  EXPECT_THAT(Call(kFchmodat2, at_, "f", 0600, 0x800000), FailsWith(EINVAL));
  EXPECT_THAT(Call(kFchmodat2, at_, "g", 0600, 0), FailsWith(ENOENT));
}

TEST_F(AtCalls, UtimeHasSecondsOnly) {
  ASSERT_TRUE(WriteFile(dir_ / "f", "x"));
  const utimbuf times{1000, 2000};
  EXPECT_THAT(Call(SYS_utime, dir_ / "f", &times), SucceedsWith(0));
  EXPECT_EQ(Stat("f").st_atim.tv_sec, 1000);
  EXPECT_EQ(Stat("f").st_mtim.tv_sec, 2000);
  EXPECT_THAT(Call(SYS_utime, dir_ / "f", nullptr), SucceedsWith(0));
  EXPECT_GT(Stat("f").st_mtim.tv_sec, 1'000'000);
  EXPECT_THAT(Call(SYS_utime, dir_ / "g", &times), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_utime, dir_ / "f", BadAddress()), FailsWith(EFAULT));
}

TEST_F(AtCalls, UtimesAndFutimesatHaveMicroseconds) {
  ASSERT_TRUE(WriteFile(dir_ / "f", "x"));
  const timeval times[2] = {{1000, 250'000}, {2000, 999'999}}, bad[2] = {{0, 0}, {0, 1'000'000}};
  EXPECT_THAT(Call(SYS_utimes, dir_ / "f", times), SucceedsWith(0));
  EXPECT_EQ(Stat("f").st_atim.tv_nsec, 250'000'000);
  EXPECT_EQ(Stat("f").st_mtim.tv_nsec, 999'999'000);
  EXPECT_THAT(Call(SYS_utimes, dir_ / "f", bad), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_utimes, dir_ / "f", BadAddress()), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_futimesat, at_, "f", nullptr), SucceedsWith(0));
  EXPECT_GT(Stat("f").st_mtim.tv_sec, 1'000'000);
  EXPECT_THAT(Call(SYS_futimesat, at_, "f", times), SucceedsWith(0));
  EXPECT_EQ(Stat("f").st_mtim.tv_sec, 2000);
  const ScopedFd file(openat(at_.get(), "f", O_RDWR));
  EXPECT_THAT(Call(SYS_futimesat, file, nullptr, nullptr), SucceedsWith(0)) << "no path: the descriptor itself";
  EXPECT_GT(Stat("f").st_mtim.tv_sec, 1'000'000);
  EXPECT_THAT(Call(SYS_futimesat, at_, "f", bad), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_futimesat, -1, "f", times), FailsWith(EBADF));
}

TEST_F(AtCalls, OldGetdentsHasTheTypeInTheLastByte) {
  struct OldEntry {
    unsigned long ino, off;
    unsigned short reclen;
    char name[];
  };
  ASSERT_TRUE(WriteFile(dir_ / "file", ""));
  ASSERT_EQ(mkdirat(at_.get(), "sub", 0755), 0);
  std::set<std::pair<std::string, int>> seen;
  alignas(8) char bytes[2048];
  const long got = Call(SYS_getdents, at_, bytes, sizeof bytes);
  ASSERT_THAT(got, Succeeds());
  for (long at = 0; at < got;) {
    const auto* entry = reinterpret_cast<const OldEntry*>(bytes + at);
    seen.emplace(entry->name, bytes[at + entry->reclen - 1]);
    at += entry->reclen;
  }
  EXPECT_EQ(seen, (std::set<std::pair<std::string, int>>{{".", 4}, {"..", 4}, {"file", 8}, {"sub", 4}}));
  EXPECT_THAT(Call(SYS_getdents, at_, bytes, sizeof bytes), SucceedsWith(0)) << "the end";
  EXPECT_THAT(Call(SYS_lseek, at_, 0, SEEK_SET), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_getdents, at_, bytes, 8), FailsWith(EINVAL)) << "no room for one";
  EXPECT_THAT(Call(SYS_getdents, 9999, bytes, sizeof bytes), FailsWith(EBADF));
  const ScopedFd file = TempFile("x");
  EXPECT_THAT(Call(SYS_getdents, file, bytes, sizeof bytes), FailsWith(ENOTDIR));
}

class FileXattr : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(WriteFile(name_, "x"));
    ASSERT_EQ(symlink("f", link_.c_str()), 0);
    if (Call(SYS_setxattr, name_, "user.probe", "1", 1, 0) == -EOPNOTSUPP)
      GTEST_SKIP() << "the temporary directory has no extended attributes";
    Call(SYS_removexattr, name_, "user.probe");
    file_ = ScopedFd(open(name_.c_str(), O_RDWR));
  }
  TempDir dir_;
  std::string name_ = dir_ / "f", link_ = dir_ / "l";
  ScopedFd file_;
};

TEST_F(FileXattr, OfADescriptor) {
  char text[64] = {};
  EXPECT_THAT(Call(SYS_fsetxattr, file_, "user.a", "value", 5, 0), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_getxattr, name_, "user.a", text, 64), SucceedsWith(5));
  EXPECT_THAT(Call(SYS_fgetxattr, file_, "user.a", text, 64), SucceedsWith(5));
  EXPECT_THAT(Call(SYS_fgetxattr, file_, "user.a", text, 2), FailsWith(ERANGE));
  const long length = Call(SYS_flistxattr, file_, text, 64);
  ASSERT_THAT(length, Succeeds());
  EXPECT_NE(std::string(text, static_cast<size_t>(length)).find("user.a"), std::string::npos);
  EXPECT_THAT(Call(SYS_fremovexattr, file_, "user.a"), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fremovexattr, file_, "user.a"), FailsWith(ENODATA));
  EXPECT_THAT(Call(SYS_fgetxattr, 9999, "user.a", text, 64), FailsWith(EBADF));
  const ScopedFd path(open(name_.c_str(), O_PATH));
  EXPECT_THAT(Call(SYS_fsetxattr, path, "user.a", "v", 1, 0), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_flistxattr, path, text, 64), FailsWith(EBADF));
}

TEST_F(FileXattr, OfALinkItself) {
  char text[64] = {};
  ASSERT_THAT(Call(SYS_setxattr, link_, "user.a", "value", 5, 0), SucceedsWith(0)) << "through the link";
  EXPECT_THAT(Call(SYS_lgetxattr, name_, "user.a", text, 64), SucceedsWith(5));
  EXPECT_THAT(Call(SYS_lgetxattr, link_, "user.a", text, 64), FailsWithEither(ENODATA, EPERM));
  EXPECT_THAT(Call(SYS_lsetxattr, link_, "user.a", "v", 1, 0), FailsWith(EPERM)) << "no user attributes on links";
  EXPECT_THAT(Call(SYS_lremovexattr, link_, "user.a"), FailsWithEither(EPERM, ENODATA));
  const long length = Call(SYS_llistxattr, link_, text, 64);
  ASSERT_THAT(length, Succeeds());
  EXPECT_EQ(std::string(text, static_cast<size_t>(length)).find("user.a"), std::string::npos);
  EXPECT_THAT(Call(SYS_lremovexattr, name_, "user.a"), SucceedsWith(0));
}

}  // namespace
