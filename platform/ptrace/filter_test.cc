// The stubs' seccomp filter: every rule has a reason and a place, and what no rule names is not allowed.
#include "platform/ptrace/filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "gtest/gtest.h"

namespace ringwall::platform::ptrace {
namespace {

// The few instructions that the filter uses (seccomp(2), bpf in the kernel's documentation).
uint32_t Evaluate(const seccomp_data& data) {
  static const std::vector<sock_filter> program = BuildStubFilter();
  uint32_t a = 0;
  for (size_t pc = 0; pc < program.size(); ++pc) {
    const sock_filter& i = program[pc];
    switch (BPF_CLASS(i.code)) {
      case BPF_LD: std::memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, sizeof(a)); break;
      case BPF_RET: return i.k;
      case BPF_JMP: {
        const bool yes = BPF_OP(i.code) == BPF_JEQ ? a == i.k : BPF_OP(i.code) == BPF_JGE ? a >= i.k : (a & i.k) != 0;
        pc += yes ? i.jt : i.jf;
        break;
      }
      default: ADD_FAILURE(); return 0;
    }
  }
  ADD_FAILURE() << "fell off the end";
  return 0;
}

uint32_t Verdict(int number, std::initializer_list<uint64_t> arguments = {}, uint32_t arch = AUDIT_ARCH_X86_64) {
  seccomp_data data{};
  data.nr = number;
  data.arch = arch;
  std::copy(arguments.begin(), arguments.end(), data.args);
  return Evaluate(data);
}

TEST(StubFilter, AllowsWhatTheBlobDoes) {
  EXPECT_EQ(Verdict(SYS_mmap, {0, 4096, 3, MAP_FIXED | MAP_PRIVATE}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Verdict(SYS_clone, {kThreadCloneFlags}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Verdict(SYS_clone, {kProcessCloneFlags}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Verdict(SYS_close, {2}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Verdict(SYS_exit), SECCOMP_RET_ALLOW);
}

TEST(StubFilter, KillsEverythingElse) {
  for (int number = 0; number < 1024; ++number) {
    const bool named = std::any_of(StubRules().begin(), StubRules().end(),
                                   [&](const StubRule& rule) { return rule.number == static_cast<uint32_t>(number); });
    if (named || number == SYS_time || number == SYS_gettimeofday || number == SYS_getcpu) continue;
    EXPECT_EQ(Verdict(number), SECCOMP_RET_KILL_PROCESS) << number;
  }
  EXPECT_EQ(Verdict(SYS_mmap, {0, 4096, 3, MAP_PRIVATE}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Verdict(SYS_clone, {kThreadCloneFlags | 0x10000000}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Verdict(SYS_clone, {0x11}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Verdict(SYS_close, {0}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Verdict(SYS_recvmsg, {5}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Verdict(SYS_mmap | 0x40000000, {0, 4096, 3, MAP_FIXED}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Verdict(SYS_exit, {}, AUDIT_ARCH_I386), SECCOMP_RET_KILL_PROCESS);
}

TEST(StubFilter, VsyscallsComeBackAsSignals) {
  for (int number : {SYS_time, SYS_gettimeofday, SYS_getcpu}) EXPECT_EQ(Verdict(number), SECCOMP_RET_TRAP);
}

TEST(StubFilter, EveryRuleSaysWhy) {
  for (const StubRule& rule : StubRules()) EXPECT_GT(std::strlen(rule.why), 5u);
}

}  // namespace
}  // namespace ringwall::platform::ptrace
