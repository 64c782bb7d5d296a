// ptrace(2): PTRACE_GETREGS, PTRACE_PEEKUSER, PTRACE_GETREGSET and their setting counterparts.
#include "syscalls/task/ptrace_regs.h"

#include <algorithm>
#include <cstring>

#include "arch/x86_64/registers.h"
#include "arch/x86_64/xsave.h"
#include "sentry/mm/memory_manager.h"

namespace ringwall::syscalls {
namespace {

// struct user of <sys/user.h>: the registers, then things of a.out's time, then the debug registers.
constexpr uint64_t kUserBytes = 928;  // the kernel's has two fields more than the C library's
constexpr uint64_t kDebugRegisters = 848, kDebugRegisterCount = 8, kDebugControl = 7;

static_assert(sizeof(abi::UserRegs) == sizeof(arch::Registers));

bool UserSelector(uint64_t selector) { return selector == 0 || (selector & 3) == 3; }

}  // namespace

abi::UserRegs ShowRegisters(task::Task& target) {
  abi::UserRegs out;
  std::memcpy(reinterpret_cast<std::byte*>(&out), &target.regs(), sizeof(out));
  return out;
}

Result<void> TakeRegisters(task::Task& target, const abi::UserRegs& regs) {
  arch::Registers& now = target.regs();
  const uint64_t end = target.mm().space().end();
  // Differs from Linux: no other code and stack segments than those of 64-bit programs.
  if ((regs.cs & 0xffff) != arch::kUserCodeSelector || (regs.ss & 0xffff) != arch::kUserDataSelector) return Errno::kEIO;
  for (const uint64_t selector : {regs.ds, regs.es, regs.fs, regs.gs}) {
    if (!UserSelector(selector & 0xffff)) return Errno::kEIO;
  }
  if (regs.fs_base >= end || regs.gs_base >= end) return Errno::kEIO;
  abi::UserRegs next = regs;
  next.cs = now.cs;
  next.ss = now.ss;
  next.ds = now.ds;
  next.es = now.es;
  next.fs = now.fs;
  next.gs = now.gs;
  next.eflags = (now.eflags & ~arch::kUserFlagsMask) | (regs.eflags & arch::kUserFlagsMask) | arch::kFlagsAlwaysSet;
  std::memcpy(&now, &next, sizeof(next));
  return {};
}

Result<uint64_t> PeekUser(task::Task& target, uint64_t offset) {
  if (offset % 8 != 0 || offset >= kUserBytes) return Errno::kEIO;
  if (offset < sizeof(abi::UserRegs)) {
    const abi::UserRegs regs = ShowRegisters(target);
    uint64_t value;
    std::memcpy(&value, reinterpret_cast<const std::byte*>(&regs) + offset, sizeof(value));
    return value;
  }
  return 0;
}

Result<void> PokeUser(task::Task& target, uint64_t offset, uint64_t value) {
  if (offset % 8 != 0 || offset >= kUserBytes) return Errno::kEIO;
  if (offset < sizeof(abi::UserRegs)) {
    abi::UserRegs regs = ShowRegisters(target);
    std::memcpy(reinterpret_cast<std::byte*>(&regs) + offset, &value, sizeof(value));
    return TakeRegisters(target, regs);
  }
  if (offset < kDebugRegisters || offset >= kDebugRegisters + kDebugRegisterCount * 8) return Errno::kEIO;
  const uint64_t number = (offset - kDebugRegisters) / 8;
  if (number == 4 || number == 5) return Errno::kEIO;
  // Differs from Linux: there are no hardware breakpoints to give; debuggers use software then.
  constexpr uint64_t kEnableBits = 0xff;
  if (number == kDebugControl && (value & kEnableBits) != 0) return Errno::kENOSPC;
  return {};
}

Result<void> ShowFpState(task::Task& target, arch::FpState& state) {
  TRY(target.thread().GetFpState(state));
  if (state.size == 0) state = arch::InitialFpState();
  // Debuggers find the features here (Linux's sw_reserved).
  const uint64_t features = arch::FpStateFeatures();
  std::memset(state.area.data() + arch::kSoftwareOffset, 0, arch::kLegacyBytes - arch::kSoftwareOffset);
  std::memcpy(state.area.data() + arch::kSoftwareOffset, &features, sizeof(features));
  return {};
}

Result<void> TakeFpState(task::Task& target, absl::Span<const std::byte> area) {
  if (area.size() != arch::FpStateSize()) return Errno::kEFAULT;
  arch::FpState state;
  std::copy(area.begin(), area.end(), state.area.begin());
  state.size = static_cast<uint32_t>(area.size());
  std::memset(state.area.data() + arch::kSoftwareOffset, 0, arch::kLegacyBytes - arch::kSoftwareOffset);
  uint64_t features, compact;
  std::memcpy(&features, state.area.data() + arch::kXstateBvOffset, sizeof(features));
  std::memcpy(&compact, state.area.data() + arch::kXcompBvOffset, sizeof(compact));
  if ((features & ~arch::FpStateFeatures()) != 0 || compact != 0) return Errno::kEINVAL;
  uint32_t mxcsr;
  std::memcpy(&mxcsr, state.area.data() + arch::kMxcsrOffset, sizeof(mxcsr));
  if ((mxcsr & ~arch::MxcsrMask()) != 0) return Errno::kEINVAL;
  return target.thread().SetFpState(state);
}

Result<void> TakeLegacyFpState(task::Task& target, absl::Span<const std::byte> legacy) {
  if (legacy.size() != arch::kLegacyBytes) return Errno::kEINVAL;
  arch::FpState state;
  TRY(ShowFpState(target, state));
  std::copy(legacy.begin(), legacy.end(), state.area.begin());
  uint64_t features;
  std::memcpy(&features, state.area.data() + arch::kXstateBvOffset, sizeof(features));
  features |= arch::kX87 | arch::kSse;
  std::memcpy(state.area.data() + arch::kXstateBvOffset, &features, sizeof(features));
  return TakeFpState(target, absl::MakeConstSpan(state.area.data(), state.size));
}

}  // namespace ringwall::syscalls
