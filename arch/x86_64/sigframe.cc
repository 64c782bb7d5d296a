// struct rt_sigframe of x86-64 (asm/ucontext.h, asm/sigcontext.h), written and read as bytes.
#include "arch/x86_64/sigframe.h"

#include <string.h>

#include <algorithm>

#include "arch/x86_64/xsave.h"

namespace ringwall::arch {
namespace {

// struct sigcontext for 64-bit.
struct SigContext {
  uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
  uint16_t cs, gs, fs, ss;
  uint64_t err, trapno, oldmask, cr2;
  uint64_t fpstate;
  uint64_t reserved[8];
};
static_assert(sizeof(SigContext) == 256);

struct UContext {
  uint64_t flags;
  uint64_t link;
  uint64_t stack_address;
  int32_t stack_flags;
  uint32_t pad;
  uint64_t stack_size;
  SigContext mcontext;
  uint64_t sigmask;
};
static_assert(sizeof(UContext) == 304 && offsetof(UContext, mcontext) == 40 && offsetof(UContext, sigmask) == 296);

struct RtSigFrame {
  uint64_t pretcode;
  UContext uc;
  std::byte info[kSigInfoBytes];
};
static_assert(sizeof(RtSigFrame) == kSignalFrameBytes && offsetof(RtSigFrame, info) == 312);

// struct _fpx_sw_bytes: lies in the software bytes of the FXSAVE region.
struct SoftwareBytes {
  uint32_t magic1;
  uint32_t extended_size;  // with magic2
  uint64_t xfeatures;
  uint32_t xstate_size;  // without magic2
  uint32_t padding[7];
};
static_assert(sizeof(SoftwareBytes) == kLegacyBytes - kSoftwareOffset);

constexpr uint32_t kMagic1 = 0x46505853;
constexpr uint32_t kMagic2 = 0x46505845;
constexpr uint64_t kUcFpXstate = 1, kUcSigContextSs = 2, kUcStrictRestoreSs = 4;

constexpr uint64_t kTrapFlag = 0x100, kDirectionFlag = 0x400, kResumeFlag = 0x10000;
// What rt_sigreturn may change: CF PF AF ZF SF TF DF OF RF AC.
constexpr uint64_t kSigreturnFlags = 0x50dd5;
static_assert((kSigreturnFlags & ~kUserFlagsMask) == 0);

constexpr uint64_t RoundDown(uint64_t value, uint64_t alignment) { return value & ~(alignment - 1); }

template <typename T>
T Load(const std::byte* from) {
  T value;
  memcpy(&value, from, sizeof(value));
  return value;
}
template <typename T>
void Store(std::byte* to, const T& value) {
  memcpy(to, &value, sizeof(value));
}

// Linux shows x87 and SSE as present in every frame, also when the CPU left them out as being in their initial state.
void MaterialiseLegacy(std::byte* area) {
  uint64_t present = Load<uint64_t>(area + kXstateBvOffset);
  if ((present & kX87) == 0) {
    memset(area, 0, kMxcsrOffset);
    Store(area + kFcwOffset, kInitialFcw);
    memset(area + kX87Offset, 0, kXmmOffset - kX87Offset);
  }
  if ((present & kSse) == 0) memset(area + kXmmOffset, 0, 256);
  if ((present & (kSse | kAvx)) == 0) Store(area + kMxcsrOffset, kInitialMxcsr);
  Store(area + kMxcsrMaskOffset, MxcsrMask());
  present |= kX87 | kSse;
  Store(area + kXstateBvOffset, present);
}

void WriteFpArea(std::byte* to, const FpState& fp) {
  const uint32_t size = FpStateSize();
  if (fp.size >= kHeaderEnd) {
    memcpy(to, fp.area.data(), std::min({fp.size, size, static_cast<uint32_t>(kFpStateMaxBytes)}));
    Store(to + kXstateBvOffset, Load<uint64_t>(to + kXstateBvOffset) & FpStateFeatures());
    MaterialiseLegacy(to);
  } else {
    const FpState initial = InitialFpState();
    memcpy(to, initial.area.data(), size);
  }
  SoftwareBytes software = {};
  software.magic1 = kMagic1;
  software.extended_size = size + static_cast<uint32_t>(sizeof(kMagic2));
  software.xfeatures = FpStateFeatures();
  software.xstate_size = size;
  Store(to + kSoftwareOffset, software);
  Store(to + size, kMagic2);
}

SigContext ToSigContext(const SignalFrameInput& in, uint64_t fp_address) {
  const Registers& r = in.regs;
  SigContext sc = {};
  sc.r8 = r.r8, sc.r9 = r.r9, sc.r10 = r.r10, sc.r11 = r.r11, sc.r12 = r.r12, sc.r13 = r.r13, sc.r14 = r.r14, sc.r15 = r.r15;
  sc.rdi = r.rdi, sc.rsi = r.rsi, sc.rbp = r.rbp, sc.rbx = r.rbx, sc.rdx = r.rdx, sc.rax = r.rax, sc.rcx = r.rcx;
  sc.rsp = r.rsp, sc.rip = r.rip, sc.eflags = r.eflags;
  sc.cs = static_cast<uint16_t>(r.cs);
  sc.ss = static_cast<uint16_t>(r.ss);
  sc.err = in.error_code;
  sc.trapno = in.trap_number;
  sc.oldmask = in.mask;
  sc.cr2 = in.fault_address;
  sc.fpstate = fp_address;
  return sc;
}

}  // namespace

size_t FpFrameBytes() { return FpStateSize() + sizeof(kMagic2); }

SignalFrame BuildSignalFrame(const SignalFrameInput& in) {
  // Wraps for a stack pointer near zero: the caller's write then fails, and the guest gets the SIGSEGV it asked for.
  const uint64_t start = in.alternate_stack_top ? *in.alternate_stack_top : in.regs.rsp - kRedZoneBytes;
  const uint64_t fp_address = RoundDown(start - FpFrameBytes(), 64);
  const uint64_t address = RoundDown(fp_address - kSignalFrameBytes, 16) - 8;
  const size_t fp_offset = static_cast<size_t>(fp_address - address);

  SignalFrame out = {address, std::vector<std::byte>(fp_offset + FpFrameBytes()), in.regs};
  RtSigFrame frame = {};
  frame.pretcode = in.restorer;
  frame.uc.flags = kUcFpXstate | kUcSigContextSs | kUcStrictRestoreSs;
  frame.uc.stack_address = in.stack.address;
  frame.uc.stack_flags = in.stack.flags;
  frame.uc.stack_size = in.stack.size;
  frame.uc.mcontext = ToSigContext(in, fp_address);
  frame.uc.sigmask = in.mask;
  memcpy(frame.info, in.siginfo.data(), in.siginfo.size());
  memcpy(out.bytes.data(), &frame, sizeof(frame));
  WriteFpArea(out.bytes.data() + fp_offset, in.fp);

  Registers& r = out.regs;
  r.rdi = static_cast<uint64_t>(int64_t{in.signo});
  r.rsi = address + offsetof(RtSigFrame, info);
  r.rdx = address + offsetof(RtSigFrame, uc);
  r.rax = 0;  // no vector registers hold variadic arguments
  r.rip = in.handler;
  r.rsp = address;
  r.cs = kUserCodeSelector;
  r.ss = kUserDataSelector;
  r.eflags &= ~(kTrapFlag | kDirectionFlag | kResumeFlag);
  r.orig_rax = ~uint64_t{0};
  return out;
}

uint64_t MinSignalStackSize() {
  // The two alignments cost at most 63 and 15 + 8 bytes.
  return kSignalFrameBytes + FpFrameBytes() + 63 + 15 + 8;
}

Result<ParsedFrame> ParseSignalFrame(std::span<const std::byte> bytes, const Registers& current) {
  if (bytes.size() < kSignalFrameBytes) return Errno::kEFAULT;
  const auto frame = Load<RtSigFrame>(bytes.data());
  const SigContext& sc = frame.uc.mcontext;
  ParsedFrame out = {};
  Registers& r = out.regs;
  r = current;  // fs, gs and their bases are not part of what sigreturn restores
  r.r8 = sc.r8, r.r9 = sc.r9, r.r10 = sc.r10, r.r11 = sc.r11, r.r12 = sc.r12, r.r13 = sc.r13, r.r14 = sc.r14, r.r15 = sc.r15;
  r.rdi = sc.rdi, r.rsi = sc.rsi, r.rbp = sc.rbp, r.rbx = sc.rbx, r.rdx = sc.rdx, r.rax = sc.rax, r.rcx = sc.rcx;
  r.rsp = sc.rsp, r.rip = sc.rip;
  r.eflags = (current.eflags & ~kSigreturnFlags) | (sc.eflags & kSigreturnFlags) | kFlagsAlwaysSet;
  // Differs from Linux: no other code or stack segment can be chosen, so a guest cannot change to 32-bit mode this way.
  r.cs = kUserCodeSelector;
  r.ss = kUserDataSelector;
  r.orig_rax = ~uint64_t{0};
  out.mask = frame.uc.sigmask;
  out.stack = {frame.uc.stack_address, frame.uc.stack_flags, frame.uc.stack_size};
  out.fp_address = sc.fpstate;
  return out;
}

Result<void> ParseFpFrame(uint64_t address, std::span<const std::byte> bytes, FpState& out) {
  if (bytes.size() < kLegacyBytes) return Errno::kEFAULT;
  const uint32_t size = FpStateSize();
  const auto software = Load<SoftwareBytes>(bytes.data() + kSoftwareOffset);
  bool extended = software.magic1 == kMagic1 && software.xstate_size >= kHeaderEnd && software.xstate_size <= size &&
                  software.xstate_size <= software.extended_size;
  if (extended) {
    // Linux reads the second magic number before it decides, and an unreadable one is a fault.
    if (bytes.size() < software.xstate_size + sizeof(kMagic2)) return Errno::kEFAULT;
    extended = Load<uint32_t>(bytes.data() + software.xstate_size) == kMagic2;
  }
  // XRSTOR wants 64-byte, FXRSTOR 16-byte alignment.
  if (address % (extended ? 64 : 16) != 0) return Errno::kEFAULT;
  if ((Load<uint32_t>(bytes.data() + kMxcsrOffset) & ~MxcsrMask()) != 0) return Errno::kEFAULT;

  uint64_t present = kX87 | kSse;
  size_t used = kLegacyBytes;
  if (extended) {
    const uint64_t features = Load<uint64_t>(bytes.data() + kXstateBvOffset);
    if ((features & ~FpStateFeatures()) != 0) return Errno::kEFAULT;
    // The compaction word and the rest of the header are reserved in the standard format.
    for (size_t i = kXcompBvOffset; i < kHeaderEnd; ++i) {
      if (bytes[i] != std::byte{0}) return Errno::kEFAULT;
    }
    present = features & software.xfeatures;
    used = software.xstate_size;
  }
  out.size = size;
  std::byte* area = out.area.data();
  memcpy(area, bytes.data(), used);
  memset(area + used, 0, out.area.size() - used);
  memset(area + kSoftwareOffset, 0, kLegacyBytes - kSoftwareOffset);
  Store(area + kXstateBvOffset, present);
  Store(area + kMxcsrMaskOffset, MxcsrMask());
  return {};
}

}  // namespace ringwall::arch
