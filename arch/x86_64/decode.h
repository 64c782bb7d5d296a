// What an instruction that faulted was doing, for platforms that are told the address of a page fault but not its error code.
#pragma once

#include <cstdint>
#include <span>

#include "arch/x86_64/registers.h"

namespace ringwall::arch {

inline constexpr size_t kMaxInstructionBytes = 15;

// Whether the 64-bit instruction at `code` (as many bytes of it as can be read) was writing when it faulted at `address`; instructions that
// read and write one place count as writing. False for what is not known.
bool WasWriting(std::span<const uint8_t> code, const Registers& regs, uint64_t address);

}  // namespace ringwall::arch
