// Initial state, signal frames there and back, and their layout against the host kernel's own frames.
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include <array>
#include <memory>
#include <random>

#include "arch/x86_64/fpstate.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/sigframe.h"
#include "arch/x86_64/xsave.h"
#include "gtest/gtest.h"

namespace ringwall::arch {
namespace {

constexpr uint64_t kStack = 0x7ffd12345678;

struct Example {
  Registers regs = InitialRegisters(0x401000, kStack);
  FpState fp = InitialFpState();
  std::array<std::byte, kSigInfoBytes> info{};

  SignalFrame Build(std::optional<uint64_t> top = std::nullopt) {
    return BuildSignalFrame({.regs = regs,
                             .fp = fp,
                             .signo = 10,
                             .handler = 0x402000,
                             .restorer = 0x403000,
                             .siginfo = info,
                             .mask = 0x1234,
                             .stack = {0x10000, 2, 0x2000},
                             .alternate_stack_top = top,
                             .error_code = 6,
                             .trap_number = 14,
                             .fault_address = 0xdead});
  }
};

Result<std::unique_ptr<FpState>> ParseFp(uint64_t address, std::span<const std::byte> bytes) {
  auto state = std::make_unique<FpState>();
  TRY(ParseFpFrame(address, bytes, *state));
  return state;
}

std::span<const std::byte> FpPart(const SignalFrame& frame, uint64_t fp_address) {
  return std::span(frame.bytes).subspan(fp_address - frame.address);
}

TEST(Registers, InitialStateIsAUserThread) {
  const Registers r = InitialRegisters(1, 2);
  EXPECT_EQ(r.rip, 1u);
  EXPECT_EQ(r.rsp, 2u);
  EXPECT_EQ(r.cs, 0x33u);
  EXPECT_EQ(r.ss, 0x2bu);
  EXPECT_EQ(r.eflags, 0x202u);
  EXPECT_EQ(r.rdx, 0u);
}

TEST(FpState, SizeCoversTheHeader) {
  EXPECT_GE(FpStateSize(), 576u);
  EXPECT_LE(FpStateSize(), kFpStateMaxBytes);
  EXPECT_EQ(FpStateFeatures() & kAmx, 0u);
  EXPECT_EQ(FpStateFeatures() & 3, 3u);
}

TEST(SignalFrame, EntryRegistersFollowTheAbi) {
  Example e;
  e.regs.eflags |= 0x100 | 0x400 | 0x10000 | 1;
  const SignalFrame f = e.Build();
  EXPECT_EQ(f.regs.rdi, 10u);
  EXPECT_EQ(f.regs.rsi, f.address + 312);
  EXPECT_EQ(f.regs.rdx, f.address + 8);
  EXPECT_EQ(f.regs.rax, 0u);
  EXPECT_EQ(f.regs.rip, 0x402000u);
  EXPECT_EQ(f.regs.rsp, f.address);
  EXPECT_EQ(f.regs.eflags, 0x203u);
  EXPECT_EQ((f.address + 8) % 16, 0u);
  EXPECT_LE(f.address + f.bytes.size(), kStack - 128);
  EXPECT_LE(kStack - 128 - f.address, MinSignalStackSize());
  uint64_t pretcode;
  memcpy(&pretcode, f.bytes.data(), 8);
  EXPECT_EQ(pretcode, 0x403000u);
}

TEST(SignalFrame, AlternateStackStartsAtItsTop) {
  Example e;
  const SignalFrame f = e.Build(0x12000);
  EXPECT_LE(f.address + f.bytes.size(), 0x12000u);
  EXPECT_GT(f.address + f.bytes.size(), 0x12000u - 64);
}

TEST(SignalFrame, RoundTripRestoresEverything) {
  Example e;
  std::mt19937_64 random(3);
  uint64_t words[18];
  memcpy(words, &e.regs, sizeof(words));
  for (int i = 0; i < 15; ++i) words[i] = random();
  memcpy(&e.regs, words, sizeof(words));
  e.regs.eflags = 0x202 | 0x400 | 1;
  e.regs.fs_base = 0x1111;
  for (size_t i = kXmmOffset; i < kXmmOffset + 256; ++i) e.fp.area[i] = static_cast<std::byte>(random());
  const SignalFrame f = e.Build();

  Registers current = f.regs;
  const auto parsed = ParseSignalFrame(f.bytes, current);
  ASSERT_TRUE(parsed.ok());
  Registers expected = e.regs;
  expected.orig_rax = ~uint64_t{0};
  EXPECT_EQ(memcmp(&parsed->regs, &expected, sizeof(Registers)), 0);
  EXPECT_EQ(parsed->mask, 0x1234u);
  EXPECT_EQ(parsed->stack.address, 0x10000u);
  EXPECT_EQ(parsed->stack.flags, 2);
  EXPECT_EQ(parsed->stack.size, 0x2000u);
  EXPECT_EQ(parsed->fp_address % 64, 0u);
  const auto fp = ParseFp(parsed->fp_address, FpPart(f, parsed->fp_address));
  ASSERT_TRUE(fp.ok());
  EXPECT_EQ((*fp)->size, e.fp.size);
  EXPECT_EQ(memcmp((*fp)->area.data(), e.fp.area.data(), e.fp.size), 0);
}

TEST(SignalFrame, InitialFpStateWhenNoneWasSaved) {
  Example e;
  e.fp = FpState{};
  const SignalFrame f = e.Build();
  const auto parsed = ParseSignalFrame(f.bytes, f.regs);
  const auto fp = ParseFp(parsed->fp_address, FpPart(f, parsed->fp_address));
  ASSERT_TRUE(fp.ok());
  const FpState initial = InitialFpState();
  EXPECT_EQ(memcmp((*fp)->area.data(), initial.area.data(), initial.size), 0);
}

TEST(SignalFrame, HostileFrameCannotRaisePrivileges) {
  std::array<std::byte, kSignalFrameBytes> bytes;
  bytes.fill(std::byte{0xff});
  const Registers current = InitialRegisters(1, 2);
  const auto parsed = ParseSignalFrame(bytes, current);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->regs.cs, kUserCodeSelector);
  EXPECT_EQ(parsed->regs.ss, kUserDataSelector);
  EXPECT_EQ(parsed->regs.eflags, 0x202u | 0x50dd5u);  // no IOPL, VM, VIF, NT
  EXPECT_EQ(parsed->regs.orig_rax, ~uint64_t{0});
  EXPECT_TRUE(ParseSignalFrame(std::span(bytes).first(kSignalFrameBytes - 1), current) == Errno::kEFAULT);
}

TEST(FpFrame, BadMagicFallsBackToFxsave) {
  Example e;
  e.fp.area[kXmmOffset] = std::byte{7};
  const SignalFrame f = e.Build();
  const uint64_t at = ParseSignalFrame(f.bytes, f.regs)->fp_address;
  std::vector<std::byte> fp(FpPart(f, at).begin(), FpPart(f, at).end());
  for (const size_t broken : {kSoftwareOffset, size_t{FpStateSize()}, kSoftwareOffset + 16 + 3}) {
    std::vector<std::byte> copy = fp;
    copy[broken] ^= std::byte{0x40};
    copy[kXstateBvOffset] = std::byte{0xff};  // not looked at in a legacy frame
    const auto parsed = ParseFp(at, copy);
    ASSERT_TRUE(parsed.ok()) << broken;
    EXPECT_EQ((*parsed)->area[kXmmOffset], std::byte{7});
    EXPECT_EQ((*parsed)->area[kXstateBvOffset], std::byte{3});
    EXPECT_TRUE(ParseFp(at + 16, copy).ok());
    EXPECT_TRUE(ParseFp(at + 8, copy) == Errno::kEFAULT);
  }
}

TEST(FpFrame, FaultsWhereTheCpuWould) {
  Example e;
  const SignalFrame f = e.Build();
  const uint64_t at = ParseSignalFrame(f.bytes, f.regs)->fp_address;
  const std::vector<std::byte> fp(FpPart(f, at).begin(), FpPart(f, at).end());
  ASSERT_TRUE(ParseFp(at, fp).ok());
  EXPECT_TRUE(ParseFp(at + 16, fp) == Errno::kEFAULT);
  EXPECT_TRUE(ParseFp(at, std::span(fp).first(fp.size() - 1)) == Errno::kEFAULT);
  EXPECT_TRUE(ParseFp(at, std::span(fp).first(100)) == Errno::kEFAULT);
  auto with = [&](size_t offset, uint8_t value) {
    std::vector<std::byte> copy = fp;
    copy[offset] = static_cast<std::byte>(value);
    return ParseFp(at, copy);
  };
  EXPECT_TRUE(with(kMxcsrOffset + 3, 0x80) == Errno::kEFAULT);
  EXPECT_TRUE(with(kXcompBvOffset + 7, 0x80) == Errno::kEFAULT);
  EXPECT_TRUE(with(kXcompBvOffset + 9, 1) == Errno::kEFAULT);
  EXPECT_TRUE(with(kXstateBvOffset + 7, 0x40) == Errno::kEFAULT);
}

TEST(FpFrame, RandomBytesNeverCrash) {
  std::mt19937_64 random(5);
  std::vector<std::byte> bytes(FpFrameBytes());
  for (int i = 0; i < 2000; ++i) {
    for (auto& b : bytes) b = static_cast<std::byte>(random());
    if (i % 2 != 0) {
      const uint32_t magic = 0x46505853;
      memcpy(bytes.data() + kSoftwareOffset, &magic, 4);
    }
    (void)ParseFp(0, std::span(bytes).first(random() % bytes.size()));
  }
}

// ---- against the host kernel -----------------------------------------------------------------------------------------------

struct Seen {
  std::array<std::byte, 16384> bytes;
  uint64_t address;
  uint64_t info_address;
  ucontext_t context;
  bool ran;
} g_seen;

void OnSignal(int, siginfo_t* info, void* context) {
  // The frame starts 8 bytes before the ucontext, and everything up to the interrupted stack pointer belongs to it.
  const auto* uc = static_cast<const ucontext_t*>(context);
  g_seen.address = reinterpret_cast<uint64_t>(context) - 8;
  g_seen.info_address = reinterpret_cast<uint64_t>(info);
  g_seen.context = *uc;
  const uint64_t end = static_cast<uint64_t>(uc->uc_mcontext.gregs[REG_RSP]) - 128;
  const size_t size = std::min<size_t>(end - g_seen.address, g_seen.bytes.size());
  memcpy(g_seen.bytes.data(), reinterpret_cast<const void*>(g_seen.address), size);
  g_seen.ran = true;
}

__attribute__((no_sanitize("address"))) void CatchOne() {
  struct sigaction action = {};
  action.sa_sigaction = OnSignal;
  action.sa_flags = SA_SIGINFO;
  ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
  ASSERT_EQ(raise(SIGUSR1), 0);
  signal(SIGUSR1, SIG_DFL);
}

TEST(SignalFrame, LayoutIsTheHostKernels) {
  CatchOne();
  ASSERT_TRUE(g_seen.ran);
  const auto* gregs = g_seen.context.uc_mcontext.gregs;
  EXPECT_EQ(g_seen.info_address, g_seen.address + 312);

  const auto parsed = ParseSignalFrame(g_seen.bytes, InitialRegisters(0, 0));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->regs.rip, static_cast<uint64_t>(gregs[REG_RIP]));
  EXPECT_EQ(parsed->regs.rsp, static_cast<uint64_t>(gregs[REG_RSP]));
  EXPECT_EQ(parsed->regs.r8, static_cast<uint64_t>(gregs[REG_R8]));
  EXPECT_EQ(parsed->regs.rdi, static_cast<uint64_t>(gregs[REG_RDI]));
  EXPECT_EQ(parsed->regs.rcx, static_cast<uint64_t>(gregs[REG_RCX]));
  EXPECT_EQ(parsed->fp_address, reinterpret_cast<uint64_t>(g_seen.context.uc_mcontext.fpregs));

