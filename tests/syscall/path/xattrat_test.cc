// setxattrat(2), getxattrat(2), listxattrat(2), removexattrat(2).
#include <fcntl.h>
#include <string.h>

#include "tests/lib/guest.h"

namespace {

using namespace tests;

constexpr int kSet = 463, kGet = 464, kList = 465, kRemove = 466;

struct Args {
  uint64_t value;
  uint32_t size, flags;
};

class XattrAt : public testing::Test {
 protected:
  void SetUp() override {
    if (Call(kList, AT_FDCWD, dir.path(), 0, nullptr, 0) == -ENOSYS) GTEST_SKIP() << "not in this kernel";
    WriteFile(dir / "file", "");
    if (Set("user.a", "1") == -EOPNOTSUPP) GTEST_SKIP() << "no attributes on this file system";
    at = ScopedFd(Call(SYS_open, dir.path(), O_RDONLY | O_DIRECTORY));
  }
  long Set(const char* name, const std::string& value, uint32_t flags = 0) {
    const Args args{reinterpret_cast<uint64_t>(value.data()), static_cast<uint32_t>(value.size()), flags};
    return Call(kSet, AT_FDCWD, dir / "file", 0, name, &args, sizeof(args));
  }
  TempDir dir;
  ScopedFd at;
};

TEST_F(XattrAt, SetAndGetByDirectory) {
  char buffer[16] = {};
  const Args args{reinterpret_cast<uint64_t>(buffer), sizeof(buffer), 0};
  EXPECT_THAT(Set("user.b", "value"), SucceedsWith(0));
  EXPECT_THAT(Call(kGet, at, "file", 0, "user.b", &args, sizeof(args)), SucceedsWith(5));
  EXPECT_STREQ(buffer, "value");
}

TEST_F(XattrAt, EmptyPathIsTheDescriptor) {
  const ScopedFd file(Call(SYS_open, dir / "file", O_RDONLY));
  char buffer[16] = {};
  const Args args{reinterpret_cast<uint64_t>(buffer), sizeof(buffer), 0};
  EXPECT_THAT(Call(kGet, file, "", AT_EMPTY_PATH, "user.a", &args, sizeof(args)), SucceedsWith(1));
  EXPECT_THAT(Call(kGet, file, "", 0, "user.a", &args, sizeof(args)), FailsWith(ENOENT));
}

TEST_F(XattrAt, ListAndRemove) {
  char buffer[64] = {};
  EXPECT_THAT(Call(kList, at, "file", 0, buffer, sizeof(buffer)), Succeeds());
  EXPECT_STREQ(buffer, "user.a");
  EXPECT_THAT(Call(kRemove, at, "file", 0, "user.a"), SucceedsWith(0));
  EXPECT_THAT(Call(kRemove, at, "file", 0, "user.a"), FailsWith(ENODATA));
}

TEST_F(XattrAt, FlagsOfTheArguments) {
  EXPECT_THAT(Set("user.a", "2", 1 /* XATTR_CREATE */), FailsWith(EEXIST));
  EXPECT_THAT(Set("user.c", "2", 2 /* XATTR_REPLACE */), FailsWith(ENODATA));
  char buffer[16];
  const Args args{reinterpret_cast<uint64_t>(buffer), sizeof(buffer), 1};
  EXPECT_THAT(Call(kGet, at, "file", 0, "user.a", &args, sizeof(args)), FailsWith(EINVAL));
}

TEST_F(XattrAt, StructureMayGrow) {
  struct {
    Args args;
    uint64_t more;
  } longer{{0, 0, 0}, 0};
  EXPECT_THAT(Call(kGet, at, "file", 0, "user.a", &longer, sizeof(longer)), SucceedsWith(1));
  longer.more = 1;
  EXPECT_THAT(Call(kGet, at, "file", 0, "user.a", &longer, sizeof(longer)), FailsWith(E2BIG));
  EXPECT_THAT(Call(kGet, at, "file", 0, "user.a", &longer, 15), FailsWith(EINVAL));
  EXPECT_THAT(Call(kGet, at, "file", 0x4000, "user.a", &longer.args, 16), FailsWith(EINVAL));
}

}  // namespace
