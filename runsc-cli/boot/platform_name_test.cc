// One sentence per mistake, and the operator's flag wins over the bundle.
#include "runsc-cli/boot/platform_name.h"

#include <gtest/gtest.h>

namespace ringwall::boot {
namespace {

TEST(PlatformName, KnownOnesPassAndOthersAreNamed) {
  for (const char* good : {"auto", "systrap", "ptrace"}) EXPECT_TRUE(CheckPlatformName("--platform", good).ok()) << good;
  EXPECT_EQ(CheckPlatformName("--platform", "kvm").message(),
            "--platform: \"kvm\" is not available in this version; use auto, systrap or ptrace");
  EXPECT_EQ(CheckPlatformName("--platform", "x\ny").message(), "--platform: found \"x?y\", wanted auto, systrap, ptrace or kvm");
  EXPECT_FALSE(CheckPlatformName("--platform", "").ok());
}

TEST(PlatformName, AnAnnotationCountsWhereTheFlagSaysNothing) {
  EXPECT_EQ(PlatformOf("auto", {}).value(), "auto");
  EXPECT_EQ(PlatformOf("auto", {{"other", "x"}}).value(), "auto");
  EXPECT_EQ(PlatformOf("auto", {{kPlatformAnnotation, "ptrace"}}).value(), "ptrace");
  EXPECT_EQ(PlatformOf("systrap", {{kPlatformAnnotation, "ptrace"}}).value(), "systrap");
}

TEST(PlatformName, AWrongAnnotationIsToldWithItsName) {
  for (const char* flag : {"auto", "ptrace"}) {
    const auto wrong = PlatformOf(flag, {{kPlatformAnnotation, "fast"}});
    ASSERT_FALSE(wrong.ok());
    EXPECT_EQ(wrong.status().message(),
              "config.json: annotations[\"dev.ringwall.platform\"]: found \"fast\", wanted auto, systrap, ptrace or kvm");
  }
}

}  // namespace
}  // namespace ringwall::boot
