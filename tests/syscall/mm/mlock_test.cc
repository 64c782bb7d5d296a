// mlock(2), mlock2(2), mlockall(2).
#include <sys/resource.h>

#include "tests/lib/guest.h"

namespace {

using namespace tests;

constexpr int kOnFault = 1;

TEST(Mlock2, LocksAndUnlocks) {
  const Mapping pages(2 * kPage);
  EXPECT_THAT(Call(SYS_mlock2, pages, kPage, 0), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_madvise, pages, kPage, MADV_DONTNEED), FailsWith(EINVAL)) << "locked memory stays";
  EXPECT_THAT(Call(SYS_munlock, pages, kPage), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_madvise, pages, kPage, MADV_DONTNEED), SucceedsWith(0));
}

TEST(Mlock2, OnFaultBringsNothingIn) {
  const Mapping pages(2 * kPage);
  EXPECT_THAT(Call(SYS_mlock2, pages, 2 * kPage, kOnFault), SucceedsWith(0));
  unsigned char in[2] = {1, 1};
  EXPECT_THAT(Call(SYS_mincore, pages, 2 * kPage, in), SucceedsWith(0));
  EXPECT_EQ(in[0] & 1, 0);
  EXPECT_THAT(Call(SYS_mlock2, pages, 2 * kPage, 0), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_mincore, pages, 2 * kPage, in), SucceedsWith(0));
  EXPECT_EQ(in[1] & 1, 1);
}

TEST(Mlock2, Errors) {
  const Mapping pages(2 * kPage);
  EXPECT_THAT(Call(SYS_mlock2, pages, kPage, 2), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_munmap, pages + kPage, kPage), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_mlock2, pages, 2 * kPage, 0), FailsWith(ENOMEM)) << "a hole";
  EXPECT_THAT(Call(SYS_mlock2, pages, 0, 0), SucceedsWith(0));
}

TEST(Mlockall, CoversWhatIsMappedAndWhatComes) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    EXPECT_THAT(Call(SYS_mlockall, 3), SucceedsWith(0));
    const Mapping later(kPage);
    EXPECT_THAT(Call(SYS_madvise, later, kPage, MADV_DONTNEED), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_munlockall), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_madvise, later, kPage, MADV_DONTNEED), SucceedsWith(0));
    const Mapping after(kPage);
    EXPECT_THAT(Call(SYS_madvise, after, kPage, MADV_DONTNEED), SucceedsWith(0)) << "MCL_FUTURE is over too";
  });
}

TEST(Mlockall, Errors) {
  EXPECT_THAT(Call(SYS_mlockall, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_mlockall, 4), FailsWith(EINVAL)) << "MCL_ONFAULT alone";
  EXPECT_THAT(Call(SYS_mlockall, 8), FailsWith(EINVAL));
}

TEST(Mlockall, WithoutAnyLimitNeedsThePrivilege) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    const rlimit none{0, 0};
    EXPECT_EQ(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    DropToNobody();
    EXPECT_THAT(Call(SYS_mlockall, 1), FailsWith(EPERM));
    const Mapping page(kPage);
    EXPECT_THAT(Call(SYS_mlock2, page, kPage, 0), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_munlockall), SucceedsWith(0));
  });
}

}  // namespace
