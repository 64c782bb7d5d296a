// Classic BPF: what is refused and what programs compute.
#include <string.h>

#include <random>
#include <vector>

#include "base/bpf/interpreter.h"
#include "base/bpf/opcode.h"
#include "base/bpf/program.h"
#include "gtest/gtest.h"

namespace ringwall::bpf {
namespace {

Instruction Op(uint16_t code, uint32_t k = 0, uint8_t jt = 0, uint8_t jf = 0) { return {code, jt, jf, k}; }
Errno Refusal(std::vector<Instruction> code, Dialect dialect) {
  auto p = Program::Create(code, dialect);
  return p.ok() ? static_cast<Errno>(0) : p.error();
}
uint32_t RunSocket(std::vector<Instruction> code, std::vector<uint8_t> packet = {}) {
  auto p = Program::Create(code, Dialect::kSocket);
  EXPECT_TRUE(p.ok());
  return bpf::Run(*p, std::as_bytes(std::span(packet)));
}

TEST(BpfProgram, RefusesWhatTheKernelRefuses) {
  const auto ret = Op(kRet, 1);
  EXPECT_EQ(Refusal({}, Dialect::kSocket), Errno::kEINVAL);
  EXPECT_EQ(Refusal({Op(kLd | kImm)}, Dialect::kSocket), Errno::kEINVAL);                   // no return
  EXPECT_EQ(Refusal({Op(kJmp | kJa, 1), ret}, Dialect::kSocket), Errno::kEINVAL);           // jump behind the end
  EXPECT_EQ(Refusal({Op(kJmp | kJa, 0xffffffff), ret}, Dialect::kSocket), Errno::kEINVAL);  // jump backwards
  EXPECT_EQ(Refusal({Op(kJmp | kJeq, 0, 0, 1), ret}, Dialect::kSocket), Errno::kEINVAL);
  EXPECT_EQ(Refusal({Op(kAlu | kDiv, 0), ret}, Dialect::kSocket), Errno::kEINVAL);
  EXPECT_EQ(Refusal({Op(kAlu | kLsh, 32), ret}, Dialect::kSocket), Errno::kEINVAL);
  EXPECT_EQ(Refusal({Op(kSt, 16), ret}, Dialect::kSocket), Errno::kEINVAL);
  EXPECT_EQ(Refusal({Op(kLd | kMem, 3), ret}, Dialect::kSocket), Errno::kEINVAL);  // never written
  EXPECT_EQ(Refusal({Op(kLd | kAbs | kWord, 0xfffff000), ret}, Dialect::kSocket), Errno::kEINVAL);
  EXPECT_EQ(Refusal({Op(0xffff), ret}, Dialect::kSocket), Errno::kEINVAL);
  EXPECT_EQ(Refusal(std::vector<Instruction>(kMaxInstructions + 1, ret), Dialect::kSocket), Errno::kEINVAL);
  EXPECT_EQ(Refusal(std::vector<Instruction>(kMaxInstructions, ret), Dialect::kSocket), static_cast<Errno>(0));
}

TEST(BpfProgram, SeccompDialectIsNarrower) {
  const auto ret = Op(kRet, 1);
  EXPECT_EQ(Refusal({Op(kLd | kAbs | kWord, 60), ret}, Dialect::kSeccomp), static_cast<Errno>(0));
  EXPECT_EQ(Refusal({Op(kLd | kAbs | kWord, 64), ret}, Dialect::kSeccomp), Errno::kEINVAL);
  EXPECT_EQ(Refusal({Op(kLd | kAbs | kWord, 2), ret}, Dialect::kSeccomp), Errno::kEINVAL);
  EXPECT_EQ(Refusal({Op(kLd | kAbs | kByte, 0), ret}, Dialect::kSeccomp), Errno::kEINVAL);
  EXPECT_EQ(Refusal({Op(kAlu | kMod, 3), ret}, Dialect::kSeccomp), Errno::kEINVAL);
}

TEST(BpfProgram, ScratchMustBeWrittenOnEveryPath) {
  const auto ret = Op(kRet, 1);
  EXPECT_EQ(Refusal({Op(kJmp | kJeq, 0, 0, 1), Op(kSt, 2), Op(kLd | kMem, 2), ret}, Dialect::kSocket), Errno::kEINVAL);
  EXPECT_EQ(Refusal({Op(kSt, 2), Op(kJmp | kJeq, 0, 0, 1), Op(kSt, 2), Op(kLd | kMem, 2), ret}, Dialect::kSocket), static_cast<Errno>(0));
}

TEST(BpfRun, LoadsAreBigEndianAndBounded) {
  EXPECT_EQ(RunSocket({Op(kLd | kAbs | kHalf, 1), Op(kRet | kRetA)}, {1, 2, 3}), 0x203u);
  EXPECT_EQ(RunSocket({Op(kLd | kAbs | kHalf, 2), Op(kRet, 7)}, {1, 2, 3}), 0u);
  EXPECT_EQ(RunSocket({Op(kLdx | kImm, 0xffffffff), Op(kLd | kInd | kByte, 1), Op(kRet, 7)}, {1, 2, 3}), 0u);
  EXPECT_EQ(RunSocket({Op(kLdx | kMsh | kByte, 0), Op(kMisc | kTxa), Op(kRet | kRetA)}, {0x45}), 20u);
  EXPECT_EQ(RunSocket({Op(kLd | kLen), Op(kRet | kRetA)}, {1, 2, 3}), 3u);
}

TEST(BpfRun, ArithmeticAndJumps) {
  EXPECT_EQ(RunSocket({Op(kLd | kImm, 10), Op(kAlu | kMod, 4), Op(kAlu | kNeg), Op(kRet | kRetA)}), static_cast<uint32_t>(-2));
  EXPECT_EQ(RunSocket({Op(kLd | kImm, 10), Op(kAlu | kDiv | kX), Op(kRet, 7)}), 0u);
  EXPECT_EQ(RunSocket({Op(kLd | kImm, 6), Op(kJmp | kJset, 2, 1, 0), Op(kRet, 1), Op(kRet, 2)}), 2u);
  EXPECT_EQ(RunSocket({Op(kLd | kImm, 6), Op(kSt, 15), Op(kLdx | kMem, 15), Op(kMisc | kTxa), Op(kAlu | kLsh | kX), Op(kRet | kRetA)}),
            6u << 6);
}

TEST(BpfRun, RandomAcceptedProgramsEnd) {
  std::mt19937 random(1);
  std::vector<std::byte> data(64);
  int accepted = 0;
  for (int i = 0; i < 200000; ++i) {
    std::vector<Instruction> code(1 + random() % 6);
    for (auto& in : code) in = Op(static_cast<uint16_t>(random() % 0xb0), random() % 5, random() % 3, random() % 3);
    code.back() = Op(kRet | kRetA);
    auto p = Program::Create(code, random() % 2 != 0 ? Dialect::kSocket : Dialect::kSeccomp);
    if (!p.ok()) continue;
    ++accepted;
    bpf::Run(*p, data);
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace ringwall::bpf
