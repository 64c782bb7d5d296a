// Instruction shapes, judged by Capstone on random bytes and by hand where Capstone has no say.
#include "arch/x86_64/rewrite_decode.h"

#include <capstone/capstone.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "arch/x86_64/decode.h"

namespace ringwall::arch {
namespace {

using Code = std::vector<uint8_t>;

Instruction Decode(const Code& code) { return DecodeInstruction(code); }
int Length(const Code& code) { return DecodeInstruction(code).length; }

class Oracle {
 public:
  Oracle() {
    EXPECT_EQ(cs_open(CS_ARCH_X86, CS_MODE_64, &handle_), CS_ERR_OK);
    cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
    insn_ = cs_malloc(handle_);
  }
  ~Oracle() {
    cs_free(insn_, 1);
    cs_close(&handle_);
  }
  const cs_insn* Decode(std::span<const uint8_t> code, uint64_t address) {
    const uint8_t* at = code.data();
    size_t left = code.size();
    return cs_disasm_iter(handle_, &at, &left, &address, insn_) ? insn_ : nullptr;
  }
  bool In(uint8_t group) const { return cs_insn_group(handle_, insn_, group); }

 private:
  csh handle_ = 0;
  cs_insn* insn_ = nullptr;
};

std::string Text(const cs_insn& insn, std::span<const uint8_t> code) {
  std::string text = std::string(insn.mnemonic) + " " + insn.op_str + " :";
  char hex[8];
  for (const uint8_t byte : code) {
    std::snprintf(hex, sizeof hex, " %02x", byte);
    text += hex;
  }
  return text;
}

class Random {
 public:
  uint8_t Byte() { return static_cast<uint8_t>((state_ = state_ * 6364136223846793005u + 1442695040888963407u) >> 33); }

