// Which call sites can be rewritten: encodings of real libraries and adversarial ones.
#include <gtest/gtest.h>

#include <vector>

#include "arch/x86_64/rewrite.h"
#include "arch/x86_64/rewrite_decode.h"
#include "arch/x86_64/test_rewrite.h"

namespace ringwall::arch {
namespace {

TEST(RewriteAnalysis, GlibcWrapper) {
  const RewriteSite site = Text(kMovGetpid, kCmpJump).Analyse(39);
  EXPECT_EQ(site.form, RewriteForm::kBefore);
  EXPECT_EQ(site.first, site.site - 5);
  EXPECT_EQ(site.invalid_mask, 0);
  EXPECT_EQ(site.displaced_size, 5);
}
TEST(RewriteAnalysis, GoNumberInFullRegister) {
  const RewriteSite site = Text({0x48, 0xc7, 0xc0, 0x27, 0, 0, 0}, {0xc3}).Analyse(39);
  EXPECT_EQ(site.form, RewriteForm::kBefore);
  EXPECT_EQ(site.first, site.site - 7);
  EXPECT_EQ(Text({0x48, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff}, {0xc3}).Analyse(~uint64_t{0}).form, RewriteForm::kBefore);
  EXPECT_NE(Text({0x48, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff}, {0xc3}).Analyse(0xffff'ffff).form, RewriteForm::kBefore);
}
TEST(RewriteAnalysis, GoRawSyscallDisplacesTheComparison) {
  // mov 0x8(%rsp),%rax; syscall; cmp $-4095,%rax; jbe
  const RewriteSite site = Text({0x48, 0x8b, 0x44, 0x24, 0x08}, {0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff, 0x76, 0x10}).Analyse(39);
  EXPECT_EQ(site.form, RewriteForm::kAfter);
  EXPECT_EQ(site.first, site.site);
  EXPECT_EQ(site.displaced_end, site.site + 8);
  EXPECT_EQ(site.invalid_mask, 0b0010);
}
TEST(RewriteAnalysis, NumbersThatAreNotImmediates) {
  EXPECT_EQ(Text({0x31, 0xc0}, kCmpError).Analyse(0).form, RewriteForm::kAfter);        // xor %eax,%eax
  EXPECT_EQ(Text({0x48, 0x89, 0xf8}, kCmpError).Analyse(7).form, RewriteForm::kAfter);  // mov %rdi,%rax
  EXPECT_EQ(Text({0x44, 0x89, 0xc0}, kCmpError).Analyse(7).form, RewriteForm::kAfter);  // mov %r8d,%eax
}
TEST(RewriteAnalysis, MuslSyscallThenReturn) {
  // What follows the RET inside the patch is somebody else's: every byte of it has to stop whoever comes.
  const RewriteSite site = Text({0x4d, 0x89, 0xc8}, {0xc3}).Analyse(3);
  EXPECT_EQ(site.form, RewriteForm::kAfter);
  EXPECT_EQ(site.invalid_mask, 0b1110);
  EXPECT_EQ(site.displaced_size, 1);
  EXPECT_EQ(site.displaced_end, site.site + 3);
}
TEST(RewriteAnalysis, SeveralDisplacedInstructions) {
  const RewriteSite site = Text({0x89, 0xd0}, {0x89, 0xc2, 0x5b, 0xc3}).Analyse(3);  // mov %eax,%edx; pop %rbx
  EXPECT_EQ(site.form, RewriteForm::kAfter);
  EXPECT_EQ(site.displaced_size, 3);
  EXPECT_EQ(site.invalid_mask, 0b1010);
}

TEST(RewriteAnalysis, AnotherNumberIsNoProof) {
  const Text text(kMovGetpid, {0xe8, 0, 0, 0, 0});
  EXPECT_EQ(text.Analyse(40).form, RewriteForm::kNone);
  EXPECT_EQ(text.Analyse(uint64_t{1} << 32 | 39).form, RewriteForm::kNone);
  EXPECT_EQ(Text(kMovGetpid, kCmpError).Analyse(40).form, RewriteForm::kAfter);
}
TEST(RewriteAnalysis, LooksLikeALoadedNumberButIsNot) {
  for (const Code& before : {Code{0x41, 0xb8, 0x27, 0, 0, 0},              // mov $39,%r8d
                             Code{0x8b, 0xb8, 0x27, 0, 0, 0},              // mov 39(%rax),%edi
                             Code{0x48, 0xb8, 0x27, 0, 0, 0, 0x0f, 0x05},  // in the immediate of movabs
                             Code{0x3c, 0xb8, 0x27, 0, 0, 0},              // cmp $0xb8,%al; es; add %al,(%rax): a prefix and an ADD
                             Code{0x66, 0xb8, 0x27, 0, 0, 0}}) {           // mov $39,%ax; add %al,(%rax)
    const RewriteSite site = Text(before, kCmpError).Analyse(39, RewriteForm::kBefore);
    EXPECT_EQ(site.form, RewriteForm::kNone);
    EXPECT_TRUE(site.refusal == RewriteRefusal::kAmbiguous || site.refusal == RewriteRefusal::kUnmovable)
        << RewriteRefusalName(site.refusal);
  }
}
TEST(RewriteAnalysis, SyscallInsideAnotherInstructionIsLeftAlone) {
  // mov $0x90c3050f,%eax: somebody jumped into its immediate.
  Text text({0xb8}, {0xc3, 0x90, 0x48, 0x3d, 0, 0, 0, 0});
  EXPECT_EQ(text.Analyse(39).refusal, RewriteRefusal::kAmbiguous);
  // lea 0x1234050f(%rip),%rcx
  text = Text({0x48, 0x8d, 0x0d}, {0x34, 0x12, 0x90});
  EXPECT_EQ(text.Analyse(39).refusal, RewriteRefusal::kAmbiguous);
}
TEST(RewriteAnalysis, WhatCannotBeMoved) {
  for (const Code& behind :
       {Code{0xe8, 0, 0, 0, 0}, Code{0xff, 0xd0, 0x90}, Code{0x0f, 0x05, 0x90}, Code{0xcc, 0x90, 0x90}, Code{0xf4, 0x90, 0x90},
        Code{0x0f, 0x0b, 0x90}, Code{0xe2, 0x10, 0x90}, Code{0xe3, 0x10, 0x90}, Code{0x06, 0x90, 0x90}, Code{0xcd, 0x80, 0x90},
        Code{0x67, 0x8b, 0x05, 0, 0, 0, 0}, Code{0x90, 0x90, 0xe8, 0, 0, 0, 0}, Code{0xc7, 0xf8, 0, 0, 0, 0}})
    EXPECT_EQ(Text({0x89, 0xd0}, behind).Analyse(39).refusal, RewriteRefusal::kUnmovable);
}
TEST(RewriteAnalysis, PrefixesOfTheCall) {
  // The trap names the 0F. Behind 66 a jump would be read differently by Intel and AMD.
  for (const Code& before : {Code{0x66}, Code{0x66, 0x48}, Code{0x48}, Code{0xf3}})
    EXPECT_EQ(Text(before, kCmpError).Analyse(39).refusal, RewriteRefusal::kAmbiguous);
  // mov 0x66(%rsp),%rax: that 66 is no prefix.
  EXPECT_EQ(Text({0x48, 0x8b, 0x44, 0x24, 0x66}, kCmpError).Analyse(39).form, RewriteForm::kAfter);
}
TEST(RewriteAnalysis, ShortBranches) {
  // jmp to S: kBefore leaves the syscall in place.
  Text text(kMovGetpid, kCmpError);
  text.bytes[480] = 0xeb;
  text.bytes[481] = 512 - 482;
  EXPECT_EQ(text.Analyse(39).form, RewriteForm::kBefore);
  EXPECT_EQ(text.Analyse(39, RewriteForm::kAfter).form, RewriteForm::kAfter);
  // je to S+2: kAfter would be slow.
  text.bytes[480] = 0x74;
  text.bytes[481] = 514 - 482;
  EXPECT_EQ(text.Analyse(39).form, RewriteForm::kBefore);
  EXPECT_EQ(text.Analyse(39, RewriteForm::kAfter).refusal, RewriteRefusal::kBranchTarget);
  // Into the immediate.
  text.bytes[481] = 509 - 482;
  EXPECT_EQ(text.Analyse(39, RewriteForm::kBefore).refusal, RewriteRefusal::kBranchTarget);
  // From behind: loop back to S+2, over cmp.
  text = Text(kMovGetpid, {0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff, 0x77, 0xf8});
  EXPECT_EQ(text.Analyse(39, RewriteForm::kAfter).refusal, RewriteRefusal::kBranchTarget);
  // To the MOV: that is the first byte of the patch.
  text.bytes[480] = 0xeb;
  text.bytes[481] = 507 - 482;
  EXPECT_EQ(text.Analyse(39).form, RewriteForm::kBefore);
}
TEST(RewriteAnalysis, FarBranches) {
  for (const Code& opcode : {Code{0xe8}, Code{0xe9}, Code{0x0f, 0x84}, Code{0x0f, 0x8f}}) {
    for (const size_t at : {size_t{8}, size_t{100}, size_t{900}}) {
      Text text(kMovGetpid, kCmpError, 512);
      text.bytes.resize(1024, 0x90);
      text.PutBranch(at, opcode, text.site + 2);
      EXPECT_EQ(text.Analyse(39).form, RewriteForm::kBefore);
      EXPECT_EQ(text.Analyse(39, RewriteForm::kAfter).refusal, RewriteRefusal::kBranchTarget);
      text.PutBranch(at, opcode, text.site - 2);
      EXPECT_EQ(text.Analyse(39, RewriteForm::kBefore).refusal, RewriteRefusal::kBranchTarget);
      EXPECT_EQ(text.Analyse(39).form, RewriteForm::kAfter);
      text.PutBranch(at, opcode, text.site);
      EXPECT_EQ(text.Analyse(39).form, RewriteForm::kBefore);
    }
  }
}
TEST(RewriteAnalysis, PageBorders) {
  for (uint64_t offset = 4096 - 8; offset <= 4096 + 8; ++offset) {
    const Text text(kMovGetpid, kCmpError, offset);
    const RewriteSite before = text.Analyse(39, RewriteForm::kBefore);
    const bool before_fits = offset <= 4096 || offset - 5 >= 4096;
    EXPECT_EQ(before.form == RewriteForm::kBefore, before_fits) << offset;
    if (!before_fits) {
      EXPECT_EQ(before.refusal, RewriteRefusal::kPageBorder);
    }
    const RewriteSite after = text.Analyse(39, RewriteForm::kAfter);
    EXPECT_EQ(after.form == RewriteForm::kAfter, offset + 5 <= 4096 || offset >= 4096) << offset;
  }
}
TEST(RewriteAnalysis, EdgesOfTheSnapshot) {
  const Text text(kMovGetpid, kCmpError, 512);
  for (const uint64_t site :
       {uint64_t{0}, kBase - 1, kBase - 2, kBase, kBase + text.bytes.size() - 1, kBase + text.bytes.size(), ~uint64_t{0}})
    EXPECT_EQ(AnalyseSite({kBase, text.bytes}, site, 39).refusal, RewriteRefusal::kNotASite);
  EXPECT_EQ(AnalyseSite({kBase, {}}, kBase, 39).refusal, RewriteRefusal::kNotASite);
  EXPECT_EQ(AnalyseSite({kBase + 1, text.bytes}, text.site + 1, 39).refusal, RewriteRefusal::kNotASite);
  const Code top(16, 0x0f);
  EXPECT_EQ(AnalyseSite({~uint64_t{7}, top}, ~uint64_t{7}, 39).refusal, RewriteRefusal::kNotASite);
  // Every cut of the front and the back: an answer, and never a plan that is not inside.
  for (uint64_t front = 0; front <= 512; front += 8) {
    for (uint64_t back = 520; back <= 560; back += 8) {
      const std::span<const uint8_t> cut(text.bytes.data() + front, back - front);
      for (const RewriteForm form : {RewriteForm::kBefore, RewriteForm::kAfter}) {
        const RewriteSite site = AnalyseSite({kBase + front, cut}, text.site, 39, form);
        if (site.form == RewriteForm::kNone) continue;
        EXPECT_GE(site.first, kBase + front);
        EXPECT_LE(site.displaced_end, kBase + back);
      }
    }
  }
}

}  // namespace
}  // namespace ringwall::arch
