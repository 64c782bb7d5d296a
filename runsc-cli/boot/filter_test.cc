// The sentry's policy compiles, stays within its budget, and every rule says why.
#include "runsc-cli/boot/filter.h"

#include <gtest/gtest.h>

#include "host/seccomp/compile.h"

namespace ringwall::boot {
namespace {

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
