// The shape of instructions from the opcode maps of the Intel SDM, volume 2, appendix A. A table instead of a disassembler library: the
// sentry runs this on bytes that the guest chose, for every call site of every program, and must start in milliseconds. Capstone costs 5 MB
// of text, 77,000 relocations at start and 360 ns per instruction; it is the oracle of the unit test instead.
#include "arch/x86_64/rewrite_decode.h"

#include <array>

#include "arch/x86_64/decode.h"

namespace ringwall::arch {
namespace {

// What follows an opcode, and where control goes.
using Shape = uint16_t;
constexpr Shape kModRm = 1;
constexpr Shape kImm8 = 2;
constexpr Shape kImm16 = 4;
constexpr Shape kImmZ = 8;  // 4 bytes, 2 with an operand-size prefix
constexpr Shape kRel8 = 16;
constexpr Shape kRel32 = 32;
constexpr Shape kPin = 64;
constexpr Shape kEnd = 128;
constexpr Shape kUnknown = 256;
constexpr Shape kConditional = 512;
constexpr Shape kSpecial = 1024;  // decided in code
using Map = std::array<Shape, 256>;

constexpr void Fill(Map& map, int from, int to, Shape shape) {
  for (int op = from; op <= to; ++op) map[op] = shape;
}

constexpr Map MakeOneByte() {
  Map map{};
  for (int op = 0; op < 0x40; ++op) map[op] = (op & 7) < 4 ? kModRm : (op & 7) == 4 ? kImm8 : (op & 7) == 5 ? kImmZ : kUnknown;
  Fill(map, 0x60, 0x62, kUnknown);
  map[0x63] = kModRm;
  map[0x68] = kImmZ;
  map[0x69] = kModRm | kImmZ;
  map[0x6a] = kImm8;
  map[0x6b] = kModRm | kImm8;
  Fill(map, 0x6c, 0x6f, kPin);  // INS, OUTS
  Fill(map, 0x70, 0x7f, kRel8 | kConditional);
  map[0x80] = map[0x83] = kModRm | kImm8;
  map[0x81] = kModRm | kImmZ;
  map[0x82] = kUnknown;
  Fill(map, 0x84, 0x8e, kModRm);
  map[0x8f] = kModRm | kSpecial;  // POP; else XOP
  map[0x9a] = kUnknown;
  Fill(map, 0xa0, 0xa3, kSpecial);  // MOV with an absolute address
  map[0xa8] = kImm8;
  map[0xa9] = kImmZ;
  Fill(map, 0xb0, 0xb7, kImm8);
  Fill(map, 0xb8, 0xbf, kSpecial);  // MOV with a full immediate
  map[0xc0] = map[0xc1] = kModRm | kImm8;
  map[0xc2] = kImm16 | kEnd;
  map[0xc3] = kEnd;
  map[0xc4] = map[0xc5] = kUnknown;
  map[0xc6] = kModRm | kImm8 | kSpecial;
  map[0xc7] = kModRm | kImmZ | kSpecial;
  map[0xc8] = kImm16 | kImm8;
  map[0xca] = kImm16 | kPin | kEnd;
  map[0xcb] = map[0xcc] = map[0xcf] = kPin | kEnd;  // RETF, INT3, IRET
  map[0xcd] = kImm8 | kPin;
  map[0xce] = kUnknown;
  Fill(map, 0xd0, 0xd3, kModRm);
  Fill(map, 0xd4, 0xd6, kUnknown);
  Fill(map, 0xd8, 0xdf, kModRm);
  Fill(map, 0xe0, 0xe3, kRel8 | kPin);  // LOOP, JRCXZ: no form with a far target
  Fill(map, 0xe4, 0xe7, kImm8 | kPin);
  map[0xe8] = kRel32 | kPin;
  map[0xe9] = kRel32 | kEnd;
  map[0xea] = kUnknown;
  map[0xeb] = kRel8 | kEnd;
  Fill(map, 0xec, 0xef, kPin);
  map[0xf1] = kPin;
  map[0xf4] = kPin | kEnd;
  map[0xf6] = map[0xf7] = kModRm | kSpecial;
  map[0xfa] = map[0xfb] = kPin;
  map[0xfe] = map[0xff] = kModRm | kSpecial;
  return map;
}

constexpr Map MakeTwoByte() {
  Map map{};
  Fill(map, 0x00, 0x03, kModRm);
  map[0x04] = map[0x0a] = map[0x0c] = map[0x0f] = kUnknown;  // 0F 0F is 3DNow!
  map[0x05] = map[0x06] = map[0x08] = map[0x09] = kPin;
  map[0x07] = map[0x0b] = kPin | kEnd;
  map[0x0d] = kModRm;
  Fill(map, 0x10, 0x1f, kModRm);
  Fill(map, 0x20, 0x23, kPin | kSpecial);  // MOV with control registers: a ModRM byte that always names registers
  Fill(map, 0x24, 0x27, kUnknown);
  Fill(map, 0x28, 0x2f, kModRm);
  map[0x30] = map[0x32] = map[0x34] = map[0x37] = kPin;
  map[0x35] = kPin | kEnd;
  map[0x36] = kUnknown;
  Fill(map, 0x38, 0x3f, kUnknown);
  Fill(map, 0x40, 0x6f, kModRm);
  Fill(map, 0x70, 0x73, kModRm | kImm8);
  Fill(map, 0x74, 0x76, kModRm);
  Fill(map, 0x78, 0x7b, kUnknown);
  Fill(map, 0x7c, 0x7f, kModRm);
  Fill(map, 0x80, 0x8f, kRel32 | kConditional);
  Fill(map, 0x90, 0x9f, kModRm);
  map[0xa3] = map[0xa5] = map[0xab] = map[0xad] = map[0xae] = map[0xaf] = kModRm;
  map[0xa4] = map[0xac] = kModRm | kImm8;
  map[0xa6] = map[0xa7] = kUnknown;
  map[0xaa] = kPin | kEnd;
  Fill(map, 0xb0, 0xbf, kModRm);
  map[0xb8] = kModRm | kSpecial;  // POPCNT; else JMPE
  map[0xb9] = kUnknown;           // UD1, as UD0
  map[0xba] = kModRm | kImm8;
  map[0xc0] = map[0xc1] = map[0xc3] = map[0xc7] = kModRm;
  map[0xc2] = map[0xc4] = map[0xc5] = map[0xc6] = kModRm | kImm8;
  Fill(map, 0xd0, 0xfe, kModRm);
  map[0xff] = kUnknown;  // UD0: with or without ModRM, depending on the CPU
  return map;
}

constexpr Map kOneByte = MakeOneByte();
constexpr Map kTwoByte = MakeTwoByte();

struct Prefixes {
  bool operand_size = false;
  bool address_size = false;
  bool repeat = false;  // F3
  bool other = false;   // any of F2, F3, 66, LOCK: none may stand before VEX
  uint8_t rex = 0;
  bool wide() const { return (rex & 8) != 0; }
};

class Decoder {
 public:
  explicit Decoder(std::span<const uint8_t> code)
      : code_(code.first(code.size() < kMaxInstructionBytes ? code.size() : kMaxInstructionBytes)) {}

