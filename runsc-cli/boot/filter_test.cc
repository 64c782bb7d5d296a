// The sentry's policy compiles, stays within its budget, and every rule says why.
#include "runsc-cli/boot/filter.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "gofer/server/filter.h"
#include "host/seccomp/compile.h"
#include "host/seccomp/dump.h"
#include "platform/ptrace/filter.h"

namespace ringwall::boot {
namespace {

// As the real one, with every optional descriptor.
host::Policy WholePolicy() { return MakeSentryPolicy({.gofer = 5, .listener = 8, .platform = platform::ptrace::TracerRules(10)}); }

// A change of a policy is a change of the border: it shows in the diff of a file that people read. RINGWALL_UPDATE_GOLDEN=1 rewrites it.
void ExpectGolden(const host::Policy& policy) {
  const std::string path = std::string(RINGWALL_GOLDEN_DIR "/") + policy.name() + ".txt";
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

TEST(SentryFilter, IsTheOneThatWasReviewed) { ExpectGolden(WholePolicy()); }
TEST(GoferFilter, IsTheOneThatWasReviewed) { ExpectGolden(gofer::MakeGoferPolicy({.socket = 5, .proc_self_fd = 6})); }

// DESIGN.md, section 10.
TEST(SentryFilter, StaysWithinItsBudget) { EXPECT_LE(WholePolicy().CountCalls(), 60u); }

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
