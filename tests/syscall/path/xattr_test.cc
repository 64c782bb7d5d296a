// setxattr(2), getxattr(2), listxattr(2), removexattr(2), in the user namespace of names.
#include <sys/stat.h>
#include <sys/xattr.h>

#include "tests/lib/guest.h"

namespace tests {

class Xattr : public testing::Test {
 protected:
  void SetUp() override {
    WriteFile(file_, "x");
    if (Call(SYS_setxattr, file_, "user.probe", "1", 1, 0) == -EOPNOTSUPP) {
      GTEST_SKIP() << "the temporary directory has no user extended attributes";
    }
    Call(SYS_removexattr, file_, "user.probe");
  }
  TempDir dir_;
  std::string file_ = dir_ / "f";
};

TEST_F(Xattr, SetGetListRemove) {
  EXPECT_THAT(Call(SYS_setxattr, file_, "user.a", "value", 5, 0), SucceedsWith(0));
  char bytes[100];
  EXPECT_THAT(Call(SYS_getxattr, file_, "user.a", bytes, 100), SucceedsWith(5));
  EXPECT_EQ(std::string(bytes, 5), "value");
  const long length = Call(SYS_listxattr, file_, bytes, 100);
  ASSERT_THAT(length, Succeeds());
  EXPECT_NE(std::string(bytes, length).find("user.a"), std::string::npos);
  EXPECT_THAT(Call(SYS_removexattr, file_, "user.a"), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_getxattr, file_, "user.a", bytes, 100), FailsWith(ENODATA));
  EXPECT_THAT(Call(SYS_removexattr, file_, "user.a"), FailsWith(ENODATA));
}
TEST_F(Xattr, CreateAndReplaceFlags) {
  EXPECT_THAT(Call(SYS_setxattr, file_, "user.a", "1", 1, XATTR_REPLACE), FailsWith(ENODATA));
  EXPECT_THAT(Call(SYS_setxattr, file_, "user.a", "1", 1, XATTR_CREATE), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_setxattr, file_, "user.a", "1", 1, XATTR_CREATE), FailsWith(EEXIST));
  EXPECT_THAT(Call(SYS_setxattr, file_, "user.a", "1", 1, 8), FailsWith(EINVAL));
}
TEST_F(Xattr, SizeZeroAsksAndTooSmallIsErange) {
  EXPECT_THAT(Call(SYS_setxattr, file_, "user.a", "value", 5, 0), SucceedsWith(0));
  char bytes[4];
  EXPECT_THAT(Call(SYS_getxattr, file_, "user.a", nullptr, 0), SucceedsWith(5));
  EXPECT_THAT(Call(SYS_getxattr, file_, "user.a", bytes, 4), FailsWith(ERANGE));
}
TEST_F(Xattr, NameRules) {
  EXPECT_THAT(Call(SYS_setxattr, file_, "", "1", 1, 0), FailsWith(ERANGE));
  EXPECT_THAT(Call(SYS_setxattr, file_, "user." + std::string(300, 'n'), "1", 1, 0), FailsWith(ERANGE));
  EXPECT_THAT(Call(SYS_setxattr, file_, "nonsense.a", "1", 1, 0), FailsWith(EOPNOTSUPP));
}
TEST_F(Xattr, SymbolicLinksHaveNoUserAttributes) {
  ASSERT_EQ(symlink("f", (dir_ / "l").c_str()), 0);
  EXPECT_THAT(Call(SYS_lsetxattr, dir_ / "l", "user.a", "1", 1, 0), FailsWith(EPERM));
}
TEST_F(Xattr, ValueTooBigIsE2big) { EXPECT_THAT(Call(SYS_setxattr, file_, "user.a", "1", 65537, 0), FailsWith(E2BIG)); }

}  // namespace tests
