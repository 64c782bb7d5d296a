// access(2), faccessat2(2).
#include <sys/stat.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Access, ExistenceAndModes) {
  const TempDir dir;
  WriteFile(dir / "f", "x", 0644);
  EXPECT_THAT(Call(SYS_access, dir / "f", F_OK), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_access, dir / "f", R_OK | W_OK), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_access, dir / "none", F_OK), FailsWith(ENOENT));
}
TEST(Access, RootMayExecuteOnlyWhenSomeoneMay) {
  const TempDir dir;
  WriteFile(dir / "f", "x", 0644);
  EXPECT_THAT(Call(SYS_access, dir / "f", X_OK), FailsWith(EACCES));
  ASSERT_EQ(chmod((dir / "f").c_str(), 0700), 0);
  EXPECT_THAT(Call(SYS_access, dir / "f", X_OK), SucceedsWith(0));
}
TEST(Access, UnknownModeIsInvalid) { EXPECT_THAT(Call(SYS_access, "/", 8), FailsWith(EINVAL)); }
TEST(Access, UsesTheRealUserAndEaccessTheEffective) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  WriteFile(dir / "f", "x", 0600);
  InChild([&] {
    EXPECT_THAT(Call(SYS_setresuid, 65534, 0, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_access, dir / "f", R_OK), FailsWith(EACCES));
    EXPECT_THAT(Call(SYS_faccessat2, AT_FDCWD, dir / "f", R_OK, AT_EACCESS), SucceedsWith(0));
  });
}
TEST(Faccessat2, UnknownFlagIsInvalid) { EXPECT_THAT(Call(SYS_faccessat2, AT_FDCWD, "/", R_OK, 1), FailsWith(EINVAL)); }
TEST(Faccessat2, NofollowLooksAtTheLink) {
  const TempDir dir;
  ASSERT_EQ(symlink("nowhere", (dir / "l").c_str()), 0);
  EXPECT_THAT(Call(SYS_faccessat2, AT_FDCWD, dir / "l", F_OK, 0), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_faccessat2, AT_FDCWD, dir / "l", F_OK, AT_SYMLINK_NOFOLLOW), SucceedsWith(0));
}

}  // namespace tests
