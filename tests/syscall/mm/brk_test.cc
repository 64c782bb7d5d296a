// brk(2) and growth of the stack.
#include <sys/resource.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Brk, GrowsWithZeroedMemoryAndShrinks) {
  InChild([] {
    const long start = Call(SYS_brk, 0);
    EXPECT_THAT(Call(SYS_brk, start + 4 * kPage), SucceedsWith(start + 4 * kPage));
    char* bytes = reinterpret_cast<char*>(start);
    EXPECT_EQ(bytes[3 * kPage], 0);
    bytes[3 * kPage] = 1;
    EXPECT_THAT(Call(SYS_brk, start), SucceedsWith(start));
    EXPECT_THAT(Call(SYS_brk, start + 4 * kPage), SucceedsWith(start + 4 * kPage));
    EXPECT_EQ(bytes[3 * kPage], 0);
  });
}
TEST(Brk, ImpossibleRequestReturnsTheOldBreak) {
  const long now = Call(SYS_brk, 0);
  EXPECT_THAT(Call(SYS_brk, 1), SucceedsWith(now));
  EXPECT_THAT(Call(SYS_brk, KernelAddress()), SucceedsWith(now));
}
TEST(Brk, DataLimitStopsIt) {
  InChild([] {
    const rlimit limit{1 << 20, 1 << 20};
    EXPECT_EQ(setrlimit(RLIMIT_DATA, &limit), 0);
    const long now = Call(SYS_brk, 0);
    EXPECT_THAT(Call(SYS_brk, now + (16 << 20)), SucceedsWith(now));
  });
}
static __attribute__((noinline)) int Deep(int depth) {
  volatile char frame[4096];
  frame[0] = static_cast<char>(depth);
  frame[4095] = 1;
  return depth == 0 ? 0 : Deep(depth - 1) + frame[4095];
}
TEST(Stack, GrowsAutomatically) { EXPECT_EQ(Deep(500), 500); }
ROLE(overflow_stack) { return Deep(100'000'000) != 0; }
TEST(Stack, OverflowOfTheLimitIsSigsegv) {
  EXPECT_THAT(ChildStatus([] {
                const rlimit limit{256 << 10, 256 << 10};
                setrlimit(RLIMIT_STACK, &limit);
                ExecRole("overflow_stack");
              }),
              KilledBy(SIGSEGV));
}

}  // namespace tests