  Instruction Run() {
    uint8_t op = 0;
    do {
      out_.opcode_at = at_;
      op = Next();
    } while (!failed_ && Prefix(op));
    Shape shape = 0;
    if (op == 0xc4 || op == 0xc5 || op == 0x62) {
      shape = Vector(op);
    } else if (op == 0x0f) {
      shape = Escape();
    } else {
      shape = kOneByte[op];
      if (shape & kSpecial) shape = OneByteSpecial(op, shape);
    }
    if (failed_ || (shape & kUnknown)) return {};
    if (shape & kModRm) SkipOperand();
    if (shape & kImm16) Skip(2);
    if (shape & kImm8) Skip(1);
    if (shape & kImmZ) Skip(prefixes_.operand_size && !prefixes_.wide() ? 2 : 4);
    if (shape & (kRel8 | kRel32)) {
      if (prefixes_.operand_size) return {};
      out_.relative = true;
      out_.displacement = (shape & kRel8) ? static_cast<int8_t>(Next()) : ReadRel32();
    }
    if (failed_) return {};
    out_.length = at_;
    out_.flow = FlowOf(shape);
    if (out_.rip_operand_at != 0 && prefixes_.address_size) out_.flow = out_.ends() ? Flow::kPinnedStop : Flow::kPinned;
    return out_;
  }

 private:
  uint8_t Peek() {
    if (at_ < code_.size()) return code_[at_];
    failed_ = true;
    return 0;
  }
  uint8_t Next() {
    const uint8_t byte = Peek();
    if (!failed_) ++at_;
    return byte;
  }
  void Skip(size_t count) {
    if (code_.size() - at_ < count)
      failed_ = true;
    else
      at_ = static_cast<uint8_t>(at_ + count);
  }
  int32_t ReadRel32() {
    uint32_t value = 0;
    for (int shift = 0; shift < 32; shift += 8) value |= static_cast<uint32_t>(Next()) << shift;
    return static_cast<int32_t>(value);
  }

  // A REX prefix counts only directly before the opcode.
  bool Prefix(uint8_t byte) {
    if (byte >= 0x40 && byte <= 0x4f) {
      prefixes_.rex = byte;
      return true;
    }
    switch (byte) {
      case 0x66: prefixes_.operand_size = prefixes_.other = true; break;
      case 0x67: prefixes_.address_size = true; break;
      case 0xf3: prefixes_.repeat = prefixes_.other = true; break;
      case 0xf2:
      case 0xf0: prefixes_.other = true; break;
      case 0x26:
      case 0x2e:
      case 0x36:
      case 0x3e:
      case 0x64:
      case 0x65: break;
      default: return false;
    }
    prefixes_.rex = 0;
    return true;
  }

