// syslog(2): what an unprivileged process may not, and arguments.
#include "tests/lib/guest.h"

namespace {

using namespace tests;

constexpr int kRead = 2, kReadAll = 3, kClear = 5, kConsoleLevel = 8, kSizeUnread = 9, kSizeBuffer = 10;

TEST(Syslog, SizeOfTheBufferIsPositive) {
  SKIP_UNLESS_ROOT();
  EXPECT_GE(Call(SYS_syslog, kSizeBuffer, nullptr, 0), 1024);
  EXPECT_GE(Call(SYS_syslog, kSizeUnread, nullptr, 0), 0);
}

TEST(Syslog, Arguments) {
  SKIP_UNLESS_ROOT();
  char text[16];
  EXPECT_THAT(Call(SYS_syslog, kReadAll, nullptr, 10), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_syslog, kReadAll, text, -1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_syslog, kRead, nullptr, 10), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_syslog, kReadAll, text, 0), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_syslog, kConsoleLevel, nullptr, 9), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_syslog, 11, nullptr, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_syslog, -1, nullptr, 0), FailsWith(EINVAL));
}

TEST(Syslog, OthersMayNotClear) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_syslog, kClear, nullptr, 0), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_syslog, kRead, nullptr, 0), FailsWith(EPERM));
  });
}

}  // namespace
