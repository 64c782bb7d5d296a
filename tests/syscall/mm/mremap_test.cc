// mremap(2).
#include "tests/lib/guest.h"

namespace tests {

TEST(Mremap, ShrinksInPlace) {
  const Mapping map(3 * kPage);
  EXPECT_THAT(Call(SYS_mremap, map, 3 * kPage, kPage, 0), SucceedsWith(reinterpret_cast<long>(map.get())));
  EXPECT_TRUE(IsMapped(map.get()));
  EXPECT_FALSE(IsMapped(map + kPage));
}
TEST(Mremap, GrowsByMovingAndKeepsTheContent) {
  const Mapping map(2 * kPage);
  memcpy(map.get(), "content", 7);
  // The second page blocks the growth of the first in place.
  const long moved = Call(SYS_mremap, map, kPage, 4 * kPage, MREMAP_MAYMOVE);
  ASSERT_THAT(moved, Succeeds());
  EXPECT_EQ(std::string(reinterpret_cast<char*>(moved), 7), "content");
  EXPECT_EQ(reinterpret_cast<char*>(moved)[3 * kPage], 0);
  EXPECT_FALSE(IsMapped(map.get()));
  EXPECT_THAT(Call(SYS_munmap, moved, 4 * kPage), SucceedsWith(0));
}
TEST(Mremap, WithoutMaymoveBlockedGrowthIsEnomem) {
  const Mapping map(2 * kPage);
  EXPECT_THAT(Call(SYS_mremap, map, kPage, 2 * kPage, 0), FailsWith(ENOMEM));
}
TEST(Mremap, FixedMovesOverWhatIsThere) {
  const Mapping from(kPage), to(kPage);
  from.get()[0] = 'f';
  to.get()[0] = 't';
  EXPECT_THAT(Call(SYS_mremap, from, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, to), SucceedsWith(reinterpret_cast<long>(to.get())));
  EXPECT_EQ(to.get()[0], 'f');
  EXPECT_FALSE(IsMapped(from.get()));
}
TEST(Mremap, ArgumentErrors) {
  const Mapping map(4 * kPage);
  EXPECT_THAT(Call(SYS_mremap, map + 1, kPage, kPage, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_mremap, map, kPage, 0, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_mremap, map, kPage, kPage, 0x80), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_mremap, map, kPage, kPage, MREMAP_FIXED, map + kPage), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_mremap, map, 2 * kPage, 2 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, map + kPage), FailsWith(EINVAL));
}
TEST(Mremap, UnmappedSourceFaults) {
  char* at;
  {
    const Mapping map(kPage);
    at = map.get();
  }
  EXPECT_THAT(Call(SYS_mremap, at, kPage, 2 * kPage, MREMAP_MAYMOVE), FailsWith(EFAULT));
}
TEST(Mremap, WhatMovedAndThenGrewInPlaceMovesAsOne) {
  const Mapping room(16 * kPage), target(16 * kPage);
  char* const at = room.get();
  memset(at + 8 * kPage, 'a', 2 * kPage);
  EXPECT_THAT(Call(SYS_munmap, at, 8 * kPage), SucceedsWith(0));
  ASSERT_THAT(Call(SYS_mremap, at + 8 * kPage, 2 * kPage, 2 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, at),
              SucceedsWith(reinterpret_cast<long>(at)));
  for (int pages = 2; pages < 5; ++pages) {
    ASSERT_THAT(Call(SYS_mremap, at, pages * kPage, (pages + 1) * kPage, 0), SucceedsWith(reinterpret_cast<long>(at)));
    at[pages * kPage] = static_cast<char>('0' + pages);
  }
  ASSERT_THAT(Call(SYS_mremap, at, 5 * kPage, 7 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, target),
              SucceedsWith(reinterpret_cast<long>(target.get())));
  EXPECT_EQ(target.get()[0], 'a');
  EXPECT_EQ(target.get()[2 * kPage - 1], 'a');
  for (int pages = 2; pages < 5; ++pages) EXPECT_EQ(target.get()[pages * kPage], '0' + pages);
  EXPECT_EQ(target.get()[6 * kPage], 0);
  EXPECT_FALSE(IsMapped(at));
  EXPECT_FALSE(IsMapped(at + 4 * kPage));
  target.get()[6 * kPage] = 'z';
  ASSERT_THAT(Call(SYS_mremap, target, 7 * kPage, 7 * kPage, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0), Succeeds());
  EXPECT_EQ(target.get()[0], 0);
}
TEST(Mremap, SharedFileMappingKeepsItsFile) {
  const ScopedFd fd = TempFile(std::string(kPage, 'a') + std::string(kPage, 'b'));
  const Mapping map(kPage, PROT_READ, MAP_SHARED, fd.get());
  const long moved = Call(SYS_mremap, map, kPage, 2 * kPage, MREMAP_MAYMOVE);
  ASSERT_THAT(moved, Succeeds());
  EXPECT_EQ(reinterpret_cast<char*>(moved)[kPage], 'b');
  EXPECT_THAT(Call(SYS_munmap, moved, 2 * kPage), SucceedsWith(0));
}
TEST(Mremap, DontunmapLeavesAnEmptyMapping) {
  const Mapping map(kPage);
  map.get()[0] = 'x';
  const long moved = Call(SYS_mremap, map, kPage, kPage, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
  ASSERT_THAT(moved, Succeeds());
  EXPECT_EQ(*reinterpret_cast<char*>(moved), 'x');
  EXPECT_EQ(map.get()[0], 0);
  EXPECT_THAT(Call(SYS_munmap, moved, kPage), SucceedsWith(0));
}

}  // namespace tests
