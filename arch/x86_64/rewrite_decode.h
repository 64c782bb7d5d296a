// Length and control flow of 64-bit instructions, for moving them: what a call-site rewriter has to know and no more.
#pragma once

#include <cstdint>
#include <span>

namespace ringwall::arch {

enum class Flow : uint8_t {
  kNext,        // goes on behind itself and means the same at any address, but for a rip-relative operand
  kBranch,      // Jcc: relative
  kJump,        // JMP rel8, rel32
  kStop,        // RET, indirect JMP: leaves, and means the same at any address
  kPinned,      // goes on, but cannot be moved: calls, LOOP, XBEGIN, traps, privileged instructions, eip-relative operands
  kPinnedStop,  // does not go on and cannot be moved: UD2, HLT, INT3
};

struct Instruction {
  uint8_t length = 0;  // 0: invalid, truncated or unknown
  Flow flow = Flow::kPinned;
  bool relative = false;       // `displacement` counts from the end of the instruction to where it may go
  uint8_t rip_operand_at = 0;  // offset of the 32-bit displacement of a rip-relative operand; 0: there is none
  uint8_t opcode_at = 0;       // offset of the opcode, behind all prefixes
  int32_t displacement = 0;
  bool ends() const { return flow == Flow::kJump || flow == Flow::kStop || flow == Flow::kPinnedStop; }
  bool movable() const { return length != 0 && flow != Flow::kPinned && flow != Flow::kPinnedStop; }
};

// The instruction at the front of `code`. Whatever is decoded has exactly the length that the CPU gives it; what is not known for certain
// (XOP, APX, undocumented maps, branches with an operand-size prefix, on which vendors differ) is not decoded.
Instruction DecodeInstruction(std::span<const uint8_t> code);

// Opcodes of one byte that 64-bit mode refuses with #UD before any operand (Intel SDM volume 2, table A-2, superscript i64; D6 is UDB).
// 82, 9A, EA and D4 are left out because they take operands, 62, C4, C5 and D5 because they were given a new meaning.
inline constexpr uint8_t kInvalidOpcodes[] = {0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0xce, 0xd6};
bool IsInvalidOpcode(uint8_t byte);

}  // namespace ringwall::arch
