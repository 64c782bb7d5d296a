// Result, TRY and ErrnoName.
#include "base/error/result.h"

#include <errno.h>
#include <string.h>

#include <memory>
#include <string>

#include "gtest/gtest.h"

namespace ringwall {
namespace {

Result<int> Half(int n) {
  if (n % 2 != 0) return Errno::kEINVAL;
  return n / 2;
}
Result<int> Quarter(int n) {
  const int half = TRY(Half(n));
  return Half(half);
}
Result<void> Check(int n) {
  TRY(Quarter(n));
  return {};
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_TRUE(Quarter(6) == Errno::kEINVAL);
  EXPECT_TRUE(Check(8).ok());
  EXPECT_TRUE(Check(7) == Errno::kEINVAL);
}

TEST(Result, HoldsMoveOnlyValues) {
  Result<std::unique_ptr<std::string>> r = std::make_unique<std::string>("x");
  ASSERT_TRUE(r.ok());
  Result<std::unique_ptr<std::string>> moved = std::move(r);
  EXPECT_EQ(**moved, "x");
  moved = Errno::kEIO;
  EXPECT_TRUE(moved == Errno::kEIO);
}

TEST(ErrnoName, KnowsHostNumbers) {
  EXPECT_STREQ(ErrnoName(ErrnoFromHost(ENOENT)), "ENOENT");
  EXPECT_STREQ(ErrnoName(ErrnoFromHost(EHWPOISON)), "EHWPOISON");
  EXPECT_STREQ(ErrnoName(Errno::kRestartBlock), "ERESTART_RESTARTBLOCK");
  EXPECT_STREQ(ErrnoName(ErrnoFromHost(9999)), "EUNKNOWN");
}

TEST(ErrnoName, NamesAgreeWithLibc) {
  for (int e = 1; e <= 133; ++e) {
    const char* ours = ErrnoName(ErrnoFromHost(e));
    if (std::string(ours) == "EUNKNOWN") continue;
    const char* libc = strerrorname_np(e);
    ASSERT_NE(libc, nullptr) << e;
    if (e == EOPNOTSUPP) continue;  // glibc says ENOTSUP for the same number
    EXPECT_STREQ(ours, libc);
  }
}

}  // namespace
}  // namespace ringwall
