// The sentry's policy compiles, stays within its budget, and every rule says why.
#include "runsc-cli/boot/filter.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "gofer/server/filter.h"
#include "host/seccomp/compile.h"
#include "host/seccomp/dump.h"
#include "host/seccomp/precompiled.h"
#include "runsc-cli/boot/usual_policies.h"

namespace ringwall::boot {
namespace {

// A change of a policy is a change of the border: it shows in the diff of a file that people read. RINGWALL_UPDATE_GOLDEN=1 rewrites it.
void ExpectGolden(const host::Policy& policy, const std::string& leaf) {
  const std::string path = std::string(RINGWALL_GOLDEN_DIR "/") + leaf + ".txt";
  const std::string now = host::DumpPolicy(policy);
  if (std::getenv("RINGWALL_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << now;
    return;
  }
  std::ifstream file(path);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(golden.str(), now) << "run again with RINGWALL_UPDATE_GOLDEN=1 if " << path << " should say so";
}

TEST(SentryFilter, IsTheOneThatWasReviewedOnEveryPlatform) {
  for (const std::string& platform : PlatformsWithRules()) ExpectGolden(UsualSentryPolicy(platform), "sentry-" + platform);
}
TEST(GoferFilter, IsTheOneThatWasReviewed) { ExpectGolden(gofer::MakeGoferPolicy({.socket = 5, .proc_self_fd = 6}), "gofer"); }

// DESIGN.md, section 10.
TEST(SentryFilter, StaysWithinItsBudgetOnEveryPlatform) {
  for (const std::string& platform : PlatformsWithRules()) EXPECT_LE(UsualSentryPolicy(platform).CountCalls(), 60u) << platform;
}

// This test links the table of the real program.
TEST(Precompiled, EveryUsualPolicyIsInTheTableAndEqualsWhatTheCompilerMakes) {
  std::string error;
  for (const host::Policy& policy : UsualPolicies()) {
    const auto found = host::FindPrecompiled(policy);
    ASSERT_TRUE(found.has_value()) << policy.name();
    const auto compiled = host::Compile(policy, &error);
    ASSERT_TRUE(compiled.ok()) << error;
    const auto ours = found->program().code(), fresh = compiled->program().code();
    ASSERT_EQ(ours.size(), fresh.size()) << policy.name();
    EXPECT_EQ(std::memcmp(ours.data(), fresh.data(), ours.size_bytes()), 0) << policy.name();
  }
}

TEST(Precompiled, AChangedPolicyIsNotServed) {
  const host::Policy usual = UsualSentryPolicy("ptrace");
  EXPECT_FALSE(host::FindPrecompiled(MakeSentryPolicy({.gofer = 77, .listener = 8})).has_value());
  host::Policy wider = usual;
  wider.Allow("getppid", "not reviewed");
  EXPECT_FALSE(host::FindPrecompiled(wider).has_value());
  EXPECT_NE(host::Fingerprint(usual), host::Fingerprint(wider));
}

TEST(Precompiled, KnowsTheNamesOfHostCalls) {
  EXPECT_STREQ(host::HostCallName(257), "openat");
  EXPECT_STREQ(host::HostCallName(0), "read");
  EXPECT_EQ(host::HostCallName(511), nullptr);
  EXPECT_EQ(host::HostCallName(-1), nullptr);
}

TEST(SentryFilter, CompilesWithAndWithoutOptionalDescriptors) {
  std::string error;
  EXPECT_TRUE(host::Compile(MakeSentryPolicy({.gofer = 5, .listener = 8}), &error).ok()) << error;
  EXPECT_TRUE(host::Compile(MakeSentryPolicy({.gofer = 5}), &error).ok()) << error;
}

TEST(SentryFilter, EveryRuleStatesItsReason) {
  const host::Policy policy = MakeSentryPolicy({.gofer = 5, .listener = 8});
  for (const host::Rule& rule : policy.rules()) EXPECT_GT(rule.why.size(), 3u) << rule.call;
}

TEST(SentryFilter, NeverAllowsTheWaysOut) {
  const host::Policy policy = MakeSentryPolicy({.gofer = 5, .listener = 8});
  for (const host::Rule& rule : policy.rules()) {
    for (const char* call :
         {"execve",          "execveat",    "open",    "openat2", "open_by_handle_at", "socket", "connect",        "bind",
          "mount",           "unshare",     "setns",   "setuid",  "setresuid",         "bpf",    "io_uring_setup", "userfaultfd",
          "perf_event_open", "pidfd_getfd", "seccomp", "chroot",  "pivot_root"}) {
      EXPECT_NE(rule.call, call);
    }
    if (rule.call == "mmap" || rule.call == "mprotect" || rule.call == "clone" || rule.call == "ioctl" || rule.call == "openat") {
      EXPECT_FALSE(rule.args.empty()) << rule.call;
    }
  }
}

}  // namespace
}  // namespace ringwall::boot
