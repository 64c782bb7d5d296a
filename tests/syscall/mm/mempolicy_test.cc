// mbind(2), set_mempolicy(2), get_mempolicy(2); pkey_alloc(2), pkey_mprotect(2).
#include "tests/lib/guest.h"

namespace {

using namespace tests;

constexpr int kDefault = 0, kPreferred = 1, kBind = 2, kInterleave = 3;
constexpr long kMaxNode = 64;

class Mempolicy : public testing::Test {
 protected:
  void SetUp() override {
    int mode;
    if (Call(SYS_get_mempolicy, &mode, nullptr, 0, nullptr, 0) == -ENOSYS) GTEST_SKIP() << "a kernel without NUMA";
  }
};

TEST_F(Mempolicy, StartsAsDefault) {
  int mode = 77;
  EXPECT_THAT(Call(SYS_get_mempolicy, &mode, nullptr, 0, nullptr, 0), SucceedsWith(0));
  EXPECT_EQ(mode, kDefault);
  EXPECT_THAT(Call(SYS_set_mempolicy, kDefault, nullptr, 0), SucceedsWith(0));
}

TEST_F(Mempolicy, NodeZeroCanBeBoundTo) {
  InChild([] {
    const unsigned long node = 1;
    for (const int mode : {kPreferred, kBind, kInterleave})
      EXPECT_THAT(Call(SYS_set_mempolicy, mode, &node, kMaxNode), SucceedsWith(0)) << mode;
    const Mapping pages(2 * kPage);
    EXPECT_THAT(Call(SYS_mbind, pages, 2 * kPage, kBind, &node, kMaxNode, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_set_mempolicy, kDefault, nullptr, 0), SucceedsWith(0));
  });
}

TEST_F(Mempolicy, Errors) {
  const unsigned long node = 1;
  const Mapping pages(kPage);
  EXPECT_THAT(Call(SYS_set_mempolicy, 99, &node, kMaxNode), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_set_mempolicy, kDefault, &node, kMaxNode), FailsWith(EINVAL)) << "no nodes with the default";
  EXPECT_THAT(Call(SYS_set_mempolicy, kBind, nullptr, 0), FailsWith(EINVAL)) << "nodes are needed";
  EXPECT_THAT(Call(SYS_set_mempolicy, kBind, BadAddress(), kMaxNode), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_mbind, pages + 1, kPage, kBind, &node, kMaxNode, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_mbind, pages, kPage, 99, &node, kMaxNode, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_mbind, pages, kPage, kBind, BadAddress(), kMaxNode, 0), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_get_mempolicy, BadAddress(), nullptr, 0, nullptr, 0), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_get_mempolicy, nullptr, nullptr, 0, nullptr, 0x100), FailsWith(EINVAL));
}

// Whether the CPU has protection keys or not.
TEST(Pkeys, KeyIsRefusedOrWorks) {
  const Mapping page(kPage);
  EXPECT_THAT(Call(SYS_pkey_alloc, 1, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_pkey_alloc, 0, 8), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_pkey_mprotect, page, kPage, PROT_READ, -1), SucceedsWith(0)) << "as mprotect(2)";
  EXPECT_THAT(Call(SYS_pkey_mprotect, page, kPage, PROT_READ | PROT_WRITE, 99), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_pkey_free, 99), FailsWith(EINVAL));
  const long key = Call(SYS_pkey_alloc, 0, 0);
  if (key < 0) {
    EXPECT_THAT(key, FailsWithEither(EINVAL, ENOSPC));
  } else {
    EXPECT_THAT(Call(SYS_pkey_free, key), SucceedsWith(0));
  }
}

}  // namespace
