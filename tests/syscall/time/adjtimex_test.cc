// adjtimex(2), clock_adjtime(2): reading.
#include <sys/timex.h>

#include "tests/lib/guest.h"

namespace {

using namespace tests;

TEST(Adjtimex, ReadingNeedsNoPrivilege) {
  timex values{};
  const long state = Call(SYS_adjtimex, &values);
  EXPECT_GE(state, TIME_OK);
  EXPECT_LE(state, TIME_ERROR);
  EXPECT_GE(values.tick, 9000);
  EXPECT_LE(values.tick, 11000);
  EXPECT_LE(labs(values.time.tv_sec - NowNs(CLOCK_REALTIME) / 1'000'000'000), 2);
}

TEST(Adjtimex, SettingNeedsPrivilege) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    DropToNobody();
    timex values{};
    values.modes = ADJ_FREQUENCY;
    EXPECT_THAT(Call(SYS_adjtimex, &values), FailsWith(EPERM));
    values.modes = ADJ_OFFSET_SINGLESHOT;
    EXPECT_THAT(Call(SYS_adjtimex, &values), FailsWith(EPERM));
    values.modes = ADJ_OFFSET_SS_READ;
    EXPECT_THAT(Call(SYS_adjtimex, &values), Succeeds());
  });
}

TEST(Adjtimex, Faults) { EXPECT_THAT(Call(SYS_adjtimex, BadAddress()), FailsWith(EFAULT)); }

TEST(ClockAdjtime, OnlyTheRealClock) {
  timex values{};
  EXPECT_THAT(Call(SYS_clock_adjtime, CLOCK_REALTIME, &values), Succeeds());
  EXPECT_THAT(Call(SYS_clock_adjtime, CLOCK_MONOTONIC, &values), FailsWith(EOPNOTSUPP));
  EXPECT_THAT(Call(SYS_clock_adjtime, 77, &values), FailsWith(EINVAL));
}

}  // namespace
