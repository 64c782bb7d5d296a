// The classic BPF machine: accumulator A, index X, 16 scratch words.
#include "base/bpf/interpreter.h"

#include <string.h>

#include "base/bpf/opcode.h"

namespace ringwall::bpf {
namespace {

// Big-endian load of a packet; false when it is not all inside.
bool LoadPacket(std::span<const std::byte> data, uint64_t offset, size_t size, uint32_t* value) {
  if (offset > data.size() || data.size() - offset < size) return false;
  uint32_t v = 0;
  for (size_t i = 0; i < size; ++i) v = v << 8 | static_cast<uint8_t>(data[offset + i]);
  *value = v;
  return true;
}

size_t LoadSize(uint16_t code) { return (code & 0x18) == kWord ? 4 : (code & 0x18) == kHalf ? 2 : 1; }

bool Alu(uint16_t op, uint32_t operand, uint32_t* a) {
  switch (op) {
    case kAdd: *a += operand; return true;
    case kSub: *a -= operand; return true;
    case kMul: *a *= operand; return true;
    case kDiv:
      if (operand == 0) return false;
      *a /= operand;
      return true;
    case kMod:
      if (operand == 0) return false;
      *a %= operand;
      return true;
    case kOr: *a |= operand; return true;
    case kAnd: *a &= operand; return true;
    case kXor: *a ^= operand; return true;
    // Linux masks a shift by X to five bits, as the CPU does.
    case kLsh: *a <<= operand & 31; return true;
    case kRsh: *a >>= operand & 31; return true;
    default: *a = 0u - *a; return true;  // kNeg
  }
}

bool Compare(uint16_t op, uint32_t a, uint32_t operand) {
  switch (op) {
    case kJeq: return a == operand;
    case kJgt: return a > operand;
    case kJge: return a >= operand;
    default: return (a & operand) != 0;  // kJset
  }
}

}  // namespace

uint32_t Run(const Program& program, std::span<const std::byte> data) {
  const std::span<const Instruction> code = program.code();
  const bool seccomp = program.dialect() == Dialect::kSeccomp;
  uint32_t a = 0, x = 0;
  uint32_t scratch[kScratchWords] = {};
  for (size_t pc = 0; pc < code.size(); ++pc) {
    const Instruction& in = code[pc];
    switch (in.code & 7) {
      case kLd:
      case kLdx: {
        uint32_t value = 0;
        switch (in.code & 0xe0) {
          case kImm: value = in.k; break;
          case kMem: value = scratch[in.k]; break;
          case kLen: value = static_cast<uint32_t>(data.size()); break;
          case kAbs:
            if (seccomp) {
              if (data.size() < 4 || in.k > data.size() - 4) return 0;
              memcpy(&value, data.data() + in.k, 4);
            } else if (!LoadPacket(data, in.k, LoadSize(in.code), &value)) {
              return 0;
            }
            break;
          case kInd:
            if (!LoadPacket(data, uint64_t{x} + in.k, LoadSize(in.code), &value)) return 0;
            break;
          default:  // kMsh: four times the low nibble, the length of an IPv4 header
            if (!LoadPacket(data, in.k, 1, &value)) return 0;
            value = (value & 15) * 4;
        }
        ((in.code & 7) == kLd ? a : x) = value;
        break;
      }
      case kSt: scratch[in.k] = a; break;
      case kStx: scratch[in.k] = x; break;
      case kAlu:
        if (!Alu(in.code & 0xf0, (in.code & kX) != 0 ? x : in.k, &a)) return 0;
        break;
      case kJmp:
        if (in.code == (kJmp | kJa)) {
          pc += in.k;
        } else {
          pc += Compare(in.code & 0xf0, a, (in.code & kX) != 0 ? x : in.k) ? in.jump_true : in.jump_false;
        }
        break;
      case kRet: return in.code == (kRet | kRetA) ? a : in.k;
      default:
        if (in.code == (kMisc | kTax)) {
          x = a;
        } else {
          a = x;
        }
    }
  }
  return 0;  // not reached: a checked program ends with a return
}

}  // namespace ringwall::bpf
