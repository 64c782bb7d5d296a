// utimensat(2), utimes(2).
#include <sys/stat.h>
#include <sys/time.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Utimensat, SetsBothTimesToTheNanosecond) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  const timespec times[2] = {{1'000'000'000, 123'456'000}, {1'100'000'000, 654'321'000}};
  EXPECT_THAT(Call(SYS_utimensat, AT_FDCWD, dir / "f", times, 0), SucceedsWith(0));
  struct stat info;
  ASSERT_EQ(stat((dir / "f").c_str(), &info), 0);
  EXPECT_EQ(info.st_atim.tv_sec, 1'000'000'000);
  EXPECT_EQ(info.st_atim.tv_nsec, 123'456'000);
  EXPECT_EQ(info.st_mtim.tv_sec, 1'100'000'000);
  EXPECT_EQ(info.st_mtim.tv_nsec, 654'321'000);
}
TEST(Utimensat, OmitKeepsAndNowSetsNow) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  const timespec old[2] = {{1000, 0}, {1000, 0}};
  EXPECT_THAT(Call(SYS_utimensat, AT_FDCWD, dir / "f", old, 0), SucceedsWith(0));
  const timespec times[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
  EXPECT_THAT(Call(SYS_utimensat, AT_FDCWD, dir / "f", times, 0), SucceedsWith(0));
  struct stat info;
  ASSERT_EQ(stat((dir / "f").c_str(), &info), 0);
  EXPECT_EQ(info.st_atim.tv_sec, 1000);
  EXPECT_GT(info.st_mtim.tv_sec, 1'000'000);
}
TEST(Utimensat, NullPathMeansTheDescriptor) {
  const ScopedFd fd = TempFile("x");
  const timespec times[2] = {{5, 0}, {6, 0}};
  EXPECT_THAT(Call(SYS_utimensat, fd, nullptr, times, 0), SucceedsWith(0));
  struct stat info;
  ASSERT_EQ(fstat(fd.get(), &info), 0);
  EXPECT_EQ(info.st_mtim.tv_sec, 6);
}
TEST(Utimensat, BadNanosecondsAreInvalid) {
  const ScopedFd fd = TempFile("x");
  const timespec times[2] = {{5, 1'000'000'000}, {6, 0}};
  EXPECT_THAT(Call(SYS_utimensat, fd, nullptr, times, 0), FailsWith(EINVAL));
}
TEST(Utimensat, OrdinaryUserMaySetNowOnAWritableFileOnly) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(chmod((dir / "f").c_str(), 0666), 0);
  WriteFile(dir / "r", "x");
  ASSERT_EQ(chmod((dir / "r").c_str(), 0644), 0);
  InChild([&] {
    DropToNobody();
    const timespec times[2] = {{5, 0}, {6, 0}};
    EXPECT_THAT(Call(SYS_utimensat, AT_FDCWD, dir / "f", nullptr, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_utimensat, AT_FDCWD, dir / "f", times, 0), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_utimensat, AT_FDCWD, dir / "r", nullptr, 0), FailsWith(EACCES));
  });
}
TEST(Utimensat, NofollowChangesTheLink) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(symlink("f", (dir / "l").c_str()), 0);
  const timespec times[2] = {{5, 0}, {6, 0}};
  EXPECT_THAT(Call(SYS_utimensat, AT_FDCWD, dir / "l", times, AT_SYMLINK_NOFOLLOW), SucceedsWith(0));
  struct stat info;
  ASSERT_EQ(lstat((dir / "l").c_str(), &info), 0);
  EXPECT_EQ(info.st_mtim.tv_sec, 6);
  ASSERT_EQ(stat((dir / "f").c_str(), &info), 0);
  EXPECT_GT(info.st_mtim.tv_sec, 6);
}

}  // namespace tests