  // Our frame for the same state lies at the same place and has the same words in front of the FP area.
  const size_t fp_offset = parsed->fp_address - g_seen.address;
  ASSERT_LT(fp_offset + FpFrameBytes(), g_seen.bytes.size());
  const auto host_fp = std::span<const std::byte>(g_seen.bytes).subspan(fp_offset, FpFrameBytes());
  const auto fp = ParseFp(parsed->fp_address, host_fp);
  ASSERT_TRUE(fp.ok());
  Registers regs = parsed->regs;
  regs.eflags = static_cast<uint64_t>(gregs[REG_EFL]);
  uint64_t restorer;
  memcpy(&restorer, g_seen.bytes.data(), 8);
  std::array<std::byte, kSigInfoBytes> info;
  memcpy(info.data(), g_seen.bytes.data() + 312, info.size());
  const SignalFrame ours = BuildSignalFrame({.regs = regs,
                                             .fp = **fp,
                                             .signo = SIGUSR1,
                                             .handler = 1,
                                             .restorer = restorer,
                                             .siginfo = info,
                                             .mask = parsed->mask,
                                             .stack = parsed->stack,
                                             .error_code = static_cast<uint64_t>(gregs[REG_ERR]),
                                             .trap_number = static_cast<uint64_t>(gregs[REG_TRAPNO]),
                                             .fault_address = static_cast<uint64_t>(gregs[REG_CR2])});
  EXPECT_EQ(ours.address, g_seen.address);
  for (size_t i = 0; i < 8 + 40 + 184; i += 8) {
    const size_t compare = i == 8 + 24 ? 4 : 8;  // the kernel does not write the padding behind ss_flags
    EXPECT_EQ(memcmp(ours.bytes.data() + i, g_seen.bytes.data() + i, compare), 0) << "word at " << i;
  }
  EXPECT_EQ(memcmp(ours.bytes.data() + 8 + 40 + 184, g_seen.bytes.data() + 8 + 40 + 184, 8), 0);
  EXPECT_EQ(memcmp(ours.bytes.data() + 8 + 296, g_seen.bytes.data() + 8 + 296, 8 + kSigInfoBytes), 0);
  // sw_bytes: both magic numbers, sizes and features as the kernel writes them.
  EXPECT_EQ(memcmp(ours.bytes.data() + fp_offset + kSoftwareOffset, host_fp.data() + kSoftwareOffset, 24), 0);
  EXPECT_EQ(memcmp(ours.bytes.data() + fp_offset + FpStateSize(), host_fp.data() + FpStateSize(), 4), 0);
}

}  // namespace
}  // namespace ringwall::arch
