// mseal(2).
#include "tests/lib/guest.h"

namespace {

using namespace tests;

constexpr long kMseal = 462;

class Mseal : public testing::Test {
 protected:
  void SetUp() override {
    if (Call(kMseal, nullptr, 0, 0) == -ENOSYS) GTEST_SKIP() << "not in this kernel";
  }
};

TEST_F(Mseal, SealedMemoryKeepsPlaceAndProtection) {
  InChild([] {
    const Mapping pages(4 * kPage), other(kPage);
    memset(pages.get(), 'x', 4 * kPage);
    EXPECT_THAT(Call(kMseal, pages + kPage, 2 * kPage, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_munmap, pages + kPage, kPage), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_munmap, pages, 4 * kPage), FailsWith(EPERM));
    EXPECT_TRUE(IsMapped(pages.get())) << "all or nothing";
    EXPECT_THAT(Call(SYS_mprotect, pages + kPage, kPage, PROT_READ), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_mremap, pages + kPage, kPage, 2 * kPage, MREMAP_MAYMOVE, 0), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_mremap, other, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, pages + kPage), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_mmap, pages + 2 * kPage, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), FailsWith(EPERM));
    EXPECT_EQ(pages.get()[kPage], 'x');
    EXPECT_EQ(pages.get()[2 * kPage], 'x');
    EXPECT_THAT(Call(SYS_munmap, pages, kPage), SucceedsWith(0)) << "its neighbours are free";
    EXPECT_THAT(Call(kMseal, pages + kPage, 2 * kPage, 0), SucceedsWith(0)) << "again";
  });
}

TEST_F(Mseal, ProtectionBeforeTheSealIsChanged) {
  InChild([] {
    const Mapping pages(2 * kPage);
    EXPECT_THAT(Call(kMseal, pages + kPage, kPage, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_mprotect, pages, 2 * kPage, PROT_READ), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_getrandom, pages, 8, 0), FailsWith(EFAULT)) << "the first page went ahead";
  });
}

TEST_F(Mseal, WhoMayNotWriteMayNotDiscard) {
  InChild([] {
    const Mapping pages(kPage);
    pages.get()[0] = 'x';
    EXPECT_THAT(Call(SYS_mprotect, pages, kPage, PROT_READ), SucceedsWith(0));
    EXPECT_THAT(Call(kMseal, pages, kPage, 0), SucceedsWith(0));
    for (const int advice : {MADV_DONTNEED, MADV_FREE, MADV_DONTFORK, MADV_WIPEONFORK}) {
      EXPECT_THAT(Call(SYS_madvise, pages, kPage, advice), FailsWith(EPERM)) << advice;
    }
    EXPECT_THAT(Call(SYS_madvise, pages, kPage, MADV_WILLNEED), SucceedsWith(0));
    EXPECT_EQ(pages.get()[0], 'x');
    const Mapping writable(kPage);
    EXPECT_THAT(Call(kMseal, writable, kPage, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_madvise, writable, kPage, MADV_DONTNEED), SucceedsWith(0)) << "it could be zeroed anyway";
  });
}

TEST_F(Mseal, ChildrenInheritSeals) {
  InChild([] {
    const Mapping pages(kPage);
    EXPECT_THAT(Call(kMseal, pages, kPage, 0), SucceedsWith(0));
    InChild([&] { EXPECT_THAT(Call(SYS_munmap, pages, kPage), FailsWith(EPERM)); });
  });
}

TEST_F(Mseal, Errors) {
  const Mapping pages(3 * kPage);
  EXPECT_THAT(Call(kMseal, pages, kPage, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(kMseal, pages + 1, kPage, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(kMseal, pages, ~0UL, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(kMseal, pages, ~0UL - 3 * kPage, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(kMseal, pages, 0, 0), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_munmap, pages + kPage, kPage), SucceedsWith(0));
  EXPECT_THAT(Call(kMseal, pages, 3 * kPage, 0), FailsWith(ENOMEM));
  EXPECT_THAT(Call(SYS_munmap, pages, 3 * kPage), SucceedsWith(0)) << "a refused seal seals nothing";
}

}  // namespace
