// Checks of classic BPF programs: after them, running needs no bounds check but for packet loads.
#include "base/bpf/program.h"

#include "base/bpf/opcode.h"

namespace ringwall::bpf {
namespace {

// Packet offsets from here up name Linux's ancillary data and header bases (SKF_LL_OFF and below).
constexpr uint32_t kSpecialOffsets = 0xffe00000;

bool KnownInstruction(const Instruction& in, Dialect dialect) {
  const bool socket = dialect == Dialect::kSocket;
  switch (in.code) {
    case kLd | kImm:
    case kLd | kMem:
    case kLdx | kImm:
    case kLdx | kMem:
    case kSt:
    case kStx: return true;
    case kLd | kAbs | kWord: return socket ? in.k < kSpecialOffsets : in.k < kSeccompDataBytes && in.k % 4 == 0;
    case kLd | kLen:
    case kLdx | kLen: return true;
    case kLd | kAbs | kHalf:
    case kLd | kAbs | kByte:
    case kLdx | kMsh | kByte: return socket && in.k < kSpecialOffsets;
    case kLd | kInd | kWord:
    case kLd | kInd | kHalf:
    case kLd | kInd | kByte: return socket;
    case kAlu | kAdd:
    case kAlu | kAdd | kX:
    case kAlu | kSub:
    case kAlu | kSub | kX:
    case kAlu | kMul:
    case kAlu | kMul | kX:
    case kAlu | kDiv:
    case kAlu | kDiv | kX:
    case kAlu | kOr:
    case kAlu | kOr | kX:
    case kAlu | kAnd:
    case kAlu | kAnd | kX:
    case kAlu | kLsh:
    case kAlu | kLsh | kX:
    case kAlu | kRsh:
    case kAlu | kRsh | kX:
    case kAlu | kNeg:
    case kAlu | kXor:
    case kAlu | kXor | kX: return true;
    case kAlu | kMod:
    case kAlu | kMod | kX: return socket;
    case kJmp | kJa:
    case kJmp | kJeq:
    case kJmp | kJeq | kX:
    case kJmp | kJgt:
    case kJmp | kJgt | kX:
    case kJmp | kJge:
    case kJmp | kJge | kX:
    case kJmp | kJset:
    case kJmp | kJset | kX: return true;
    case kRet:
    case kRet | kRetA:
    case kMisc | kTax:
    case kMisc | kTxa: return true;
    default: return false;
  }
}

bool OperandsInRange(const Instruction& in, size_t left) {
  switch (in.code) {
    case kAlu | kDiv:
    case kAlu | kMod: return in.k != 0;
    case kAlu | kLsh:
    case kAlu | kRsh: return in.k < 32;
    case kLd | kMem:
    case kLdx | kMem:
    case kSt:
    case kStx: return in.k < kScratchWords;
    case kJmp | kJa: return in.k < left;
    default:
      // All other jumps: `left` instructions follow this one.
      return (in.code & 7) != kJmp || (in.jump_true < left && in.jump_false < left);
  }
}

// Scratch words are not zeroed in the kernel, so a read must be behind a write on every path. Jumps only go forward: one pass is enough.
bool ScratchIsWrittenBeforeRead(std::span<const Instruction> code) {
  std::vector<uint16_t> written_on_entry(code.size(), 0xffff);
  uint16_t written = 0;
  for (size_t i = 0; i < code.size(); ++i) {
    const Instruction& in = code[i];
    written &= written_on_entry[i];
    switch (in.code) {
      case kSt:
      case kStx: written |= static_cast<uint16_t>(1u << in.k); break;
      case kLd | kMem:
      case kLdx | kMem:
        if ((written & (1u << in.k)) == 0) return false;
        break;
      case kJmp | kJa:
        written_on_entry[i + 1 + in.k] &= written;
        written = 0xffff;
        break;
      case kRet:
      case kRet | kRetA: written = 0xffff; break;
      default:
        if ((in.code & 7) == kJmp) {
          written_on_entry[i + 1 + in.jump_true] &= written;
          written_on_entry[i + 1 + in.jump_false] &= written;
          written = 0xffff;
        }
    }
  }
  return true;
}

}  // namespace

Result<Program> Program::Create(std::span<const Instruction> code, Dialect dialect) {
  if (code.empty() || code.size() > kMaxInstructions) return Errno::kEINVAL;
  for (size_t i = 0; i < code.size(); ++i) {
    if (!KnownInstruction(code[i], dialect) || !OperandsInRange(code[i], code.size() - i - 1)) return Errno::kEINVAL;
  }
  if ((code.back().code & 7) != kRet) return Errno::kEINVAL;
  if (!ScratchIsWrittenBeforeRead(code)) return Errno::kEINVAL;
  return Program({code.begin(), code.end()}, dialect);
}

}  // namespace ringwall::bpf
