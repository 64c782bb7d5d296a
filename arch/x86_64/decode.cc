// Direction of a faulting data access, from the opcode maps of the Intel SDM, volume 2, appendix A. A table of stores is all that is
// needed: no operands are decoded, so no disassembler library is linked into the sentry (Capstone's tables of all CPUs would be relocated
// at start).
#include "arch/x86_64/decode.h"

namespace ringwall::arch {
namespace {

class Bytes {
 public:
  explicit Bytes(std::span<const uint8_t> code)
      : code_(code.first(code.size() < kMaxInstructionBytes ? code.size() : kMaxInstructionBytes)) {}
  // -1 at the end.
  int Next() { return at_ < code_.size() ? code_[at_++] : -1; }
  int Peek() const { return at_ < code_.size() ? code_[at_] : -1; }

 private:
  const std::span<const uint8_t> code_;
  size_t at_ = 0;
};

bool Within(uint64_t address, uint64_t start, uint64_t size) { return address - start < size; }

// The reg field of a ModRM byte selects the instruction of a group; -1 when the byte is missing or names a register, which can't fault.
int Group(int modrm) { return modrm < 0 || modrm >= 0xc0 ? -1 : (modrm >> 3) & 7; }

// Bit n of `mask`: group n writes.
bool GroupWrites(int modrm, unsigned mask) {
  const int group = Group(modrm);
  return group >= 0 && ((mask >> group) & 1) != 0;
}

bool OneByte(int op, int modrm, const Registers& regs, uint64_t address) {
  // ADD OR ADC SBB AND SUB XOR with a destination in memory; CMP (38, 39) only reads.
  if (op < 0x38 && (op & 7) <= 1) return true;
  if (op >= 0x50 && op <= 0x57) return true;  // PUSH
  switch (op) {
    case 0x68:
    case 0x6a:
    case 0x9c:
    case 0xc8:
    case 0xe8: return true;  // PUSH imm, PUSHF, ENTER, CALL: their stack
    case 0x6c:
    case 0x6d:
    case 0xaa:
    case 0xab: return true;  // INS, STOS
    case 0xa4:
    case 0xa5: return Within(address, regs.rdi, 8);  // MOVS
    case 0x80:
    case 0x81:
    case 0x83: return GroupWrites(modrm, 0x7f);  // all but CMP
    case 0x86:
    case 0x87:
    case 0x88:
    case 0x89:
    case 0x8c: return true;                           // XCHG, MOV
    case 0x8f: return !Within(address, regs.rsp, 8);  // POP to memory
    case 0xa2:
    case 0xa3: return true;  // MOV to an offset
    case 0xc0:
    case 0xc1:
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: return true;  // shifts
    case 0xc6:
    case 0xc7: return GroupWrites(modrm, 0x01);
    case 0xf6:
    case 0xf7: return GroupWrites(modrm, 0x0c);  // NOT, NEG
    case 0xfe: return GroupWrites(modrm, 0x03);  // INC, DEC
    case 0xff:
      return GroupWrites(modrm, 0x03) || (GroupWrites(modrm, 0x4c) && Within(address, regs.rsp - 16, 16));  // CALL, PUSH
    // x87 stores.
    case 0xd9: return GroupWrites(modrm, 0xcc);
    case 0xdb: return GroupWrites(modrm, 0x8e);
    case 0xdd:
    case 0xdf: return GroupWrites(modrm, 0xce);
    default: return false;
  }
}

// Two-byte opcodes, also as VEX and EVEX map 1.
bool MapOne(int op, int modrm, bool repeat_prefix) {
  if (op >= 0x90 && op <= 0x9f) return true;  // SETcc
  switch (op) {
    case 0x11:
    case 0x13:
    case 0x17:
    case 0x29:
    case 0x2b:
    case 0x7f:
    case 0xd6:
    case 0xe7: return true;            // MOVUPS ... MOVNTDQ
    case 0x7e: return !repeat_prefix;  // MOVD to memory; F3 makes it a load
    case 0xa4:
    case 0xa5:
    case 0xac:
    case 0xad: return true;  // SHLD, SHRD
    case 0xab:
    case 0xb3:
    case 0xbb: return true;  // BTS, BTR, BTC
    case 0xba: return GroupWrites(modrm, 0xe0);
    case 0xb0:
    case 0xb1:
    case 0xc0:
    case 0xc1:
    case 0xc3: return true;                      // CMPXCHG, XADD, MOVNTI
    case 0xae: return GroupWrites(modrm, 0x59);  // FXSAVE, STMXCSR, XSAVE, XSAVEOPT
    case 0xc7: return GroupWrites(modrm, 0x3a);  // CMPXCHG16B, XSAVES, XSAVEC
    case 0xa0:
    case 0xa8: return true;  // PUSH FS, PUSH GS
    default: return false;
  }
}

bool MapTwo(int op, bool vector) {
  if (op == 0xf1) return !vector;  // MOVBE
  if (!vector) return false;
  return op == 0x2e || op == 0x2f || op == 0x8e || (op >= 0xa0 && op <= 0xa3) || op == 0x63 || op == 0x8a || op == 0x8b;
}

bool MapThree(int op, bool vector) {
  if (op >= 0x14 && op <= 0x17) return true;  // PEXTR, EXTRACTPS
  return vector && (op == 0x19 || op == 0x1b || op == 0x1d || op == 0x39 || op == 0x3b);
}

}  // namespace

bool WasWriting(std::span<const uint8_t> code, const Registers& regs, uint64_t address) {
  Bytes bytes(code);
  bool repeat = false;
  int op = bytes.Next();
  for (;; op = bytes.Next()) {
    if (op == 0xf3 || op == 0xf2) {
      repeat = op == 0xf3;
      continue;
    }
    if (op == 0x66 || op == 0x67 || op == 0xf0 || op == 0x2e || op == 0x36 || op == 0x3e || op == 0x26 || op == 0x64 || op == 0x65)
      continue;
    if (op < 0x40 || op > 0x4f) break;  // REX
  }
  int map = 0;
  bool vector = false;
  if (op == 0xc5 || op == 0xc4 || op == 0x62) {
    vector = true;
    const int first = bytes.Next();
    map = op == 0xc5 ? 1 : first & (op == 0xc4 ? 0x1f : 0x07);
    const int last = op == 0xc5 ? first : bytes.Next();
    if (op == 0x62) bytes.Next();
    repeat = last >= 0 && (last & 3) == 2;
    op = bytes.Next();
  } else if (op == 0x0f) {
    op = bytes.Next();
    map = op == 0x38 ? 2 : op == 0x3a ? 3 : 1;
    if (map != 1) op = bytes.Next();
  }
  if (op < 0) return false;
  switch (map) {
    case 0: return OneByte(op, bytes.Peek(), regs, address);
    case 1: return MapOne(op, bytes.Peek(), repeat);
    case 2: return MapTwo(op, vector);
    case 3: return MapThree(op, vector);
    default: return false;
  }
}

}  // namespace ringwall::arch