  Shape OneByteSpecial(uint8_t op, Shape shape) {
    shape = static_cast<Shape>(shape & ~kSpecial);
    if (op >= 0xa0 && op <= 0xa3) {
      Skip(prefixes_.address_size ? 4 : 8);
      return shape;
    }
    if (op >= 0xb8 && op <= 0xbf) {
      if (!prefixes_.wide()) return kImmZ;
      Skip(8);
      return shape;
    }
    const uint8_t modrm = Peek();
    const int reg = (modrm >> 3) & 7;
    switch (op) {
      case 0xc6:
      case 0xc7:
        if (modrm == 0xf8) return shape | kPin;  // XABORT, XBEGIN
        return reg == 0 ? shape : kUnknown;
      case 0x8f: return reg == 0 ? shape : kUnknown;
      case 0xf6: return reg <= 1 ? shape | kImm8 : shape;
      case 0xf7: return reg <= 1 ? shape | kImmZ : shape;
      case 0xfe: return reg <= 1 ? shape : kUnknown;
      default:  // FF: INC DEC CALL CALLF JMP JMPF PUSH
        if (reg == 2) return shape | kPin;
        if (reg == 3 || reg == 5) return modrm >= 0xc0 ? kUnknown : reg == 5 ? shape | kPin | kEnd : shape | kPin;
        if (reg == 4) return prefixes_.operand_size ? kUnknown : shape | kEnd;
        return reg == 7 ? kUnknown : shape;
    }
  }

  Shape Escape() {
    const uint8_t op = Next();
    if (op == 0x38) {
      Next();
      return kModRm;
    }
    if (op == 0x3a) {
      Next();
      return kModRm | kImm8;
    }
    const Shape shape = kTwoByte[op];
    if (!(shape & kSpecial)) return shape;
    if (op == 0xb8) return prefixes_.repeat ? kModRm : kUnknown;
    Skip(1);
    return kPin;
  }

  // VEX (C4, C5) and EVEX (62).
  Shape Vector(uint8_t op) {
    if (prefixes_.other || prefixes_.rex != 0) return kUnknown;
    int map = 1;
    if (op == 0xc4) map = Next() & 0x1f;
    if (op == 0x62) {
      const uint8_t first = Next();
      if (first & 0x08) return kUnknown;
      map = first & 7;
    }
    const uint8_t last = Next();
    if (op == 0x62) {
      if (!(last & 4)) return kUnknown;
      Next();
    }
    const uint8_t opcode = Next();
    switch (map) {
      case 1:
        if (opcode < 0x10 || (opcode >= 0x80 && opcode <= 0x8f)) return kUnknown;
        if (opcode == 0x77 && op != 0x62) return 0;
        if ((opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 || (opcode >= 0xc4 && opcode <= 0xc6)) return kModRm | kImm8;
        return kModRm;
      case 2: return kModRm;
      case 3: return kModRm | kImm8;
      case 5:
      case 6: return op == 0x62 ? kModRm : kUnknown;
      default: return kUnknown;
    }
  }

  void SkipOperand() {
    const uint8_t modrm = Next();
    const int mod = modrm >> 6;
    if (mod == 3) return;
    const int rm = modrm & 7;
    const bool no_base = rm == 4 && (Next() & 7) == 5;
    if (mod == 0 && rm == 5) out_.rip_operand_at = at_;
    if (mod == 1) Skip(1);
    if (mod == 2 || (mod == 0 && (rm == 5 || no_base))) Skip(4);
  }

  static Flow FlowOf(Shape shape) {
    if (shape & kPin) return shape & kEnd ? Flow::kPinnedStop : Flow::kPinned;
    if (shape & kConditional) return Flow::kBranch;
    if (shape & kEnd) return shape & (kRel8 | kRel32) ? Flow::kJump : Flow::kStop;
    return Flow::kNext;
  }

  const std::span<const uint8_t> code_;
  uint8_t at_ = 0;
  bool failed_ = false;
  Prefixes prefixes_;
  Instruction out_;
};

constexpr std::array<bool, 256> MakeInvalid() {
  std::array<bool, 256> table{};
  for (const uint8_t byte : kInvalidOpcodes) table[byte] = true;
  return table;
}
constexpr std::array<bool, 256> kInvalid = MakeInvalid();

}  // namespace

Instruction DecodeInstruction(std::span<const uint8_t> code) { return Decoder(code).Run(); }

bool IsInvalidOpcode(uint8_t byte) { return kInvalid[byte]; }

}  // namespace ringwall::arch
