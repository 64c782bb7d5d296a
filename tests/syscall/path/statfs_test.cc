// statfs(2), fstatfs(2).
#include <linux/magic.h>
#include <sys/vfs.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Statfs, DescribesAFileSystem) {
  const TempDir dir;
  struct statfs info = {};
  EXPECT_THAT(Call(SYS_statfs, dir.path(), &info), SucceedsWith(0));
  EXPECT_GT(info.f_bsize, 0);
  EXPECT_GE(info.f_blocks, info.f_bfree);
  EXPECT_EQ(info.f_namelen, 255);
}
TEST(Statfs, ProcHasItsMagic) {
  struct statfs info = {};
  EXPECT_THAT(Call(SYS_statfs, "/proc", &info), SucceedsWith(0));
  EXPECT_EQ(info.f_type, PROC_SUPER_MAGIC);
}
TEST(Statfs, PipesHaveTheirMagic) {
  const Pipe pipe;
  struct statfs info = {};
  EXPECT_THAT(Call(SYS_fstatfs, pipe.reader, &info), SucceedsWith(0));
  EXPECT_EQ(info.f_type, 0x50495045);
}
TEST(Statfs, Errors) {
  struct statfs info;
  EXPECT_THAT(Call(SYS_statfs, "/no/such/file", &info), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_statfs, "/", BadAddress()), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_fstatfs, 9999, &info), FailsWith(EBADF));
}

}  // namespace tests
