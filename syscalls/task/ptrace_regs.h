// Registers as ptrace(2) shows and takes them.
#pragma once

#include <cstdint>

#include "abi/ptrace.h"
#include "absl/types/span.h"
#include "arch/x86_64/fpstate.h"
#include "base/error/result.h"
#include "sentry/task/task.h"

namespace ringwall::syscalls {

abi::UserRegs ShowRegisters(task::Task& target);
// EIO for values that would leave user mode.
Result<void> TakeRegisters(task::Task& target, const abi::UserRegs& regs);
// The word at `offset` of struct user; EIO outside or unaligned.
Result<uint64_t> PeekUser(task::Task& target, uint64_t offset);
Result<void> PokeUser(task::Task& target, uint64_t offset, uint64_t value);

// NT_PRFPREG: 512 bytes of FXSAVE. NT_X86_XSTATE: the XSAVE area in standard format.
Result<void> ShowFpState(task::Task& target, arch::FpState& state);
Result<void> TakeLegacyFpState(task::Task& target, absl::Span<const std::byte> legacy);
Result<void> TakeFpState(task::Task& target, absl::Span<const std::byte> area);

}  // namespace ringwall::syscalls
