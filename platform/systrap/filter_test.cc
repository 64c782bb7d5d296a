// The stubs' seccomp program: the table of docs/adr/0005 as verdicts, and the sentry's copy of the decision.
#include "platform/systrap/filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>

#include "gtest/gtest.h"
#include "platform/systrap/guest/layout.h"
#include "platform/systrap/seccomp_abi.h"

namespace ringwall::platform::systrap {
namespace {

constexpr uint64_t kStub = kCodeAddress + 0x100;
constexpr uint64_t kGuest = 0x401000;

// The few instructions that the filter uses (seccomp(2), bpf in the kernel's documentation).
uint32_t Evaluate(const seccomp_data& data) {
  static const std::vector<sock_filter> program = BuildStubFilter();
  uint32_t a = 0, x = 0;
  for (size_t pc = 0; pc < program.size(); ++pc) {
    const sock_filter& i = program[pc];
    switch (BPF_CLASS(i.code)) {
      case BPF_LD: std::memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, sizeof(a)); break;
      case BPF_MISC: x = a; break;
      case BPF_ALU: a = BPF_OP(i.code) == BPF_AND ? a & i.k : a + x; break;
      case BPF_RET: return i.k;
      case BPF_JMP: {
        const uint16_t op = BPF_OP(i.code);
        const bool yes = op == BPF_JEQ ? a == i.k : op == BPF_JGE ? a >= i.k : op == BPF_JGT ? a > i.k : (a & i.k) != 0;
        pc += yes ? i.jt : i.jf;
        break;
      }
      default: ADD_FAILURE(); return 0;
    }
  }
  ADD_FAILURE() << "fell off the end";
  return 0;
}

uint32_t Verdict(uint64_t ip, int number, std::initializer_list<uint64_t> arguments = {}, uint32_t arch = AUDIT_ARCH_X86_64) {
  seccomp_data data{};
  data.nr = number;
  data.arch = arch;
  data.instruction_pointer = ip;
  std::copy(arguments.begin(), arguments.end(), data.args);
  return Evaluate(data);
}

constexpr uint64_t kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
constexpr uint64_t kNoFile = ~uint64_t{0};

TEST(StubFilter, GuestCallsAreSignals) {
  for (const uint64_t ip : {kGuest, uint64_t{0x7ffff7fc1000}, kCodeAddress - 1, kCodeAddress + kCodeBytes, kFirstCallAddress + 7,
                            uint64_t{0xffffffffff600000}, kCodeAddress - (uint64_t{1} << 32), kCodeAddress + (uint64_t{1} << 32)}) {
    for (int number = -1; number < 600; ++number) EXPECT_EQ(Verdict(ip, number), SECCOMP_RET_TRAP) << std::hex << ip << " " << number;
    EXPECT_EQ(Verdict(ip, SYS_getpid | 0x40000000), SECCOMP_RET_TRAP);
  }
  EXPECT_EQ(Verdict(kStub, SYS_exit, {}, AUDIT_ARCH_I386), SECCOMP_RET_TRAP);
}

TEST(StubFilter, OnlyPrivateMemoryBelowTheContextsIsTheStubsOwn) {
  EXPECT_EQ(Verdict(kStub, SYS_mmap, {0x10000, 0x1000, 7, kAnonymous, kNoFile, 0}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Verdict(kStub, SYS_mmap, {0x10000, 0x1000, 7, kAnonymous | MAP_GROWSDOWN | MAP_NORESERVE, kNoFile, 0}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Verdict(kStub, SYS_mmap, {0x10000, 0x1000, 1, MAP_PRIVATE | MAP_FIXED, kFirstFile, 0}), SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(Verdict(kStub, SYS_mmap, {0x10000, 0x1000, 1, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, kNoFile, 0}), SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(Verdict(kStub, SYS_mmap, {0x10000, 0x1000, 1, MAP_PRIVATE | MAP_ANONYMOUS, kNoFile, 0}), SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(Verdict(kStub, SYS_mmap, {0x10000, 0x1000, 1, kAnonymous | MAP_LOCKED, kNoFile, 0}), SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(Verdict(kStub, SYS_munmap, {0x10000, 0x1000}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Verdict(kStub, SYS_mprotect, {0x10000, 0x1000, PROT_READ | PROT_EXEC}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Verdict(kStub, SYS_getrusage, {1 /*RUSAGE_THREAD*/, 0x10000}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Verdict(kStub, SYS_getrusage, {0, 0x10000}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Verdict(kStub, SYS_mprotect, {0x10000, 0x1000, PROT_READ | PROT_WRITE}), SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(Verdict(kStub, SYS_mprotect, {0x10000, 0x1000, PROT_READ | PROT_GROWSDOWN}), SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(Verdict(kStub, SYS_mremap, {0x10000, 0x1000, 0x2000, MREMAP_MAYMOVE | MREMAP_FIXED, 0x20000}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Verdict(kStub, SYS_madvise, {0x10000, 0x1000, MADV_DONTNEED}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Verdict(kStub, SYS_madvise, {0x10000, 0x1000, MADV_MERGEABLE}), SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(Verdict(kStub, SYS_madvise, {0x10000, 0x1000, 100}), SECCOMP_RET_USER_NOTIF);
}

TEST(StubFilter, ContextsAndCodeAreOutOfReach) {
  for (const uint64_t address : {kContextsAddress, ContextAddress(7), kCodeAddress, kZygoteAddress, kContextsAddress - 0x1000}) {
    EXPECT_EQ(Verdict(kStub, SYS_mmap, {address, 0x1000, 7, kAnonymous, kNoFile, 0}), SECCOMP_RET_USER_NOTIF);
    EXPECT_EQ(Verdict(kStub, SYS_munmap, {address, 0x1000}), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(Verdict(kStub, SYS_mprotect, {address, 0x1000, PROT_READ}), SECCOMP_RET_USER_NOTIF);
    EXPECT_EQ(Verdict(kStub, SYS_mremap, {address, 0x1000, 0x1000, 3, 0x10000}), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(Verdict(kStub, SYS_mremap, {0x10000, 0x1000, 0x1000, 3, address}), SECCOMP_RET_KILL_PROCESS);
    // A child that inherits a context could write to it when it is another's.
    EXPECT_EQ(Verdict(kStub, SYS_madvise, {address, 0x1000, MADV_DOFORK}), SECCOMP_RET_USER_NOTIF);
  }
  // Lengths that reach up there, or wrap around.
  for (const uint64_t length : {kContextsAddress, ~uint64_t{0}, ~uint64_t{0} - 0xffff, uint64_t{0xffffffff00000000}, uint64_t{1} << 63}) {
    EXPECT_EQ(Verdict(kStub, SYS_munmap, {0x10000, length}), SECCOMP_RET_KILL_PROCESS) << std::hex << length;
    EXPECT_EQ(Verdict(kStub, SYS_munmap, {kEnd - 0x1000, length}), SECCOMP_RET_KILL_PROCESS) << std::hex << length;
  }
}

TEST(StubFilter, HandOverClonesAndFilesAreNotified) {
  EXPECT_EQ(Verdict(kStub, static_cast<int>(kHandOverCall), {1}), SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(Verdict(kStub, SYS_clone, {kThreadCloneFlags}), SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(Verdict(kStub, SYS_clone, {0}), SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(Verdict(kStub, SYS_pread64, {3, 0x10000, 0x1000, 0}), SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(Verdict(kStub, SYS_pwrite64, {3, 0x10000, 0x1000, 0}), SECCOMP_RET_USER_NOTIF);
}

TEST(StubFilter, EverythingElseKills) {
  const std::set<int> named = {static_cast<int>(kHandOverCall),
                               SYS_rt_sigreturn,
                               SYS_mmap,
                               SYS_mprotect,
                               SYS_munmap,
                               SYS_madvise,
                               SYS_mremap,
                               SYS_mincore,
                               SYS_clone,
                               SYS_pread64,
                               SYS_pwrite64,
                               SYS_exit,
                               SYS_sched_yield,
                               SYS_exit_group};
  for (int number = 0; number < 1024; ++number) {
    if (named.contains(number)) continue;
    EXPECT_EQ(Verdict(kStub, number), SECCOMP_RET_KILL_PROCESS) << number;
  }
  EXPECT_EQ(Verdict(kStub, SYS_prctl, {1, 9}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Verdict(kStub, SYS_prctl, {1, 0}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Verdict(kStub, SYS_prctl, {4, 9}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Verdict(kStub, SYS_mmap | 0x40000000, {0x10000, 0x1000, 7, kAnonymous, kNoFile, 0}), SECCOMP_RET_KILL_PROCESS);
}

// The sentry decides by IsNotified() which operations a stub must have approved: it must know what the filter does.
TEST(StubFilter, TheSentryKnowsWhatIsNotified) {
  std::mt19937_64 random(4711);
  const uint64_t addresses[] = {0, 0x10000, 0x7ffdfffff000, kEnd, kContextsAddress, kCodeAddress, ~uint64_t{0} << 12};
  const uint64_t lengths[] = {0, 0x1000, uint64_t{1} << 32, kEnd, ~uint64_t{0} << 12};
  const uint64_t numbers[] = {SYS_mmap, SYS_mprotect, SYS_madvise, SYS_clone, SYS_pread64, kHandOverCall};
  for (int round = 0; round < 100'000; ++round) {
    uint64_t a[6];
    a[0] = addresses[random() % std::size(addresses)];
    a[1] = lengths[random() % std::size(lengths)];
    a[2] = random() % 32;
    a[3] = random() % 2 != 0 ? kAnonymous : random() % 0x40000;
    a[4] = random() % 2 != 0 ? kNoFile : random() % 300;
    a[5] = 0;
    const uint64_t number = numbers[random() % std::size(numbers)];
    const uint32_t verdict = Verdict(kStub, static_cast<int>(number), {a[0], a[1], a[2], a[3], a[4], a[5]});
    EXPECT_EQ(verdict == SECCOMP_RET_USER_NOTIF, IsNotified(number, a))
        << number << " " << std::hex << a[0] << " " << a[1] << " " << a[2] << " " << a[3];
  }
}

TEST(StubFilter, EveryRuleOfTheSentrySaysWhy) {
  for (const host::Rule& rule : SentryRules(3)) EXPECT_GT(rule.why.size(), 8u) << rule.call;
}

}  // namespace
}  // namespace ringwall::platform::systrap
