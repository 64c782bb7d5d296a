// truncate(2).
#include <sys/stat.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Truncate, CutsAFileByPath) {
  const TempDir dir;
  WriteFile(dir / "f", "abcdef");
  EXPECT_THAT(Call(SYS_truncate, dir / "f", 3), SucceedsWith(0));
  EXPECT_EQ(ReadFile(dir / "f"), "abc");
}
TEST(Truncate, DirectoryMissingAndNegative) {
  const TempDir dir;
  WriteFile(dir / "f", "abcdef");
  EXPECT_THAT(Call(SYS_truncate, dir.path(), 0), FailsWith(EISDIR));
  EXPECT_THAT(Call(SYS_truncate, dir / "none", 0), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_truncate, dir / "f", -1), FailsWith(EINVAL));
}
TEST(Truncate, NeedsWritePermission) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  WriteFile(dir / "f", "abcdef", 0644);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_truncate, dir / "f", 0), FailsWith(EACCES));
  });
}

}  // namespace tests
