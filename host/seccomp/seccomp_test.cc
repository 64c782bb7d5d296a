// Policies: compiling, evaluating, dumping, and what a forbidden call does to a real process.
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/namespaces/capabilities.h"
#include "host/seccomp/compile.h"
#include "host/seccomp/dump.h"
#include "host/seccomp/evaluate.h"
#include "host/seccomp/sanitizer_rules.h"

namespace ringwall::host {
namespace {

using testing::HasSubstr;

Policy Minimal(DefaultAction action = DefaultAction::kTrap) {
  Policy p("test", action);
  p.Allow("write", "log lines").Allow("exit_group", "to end").Allow("rt_sigreturn", "signals");
  return p;
}

Filter MustCompile(const Policy& p) {
  std::string error;
  auto filter = Compile(p, &error);
  if (!filter.ok()) {
    ADD_FAILURE() << error;
    abort();
  }
  return std::move(filter).value();
}

std::string CompileError(const Policy& p) {
  std::string error;
  return Compile(p, &error).ok() ? "" : error;
}

TEST(Compile, AllowsWhatIsListedOnly) {
  const Filter f = MustCompile(Minimal());
  EXPECT_TRUE(Allows(f, "write"));
  EXPECT_FALSE(Allows(f, "read"));
  EXPECT_FALSE(Allows(f, "no_such_call"));
  EXPECT_EQ(Evaluate(f, {.number = SYS_read}) & SECCOMP_RET_ACTION_FULL, static_cast<uint32_t>(SECCOMP_RET_TRAP));
  // Another architecture's numbers, and x32 on this one, are never mistaken for ours.
  EXPECT_EQ(Evaluate(f, {.number = SYS_write, .arch = 0x40000003}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Evaluate(f, {.number = SYS_write | 0x40000000}), SECCOMP_RET_KILL_PROCESS);
}

TEST(Compile, ArgumentConstraints) {
  Policy p("args", DefaultAction::kKillProcess);
  p.Allow("fcntl", {ArgOneOf(1, {F_GETFL, F_SETFL})}, "one of");
  p.Allow("madvise", {ArgRange(2, 3, 12)}, "range");
  p.Allow("mmap", {ArgOnlyBits(2, 3), ArgMasked(3, 0x20, 0x20)}, "masks");
  p.Allow("lseek", {ArgRange(2, 0, 2)}, "lower end");
  p.Allow("prctl", {ArgEquals(0, 0xffffffff00000001)}, "all 64 bits");
  const Filter f = MustCompile(p);
  EXPECT_TRUE(Allows(f, "fcntl", {9, F_GETFL}));
  EXPECT_TRUE(Allows(f, "fcntl", {9, F_SETFL}));
  EXPECT_FALSE(Allows(f, "fcntl", {9, F_DUPFD}));
  for (uint64_t v = 0; v < 40; ++v) EXPECT_EQ(Allows(f, "madvise", {0, 0, v}), v >= 3 && v <= 12) << v;
  EXPECT_FALSE(Allows(f, "madvise", {0, 0, (uint64_t{1} << 32) + 4}));
  EXPECT_TRUE(Allows(f, "mmap", {0, 0, 3, 0x22}));
  EXPECT_FALSE(Allows(f, "mmap", {0, 0, 7, 0x22}));
  EXPECT_FALSE(Allows(f, "mmap", {0, 0, 3, 0x02}));
  EXPECT_TRUE(Allows(f, "lseek", {0, 0, 0}));
  EXPECT_FALSE(Allows(f, "lseek", {0, 0, 3}));
  EXPECT_TRUE(Allows(f, "prctl", {0xffffffff00000001}));
  EXPECT_FALSE(Allows(f, "prctl", {1}));
}

TEST(Compile, RangesAtTheEndsOfTheNumberLine) {
  Policy p("args", DefaultAction::kKillProcess);
  p.Allow("lseek", {ArgRange(1, UINT64_MAX - 5, UINT64_MAX)}, "top");
  p.Allow("madvise", {ArgRange(0, 0x7ffffffff, 0x1000000001)}, "across a power of two");
  const Filter f = MustCompile(p);
  EXPECT_TRUE(Allows(f, "lseek", {0, UINT64_MAX}));
  EXPECT_FALSE(Allows(f, "lseek", {0, UINT64_MAX - 6}));
  EXPECT_TRUE(Allows(f, "madvise", {0x7ffffffff}));
  EXPECT_TRUE(Allows(f, "madvise", {0x1000000001}));
  EXPECT_FALSE(Allows(f, "madvise", {0x7fffffffe}));
  EXPECT_FALSE(Allows(f, "madvise", {0x1000000002}));
}

TEST(Compile, ErrnoRules) {
  Policy p = Minimal();
  p.Fail("rseq", ENOSYS, "glibc tries it in each thread");
  const Filter f = MustCompile(p);
  EXPECT_EQ(Evaluate(f, {.number = SYS_rseq}), SECCOMP_RET_ERRNO | ENOSYS);
}

TEST(Compile, BadPoliciesGetASentence) {
  EXPECT_THAT(CompileError(Minimal().Allow("opeanat", "typo")), HasSubstr("opeanat: there is no such host call"));
  EXPECT_THAT(CompileError(Minimal().Allow("read", "")), HasSubstr("read gives no reason"));
  EXPECT_THAT(CompileError(Minimal().Allow("write", {ArgEquals(0, 2)}, "again")), HasSubstr("redundant"));
  EXPECT_THAT(CompileError(Minimal().Allow("read", {ArgRange(0, 5, 4)}, "empty")), HasSubstr("impossible"));
  EXPECT_THAT(CompileError(Minimal().Allow("read", {ArgEquals(0, 1), ArgEquals(0, 2)}, "twice")), HasSubstr("repeated"));
}

TEST(Dump, IsSortedAndGivesReasons) {
  Policy p("dump", DefaultAction::kTrap);
  p.Allow("write", "log lines");
  p.Allow("fcntl", {ArgOneOf(1, {3, 4})}, "non-blocking");
  p.Allow("mmap", {ArgOnlyBits(2, 3), ArgEquals(4, 7)}, "data");
  p.Fail("rseq", ENOSYS, "glibc");
  EXPECT_EQ(DumpPolicy(p),
            "policy dump: 3 calls, others: trap\n"
            "fcntl(arg1 in {0x3, 0x4})        # non-blocking\n"
            "mmap(arg2 & 0xfffffffffffffffc == 0 && arg4 == 0x7) # data\n"
            "rseq -> ENOSYS                   # glibc\n"
            "write                            # log lines\n");
}

// For processes that go on under it.
Filter Liveable() {
#ifdef RINGWALL_SANITIZED
  return MustCompile(WithSanitizerRules(Minimal()));
#else
  return MustCompile(Minimal());
#endif
}

TEST(InstallDeathTest, ForbiddenCallIsReportedByName) {
  const Filter filter = Liveable();
  EXPECT_EXIT(
      {
        InstallForbiddenCallReporter("sentry");
        if (!SetNoNewPrivs().ok() || !filter.Install(true).ok()) _exit(1);
        syscall(SYS_openat, -1, "/etc/passwd", O_RDONLY);
        _exit(2);
      },
      testing::ExitedWithCode(kForbiddenCallExitStatus), "sentry: forbidden host call openat \\(257\\), arguments 0xffffff");
}

TEST(InstallDeathTest, KillProcessKills) {
  const Filter filter = MustCompile(Minimal(DefaultAction::kKillProcess));
  EXPECT_EXIT(
      {
        if (!SetNoNewPrivs().ok() || !filter.Install(false).ok()) _exit(1);
        syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
        _exit(2);
      },
      testing::KilledBySignal(SIGSYS), "");
}

TEST(InstallDeathTest, AllowedCallsStillWork) {
  const Filter filter = Liveable();
  EXPECT_EXIT(
      {
        if (!SetNoNewPrivs().ok() || !filter.Install(true).ok()) _exit(1);
        const char text[] = "alive\n";
        (void)!write(2, text, strlen(text));
        _exit(0);
      },
      testing::ExitedWithCode(0), "alive");
}

}  // namespace
}  // namespace ringwall::host
