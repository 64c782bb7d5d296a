// Direction of accesses, from hand-assembled instructions.
#include "arch/x86_64/decode.h"

#include <gtest/gtest.h>

#include <vector>

namespace ringwall::arch {
namespace {

bool Writes(std::vector<uint8_t> code, uint64_t address = 0x5000, Registers regs = {}) { return WasWriting(code, regs, address); }

TEST(WasWriting, TellsStoresFromLoads) {
  EXPECT_TRUE(Writes({0xc6, 0x00, 0x01}));              // movb $1,(%rax)
  EXPECT_TRUE(Writes({0x48, 0x89, 0x03}));              // mov %rax,(%rbx)
  EXPECT_FALSE(Writes({0x48, 0x8b, 0x03}));             // mov (%rbx),%rax
  EXPECT_TRUE(Writes({0xf0, 0x48, 0x0f, 0xb1, 0x0f}));  // lock cmpxchg %rcx,(%rdi)
  EXPECT_TRUE(Writes({0x83, 0x00, 0x01}));              // addl $1,(%rax)
  EXPECT_FALSE(Writes({0x83, 0x38, 0x01}));             // cmpl $1,(%rax)
  EXPECT_FALSE(Writes({0x39, 0x03}));                   // cmp %eax,(%rbx)
  EXPECT_TRUE(Writes({0x01, 0x03}));                    // add %eax,(%rbx)
  EXPECT_FALSE(Writes({0xf7, 0x00, 1, 0, 0, 0}));       // testl $1,(%rax)
  EXPECT_TRUE(Writes({0xf7, 0x18}));                    // negl (%rax)
  EXPECT_TRUE(Writes({0x0f, 0x94, 0x00}));              // sete (%rax)
}
TEST(WasWriting, KnowsVectorStores) {
  EXPECT_TRUE(Writes({0x0f, 0x29, 0x00}));                    // movaps %xmm0,(%rax)
  EXPECT_FALSE(Writes({0x0f, 0x28, 0x00}));                   // movaps (%rax),%xmm0
  EXPECT_TRUE(Writes({0x66, 0x0f, 0x7e, 0x00}));              // movd %xmm0,(%rax)
  EXPECT_FALSE(Writes({0xf3, 0x0f, 0x7e, 0x00}));             // movq (%rax),%xmm0
  EXPECT_TRUE(Writes({0xc5, 0xfe, 0x7f, 0x07}));              // vmovdqu %ymm0,(%rdi)
  EXPECT_FALSE(Writes({0xc5, 0xfe, 0x6f, 0x07}));             // vmovdqu (%rdi),%ymm0
  EXPECT_TRUE(Writes({0x62, 0xf1, 0xfe, 0x48, 0x7f, 0x07}));  // vmovdqu64 %zmm0,(%rdi)
  EXPECT_TRUE(Writes({0xc4, 0xe3, 0x7d, 0x39, 0x07, 0x01}));  // vextracti128 $1,%ymm0,(%rdi)
}
TEST(WasWriting, TwoPlacesAreToldApartByTheAddress) {
  const Registers regs{.rsi = 0x1000, .rdi = 0x2000, .rsp = 0x3000};
  EXPECT_TRUE(Writes({0xf3, 0x48, 0xa5}, 0x2000, regs));  // rep movsq
  EXPECT_FALSE(Writes({0xf3, 0x48, 0xa5}, 0x1000, regs));
  EXPECT_TRUE(Writes({0xff, 0x30}, 0x2ff8, regs));  // push (%rax)
  EXPECT_FALSE(Writes({0xff, 0x30}, 0x5000, regs));
  EXPECT_TRUE(Writes({0x55}, 0x2ff8, regs));   // push %rbp
  EXPECT_FALSE(Writes({0x5d}, 0x3000, regs));  // pop %rbp
}
TEST(WasWriting, SurvivesAnyBytes) {
  std::vector<uint8_t> code;
  EXPECT_FALSE(Writes(code));
  uint32_t seed = 1;
  for (int round = 0; round < 100'000; ++round) {
    code.resize(seed % 17);
    for (uint8_t& byte : code) byte = static_cast<uint8_t>((seed = seed * 1664525 + 1013904223) >> 24);
    (void)Writes(code);
    seed = seed * 1664525 + 1013904223;
  }
  EXPECT_FALSE(Writes(std::vector<uint8_t>(20, 0x66)));
}

}  // namespace
}  // namespace ringwall::arch