 private:
  uint64_t state_ = 20260101;
};

// Where Capstone 4 is wrong by the SDM: a REX prefix in front of another prefix counts for nothing, a repeat prefix does not take away the
// operand size, no prefix changes the operand of RET, an address size does not shorten the displacement of a branch, and EVEX with a
// register has no displacement.
bool CapstoneErrs(std::span<const uint8_t> code, const Instruction& ours, size_t its_length) {
  bool address_size = false;
  bool operand_size = false;
  bool repeat = false;
  for (size_t i = 0; i < ours.opcode_at; ++i) {
    address_size |= code[i] == 0x67;
    operand_size |= code[i] == 0x66;
    repeat |= code[i] == 0xf2 || code[i] == 0xf3;
    if (i + 1 < ours.opcode_at && (code[i] & 0xf0) == 0x40) return true;
  }
  const uint8_t opcode = code[ours.opcode_at];
  if (address_size && ours.relative) return true;
  if (operand_size && repeat && opcode != 0x0f) return true;
  if (ours.opcode_at != 0 && (opcode == 0xc2 || opcode == 0xca)) return true;
  return opcode == 0x62 && code[ours.opcode_at + 5u] >= 0xc0 && its_length == ours.length + 1u;
}

// Lengths, targets and rip-relative operands of everything that both decode.
TEST(RewriteDecode, AgreesWithCapstoneOnRandomBytes) {
  constexpr uint64_t kAddress = 0x400000;
  Oracle oracle;
  Random random;
  int both = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::array<uint8_t, kMaxInstructionBytes> code;
    for (uint8_t& byte : code) byte = random.Byte();
    // Half of the rounds start like code does.
    if (round & 1) {
      static constexpr uint8_t kFronts[] = {0x48, 0x0f, 0x41, 0x66, 0xf3, 0xc5, 0xc4, 0x62, 0xf2, 0x4c};
      code[0] = kFronts[code[0] % std::size(kFronts)];
      if (code[0] == 0x62) {
        code[1] = (code[1] & 0xf0) | (code[1] & 3);
        code[2] |= 4;
      }
    }
    const cs_insn* expected = oracle.Decode(code, kAddress);
    const Instruction ours = DecodeInstruction(code);
    if (expected == nullptr || ours.length == 0 || CapstoneErrs(code, ours, expected->size)) continue;
    ++both;
    SCOPED_TRACE(Text(*expected, code));
    ASSERT_EQ(ours.length, expected->size);
    const cs_x86& detail = expected->detail->x86;
    const bool transaction = expected->id == X86_INS_XBEGIN;
    bool rip_operand = false;
    bool relative = false;
    for (int i = 0; i < detail.op_count; ++i) {
      const cs_x86_op& operand = detail.operands[i];
      rip_operand |= operand.type == X86_OP_MEM && (operand.mem.base == X86_REG_RIP || operand.mem.base == X86_REG_EIP);
      if (!oracle.In(CS_GRP_BRANCH_RELATIVE) || operand.type != X86_OP_IMM || transaction) continue;
      relative = true;
      // Capstone's sum has 32 bits.
      ASSERT_EQ(static_cast<uint32_t>(kAddress + ours.length) + static_cast<uint32_t>(ours.displacement),
                static_cast<uint32_t>(operand.imm));
    }
    ASSERT_EQ(ours.rip_operand_at != 0, rip_operand);
    ASSERT_EQ(ours.relative, relative);
    const bool pinned = oracle.In(CS_GRP_CALL) || oracle.In(CS_GRP_INT) || oracle.In(CS_GRP_IRET) || transaction;
    ASSERT_FALSE(pinned && ours.movable());
    ASSERT_FALSE(oracle.In(CS_GRP_RET) && !ours.ends());
    ASSERT_FALSE(oracle.In(CS_GRP_JUMP) && ours.flow == Flow::kNext);
    ASSERT_FALSE((ours.flow == Flow::kBranch || ours.flow == Flow::kJump) && !oracle.In(CS_GRP_JUMP));
  }
  EXPECT_GT(both, 100'000);
}

TEST(RewriteDecode, Lengths) {
  EXPECT_EQ(Length({0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff}), 6);            // cmp $-4095,%rax
  EXPECT_EQ(Length({0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8}), 10);           // movabs
  EXPECT_EQ(Length({0x66, 0xb8, 1, 2}), 4);                              // mov $,%ax
  EXPECT_EQ(Length({0x67, 0xa1, 1, 2, 3, 4}), 6);                        // mov abs32,%eax
  EXPECT_EQ(Length({0xa1, 1, 2, 3, 4, 5, 6, 7, 8}), 9);                  // mov abs64,%eax
  EXPECT_EQ(Length({0xf3, 0x0f, 0x1e, 0xfa}), 4);                        // endbr64
  EXPECT_EQ(Length({0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0}), 10);  // nopw
  EXPECT_EQ(Length({0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0}), 9);   // mov %fs:40,%rax
  EXPECT_EQ(Length({0xc5, 0xf8, 0x77}), 3);                              // vzeroupper
  EXPECT_EQ(Length({0x62, 0xf1, 0xfe, 0x48, 0x7f, 0x47, 0x01}), 7);      // vmovdqu64 with disp8
  EXPECT_EQ(Length({0xf6, 0x00, 0x01}), 3);                              // testb $1,(%rax)
  EXPECT_EQ(Length({0xf6, 0x10}), 2);                                    // notb (%rax)
  EXPECT_EQ(Length({0x66, 0x48, 0xc2, 1, 2}), 5);                        // ret $: operand size means nothing
  EXPECT_EQ(Length({0x66, 0x44, 0xf3, 0x68, 1, 2}), 6);                  // REX in front of a prefix
  EXPECT_EQ(Length({0x67, 0xe8, 1, 2, 3, 4}), 6);                        // call with an address size
}
TEST(RewriteDecode, RefusesWhatItCannotKnow) {
  EXPECT_EQ(Length({}), 0);
  EXPECT_EQ(Length({0x66, 0xe9, 0, 0, 0, 0}), 0);              // Intel: 32-bit displacement; AMD: 16
  EXPECT_EQ(Length({0xd5, 0x90, 0x90}), 0);                    // AAD once, REX2 with APX
  EXPECT_EQ(Length({0x8f, 0xe8, 0x78, 0xc0, 0xc0, 0, 0}), 0);  // XOP
  EXPECT_EQ(Length({0x0f, 0xff, 0xc0}), 0);                    // UD0: with ModRM or without
  EXPECT_EQ(Length({0x66, 0xc5, 0xf8, 0x77}), 0);              // a prefix in front of VEX
  EXPECT_EQ(Length(Code(15, 0x66)), 0);
  Code long_one(15, 0x66);
  long_one[14] = 0x90;
  EXPECT_EQ(Length(long_one), 15);
  long_one.insert(long_one.begin(), 0x66);
  EXPECT_EQ(Length(long_one), 0);
  for (const uint8_t byte : kInvalidOpcodes) {
    EXPECT_EQ(Length({byte, 0, 0, 0, 0, 0, 0, 0}), 0);
    EXPECT_TRUE(IsInvalidOpcode(byte));
  }
}
TEST(RewriteDecode, TruncatedInstructionsAreNone) {
  const Code code = {0x66, 0x41, 0x81, 0x84, 0x24, 1, 2, 3, 4, 5, 6};  // addw $,disp32(%r12)
  ASSERT_EQ(Length(code), 11);
  for (size_t size = 0; size < code.size(); ++size) EXPECT_EQ(Length(Code(code.begin(), code.begin() + static_cast<ptrdiff_t>(size))), 0);
}
TEST(RewriteDecode, Flow) {
  EXPECT_EQ(Decode({0x74, 0x05}).flow, Flow::kBranch);
  EXPECT_EQ(Decode({0x74, 0x85}).displacement, -123);
  EXPECT_EQ(Decode({0x0f, 0x84, 0xff, 0xff, 0xff, 0xff}).displacement, -1);
  EXPECT_EQ(Decode({0xeb, 0x05}).flow, Flow::kJump);
  EXPECT_EQ(Decode({0xc3}).flow, Flow::kStop);
  EXPECT_EQ(Decode({0xf3, 0xc3}).flow, Flow::kStop);
  EXPECT_EQ(Decode({0xff, 0xe0}).flow, Flow::kStop);
  EXPECT_EQ(Decode({0xff, 0x25, 0, 0, 0, 0}).rip_operand_at, 2);
  EXPECT_EQ(Decode({0xff, 0xd0}).flow, Flow::kPinned);
  EXPECT_EQ(Decode({0xe8, 0, 0, 0, 0}).flow, Flow::kPinned);
  EXPECT_EQ(Decode({0xe2, 0}).flow, Flow::kPinned);
  EXPECT_EQ(Decode({0x0f, 0x05}).flow, Flow::kPinned);
  EXPECT_EQ(Decode({0xcd, 0x80}).flow, Flow::kPinned);
  EXPECT_EQ(Decode({0x0f, 0x0b}).flow, Flow::kPinnedStop);
  EXPECT_EQ(Decode({0x67, 0x8b, 0x05, 0, 0, 0, 0}).flow, Flow::kPinned);  // mov (%eip),%eax
}

}  // namespace
}  // namespace ringwall::arch
