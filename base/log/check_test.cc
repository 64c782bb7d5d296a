// CHECK, HostFatal and crash hooks.
#include "base/log/check.h"

#include <errno.h>

#include "base/log/log.h"
#include "gtest/gtest.h"

namespace ringwall {
namespace {

TEST(CheckDeathTest, NamesTheConditionAndRunsHooks) {
  CHECK(1 + 1 == 2);
  EXPECT_DEATH(
      {
        AddCrashHook([] { RawLog("hook ran"); });
        CHECK(1 + 1 == 3);
      },
      "check_test.cc:[0-9]+: check failed: 1 \\+ 1 == 3\nhook ran");
}

TEST(CheckDeathTest, FailureInsideAHookEnds) {
  EXPECT_DEATH(
      {
        AddCrashHook([] { CHECK(!"inner"); });
        CHECK(!"outer");
      },
      "outer.*\n.*inner");
}

TEST(CheckDeathTest, HostFatalNamesCallAndErrno) { EXPECT_DEATH(HostFatal("mmap", ENOMEM), "host call failed: mmap: ENOMEM \\(12\\)"); }

}  // namespace
}  // namespace ringwall
