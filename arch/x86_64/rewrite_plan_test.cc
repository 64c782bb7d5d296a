// Trampolines, the stores that switch a site over, and both on random code.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "arch/x86_64/rewrite.h"
#include "arch/x86_64/rewrite_decode.h"
#include "arch/x86_64/rewrite_table.h"
#include "arch/x86_64/test_rewrite.h"

namespace ringwall::arch {
namespace {

using Kind = RewriteTable::Resolution::Kind;

TEST(RewritePlan, BeforeIsLaidOutAsDescribed) {
  const Text text(kMovGetpid, kCmpError);
  const RewritePlan plan = text.Plan(39);
  const uint64_t t = plan.trampoline;
  EXPECT_EQ(t, kArea);
  const Instruction jump = DecodeInstruction(plan.patched);
  EXPECT_EQ(jump.flow, Flow::kJump);
  EXPECT_EQ(plan.site.first + 5 + static_cast<uint64_t>(static_cast<int64_t>(jump.displacement)), t);
  EXPECT_EQ(Code(plan.code.begin(), plan.code.begin() + 8), (Code{0xb8, 0x27, 0, 0, 0, 0x48, 0x8d, 0x0d}));
  EXPECT_EQ(plan.code[12], 0xe9);
  uint64_t record[2];
  std::memcpy(record, &plan.code[24], sizeof record);
  EXPECT_EQ(record[0], text.site + 2);
  EXPECT_EQ(record[1], text.site + 2);
  EXPECT_EQ(plan.code_size, 40);
  ASSERT_EQ(plan.point_count, 4);
  EXPECT_EQ(plan.points[0].guest_rip, text.site - 5);
  EXPECT_EQ(plan.points[1].guest_rip, text.site);
  EXPECT_EQ(plan.points[2].state, TrampolinePoint::State::kEntering);
  EXPECT_EQ(plan.points[3].state, TrampolinePoint::State::kEntering) << "the record";
  EXPECT_EQ(plan.points[3].offset, 24);
}
TEST(RewritePlan, FarEntryGoesThroughALiteral) {
  const Text text(kMovGetpid, kCmpError);
  const uint64_t entry = 0x1234'5678'9abc;
  const auto plan = BuildRewrite(text.Analyse(39), kArea, entry);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->code[12], 0xff);
  EXPECT_EQ(plan->code[13], 0x25);
  int32_t displacement;
  std::memcpy(&displacement, &plan->code[14], 4);
  uint64_t literal;
  std::memcpy(&literal, &plan->code[18 + static_cast<size_t>(displacement)], 8);
  EXPECT_EQ(literal, entry);
}
TEST(RewritePlan, RelativeOperandsAreMoved) {
  // mov 0x100(%rip),%rcx and a short branch that becomes a near one.
  const Text text({0x89, 0xd0}, {0x48, 0x8b, 0x0d, 0x00, 0x01, 0, 0});
  const RewritePlan plan = text.Plan(3);
  const size_t at = plan.resume - plan.trampoline;
  const Instruction load = DecodeInstruction({plan.code.data() + at, 7});
  ASSERT_EQ(load.rip_operand_at, 3);
  int32_t displacement;
  std::memcpy(&displacement, &plan.code[at + 3], 4);
  EXPECT_EQ(plan.resume + 7 + static_cast<uint64_t>(static_cast<int64_t>(displacement)), text.site + 2 + 7 + 0x100);

  const Text branches({0x89, 0xd0}, {0x85, 0xc0, 0x78, 0x20});  // test %eax,%eax; js +0x20
  const RewritePlan plan2 = branches.Plan(3);
  const size_t branch = plan2.resume - plan2.trampoline + 2;
  EXPECT_EQ(plan2.code[branch], 0x0f);
  EXPECT_EQ(plan2.code[branch + 1], 0x88);
  std::memcpy(&displacement, &plan2.code[branch + 2], 4);
  EXPECT_EQ(plan2.trampoline + branch + 6 + static_cast<uint64_t>(static_cast<int64_t>(displacement)), branches.site + 6 + 0x20);
}
TEST(RewritePlan, OutOfReachIsRefused) {
  const Text text(kMovGetpid, kCmpError);
  EXPECT_FALSE(BuildRewrite(text.Analyse(39), kBase + (uint64_t{3} << 30), kEntry).has_value());
  EXPECT_FALSE(BuildRewrite({}, kArea, kEntry).has_value());
  // A slot whose displacement has valid opcodes.
  EXPECT_FALSE(BuildRewrite(text.Analyse(39, RewriteForm::kAfter), text.site + 5, kEntry).has_value());
  // An operand that the trampoline cannot reach: 2 GiB in front of the site.
  const Text far({0x89, 0xd0}, {0x48, 0x8b, 0x0d, 0x00, 0x00, 0x00, 0x80});
  EXPECT_FALSE(RewriteTable().Place(far.Analyse(3), kArea, kAreaEnd, kEntry).has_value());
}
TEST(RewritePlan, SlotsAreTheFirstThatFit) {
  const RewriteSite after = Text({0x89, 0xd0}, kCmpError).Analyse(3);
  const RewriteSite with_return = Text({0x89, 0xd0}, {0xc3}).Analyse(3);
  for (const RewriteSite& site : {after, with_return}) {
    uint64_t from = kBase + (95 << 20);
    for (int round = 0; round < 40; ++round) {
      const auto slot = FindTrampolineSlot(site, from, kAreaEnd);
      ASSERT_TRUE(slot.has_value());
      for (uint64_t address = (from + 15) & ~uint64_t{15}; address <= *slot; address += 16) {
        const uint64_t distance = address - site.first - 5;
        bool fits = true;
        for (int byte = 0; byte < 4; ++byte)
          if (site.invalid_mask >> byte & 1) fits &= IsInvalidOpcode(static_cast<uint8_t>(distance >> 8 * byte));
        ASSERT_EQ(fits, address == *slot);
      }
      from = *slot + 1 + static_cast<uint64_t>(round) * 1000;
    }
  }
  EXPECT_FALSE(FindTrampolineSlot(after, kArea, kArea + 95).has_value());
  EXPECT_FALSE(FindTrampolineSlot(after, kBase + (uint64_t{3} << 30), ~uint64_t{0}).has_value());
  // Behind the site, below it, and far below, where the search begins at the reach.
  EXPECT_TRUE(FindTrampolineSlot(after, 0, kBase).has_value());
  EXPECT_GE(*FindTrampolineSlot(after, 0, kBase), after.site - (uint64_t{1} << 31));
  EXPECT_TRUE(FindTrampolineSlot(after, after.site - 70'000, after.site).has_value());
}

// ---- stores

struct Memory {
  uint64_t base;
  Code bytes;
  bool Store(const WordWrite& write) {
    EXPECT_EQ(write.address % 8, 0u);
    EXPECT_EQ(write.expected & ~write.mask, 0u);
    EXPECT_EQ(write.desired & ~write.mask, 0u);
    uint64_t word;
    std::memcpy(&word, &bytes[write.address - base], 8);
    if ((word & write.mask) != write.expected) return false;
    word = (word & ~write.mask) | write.desired;
    std::memcpy(&bytes[write.address - base], &word, 8);
    return true;
  }
};

TEST(RewriteSteps, EveryStateBetweenIsSafe) {
  for (uint64_t offset = 504; offset < 512; ++offset) {
    for (const Code& behind : {kCmpError, Code{0x89, 0xc2, 0x5b, 0x5d, 0xc3}, Code{0x85, 0xc0, 0x78, 0x20}}) {
      for (const RewriteForm form : {RewriteForm::kBefore, RewriteForm::kAfter}) {
        const Text text(kMovGetpid, behind, offset);
        const RewritePlan plan = text.Plan(39, form);
        Memory memory{kBase, text.bytes};
        const size_t first = plan.site.first - kBase;
        // Instructions that began inside the patch and behind its first byte.
        std::vector<size_t> starts;
        if (form == RewriteForm::kAfter)
          for (size_t i = 0; i < plan.point_count; ++i)
            if (plan.points[i].guest_rip > plan.site.first && plan.points[i].guest_rip < plan.site.first + 5)
              starts.push_back(plan.points[i].guest_rip - kBase);
        for (const bool undo : {false, true}) {
          const RewriteSteps steps = undo ? UndoSteps(plan) : PatchSteps(plan);
          EXPECT_EQ(steps.count, plan.site.single_word() ? 1 : 3);
          for (size_t i = 0; i < steps.count; ++i) {
            ASSERT_TRUE(memory.Store(steps.writes[i]));
            const uint8_t opcode = memory.bytes[first];
            const bool last = i + 1 == steps.count;
            if (!last) {
              EXPECT_TRUE(IsInvalidOpcode(opcode));
            }
            // The old instruction whole, or #UD.
            for (const size_t start : starts) {
              const size_t length = DecodeInstruction(std::span(text.bytes).subspan(start)).length;
              EXPECT_TRUE(IsInvalidOpcode(memory.bytes[start]) || std::memcmp(&memory.bytes[start], &text.bytes[start], length) == 0);
            }
          }
          const uint8_t* expected = undo ? plan.site.original.data() : plan.patched.data();
          EXPECT_EQ(std::memcmp(&memory.bytes[first], expected, 5), 0);
        }
        EXPECT_EQ(memory.bytes, text.bytes);
      }
    }
  }
}
TEST(RewriteSteps, ForeignBytesAreNotOverwritten) {
  const Text text(kMovGetpid, kCmpError, 512 + 5);
  const RewritePlan plan = text.Plan(39);
  Memory memory{kBase, text.bytes};
  memory.bytes[plan.site.first - kBase + 1] ^= 1;
  EXPECT_FALSE(memory.Store(PatchSteps(plan).writes[0]));
}

TEST(BeginCall, IsWhatTheInstructionDoes) {
  Registers regs{.r11 = 1, .rax = 39, .rcx = 2, .orig_rax = ~uint64_t{0}, .rip = kArea, .eflags = 0x10246};
  BeginCall(regs, kBase);
  EXPECT_EQ(regs.rip, kBase + 2);
  EXPECT_EQ(regs.rcx, kBase + 2);
  EXPECT_EQ(regs.r11, 0x246u);
  EXPECT_EQ(regs.orig_rax, 39u);
  EXPECT_EQ(static_cast<int64_t>(regs.rax), -38);
}

// ---- any code

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}
  uint64_t Below(uint64_t limit) { return random_() % limit; }
  // A random instruction that the decoder knows and that is not a system call.
  Code Next() {
    for (;;) {
      Code bytes(15);
      for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random_());
      if (Below(3) == 0) bytes[0] = 0x48;
      const Instruction instruction = DecodeInstruction(bytes);
      if (instruction.length == 0 || instruction.relative) continue;
      bytes.resize(instruction.length);
      return bytes;
    }
  }

 private:
  std::mt19937_64 random_;
};

TEST(RewriteProperty, OtherInstructionsStayWhereTheyWere) {
  Generator random(7);
  int before = 0;
  int after = 0;
  for (int round = 0; round < 4000; ++round) {
    Code bytes;
    std::vector<size_t> starts;
    const auto add = [&](const Code& code) {
      starts.push_back(bytes.size());
      bytes.insert(bytes.end(), code.begin(), code.end());
    };
    while (bytes.size() < 300 + random.Below(16)) add(random.Next());
    const bool mov = random.Below(2) == 0;
    if (mov) add({0xb8, static_cast<uint8_t>(random.Below(256)), 1, 0, 0});
    const uint64_t number = mov ? bytes[bytes.size() - 4] + 256u : 5;
    const size_t site = bytes.size();
    add({0x0f, 0x05});
    while (bytes.size() < 700) add(random.Next());
    bytes.resize((bytes.size() + 7) & ~size_t{7}, 0x90);

    const RewriteSite found = AnalyseSite({kBase, bytes}, kBase + site, number);
    if (found.form == RewriteForm::kNone) continue;
    ++(found.form == RewriteForm::kBefore ? before : after);
    RewriteTable table;
    const auto plan = table.Place(found, kArea, kAreaEnd, kEntry);
    if (!plan.has_value()) continue;
    ASSERT_TRUE(table.Insert(*plan));
    Memory memory{kBase, bytes};
    const RewriteSteps steps = PatchSteps(*plan);
    for (size_t i = 0; i < steps.count; ++i) ASSERT_TRUE(memory.Store(steps.writes[i]));

    // The displaced instructions are in the trampoline, in order, with their lengths (but for branches).
    const size_t first = found.first - kBase;
    const size_t end = first + kRewritePatchBytes;
    for (const size_t start : starts) {
      const Instruction old = DecodeInstruction(std::span(bytes).subspan(start));
      if (start >= end || start < first) {
        // Not displaced, or the tail of one that was: decodes as before.
        const Instruction now = DecodeInstruction(std::span(memory.bytes).subspan(start));
        if (start + old.length <= first || start >= end) {
          ASSERT_EQ(now.length, old.length);
          ASSERT_EQ(now.flow, old.flow);
        }
        ASSERT_TRUE(start + old.length <= first || start >= end);
        ASSERT_EQ(table.Resolve(kBase + start).kind, Kind::kNone);
        ASSERT_EQ(table.ResumeAddress(kBase + start), kBase + start);
        continue;
      }
      const auto resolution = table.Resolve(kBase + start);
      ASSERT_TRUE(start == first || IsInvalidOpcode(memory.bytes[start]));
      if (kBase + start >= found.displaced_end) {  // behind a RET
        ASSERT_EQ(resolution.kind, Kind::kUndo);
        continue;
      }
      ASSERT_EQ(resolution.kind, Kind::kResume);
      if (start != site) {
        const Instruction copy = DecodeInstruction(std::span(plan->code).subspan(resolution.rip - plan->trampoline));
        ASSERT_EQ(copy.flow, old.flow);
        if (old.rip_operand_at == 0) {
          ASSERT_EQ(copy.length, old.length);
          ASSERT_EQ(std::memcmp(&plan->code[resolution.rip - plan->trampoline], &bytes[start], old.length), 0);
        }
      }
      // And back.
      const auto back = table.Resolve(resolution.rip);
      ASSERT_EQ(back.kind, Kind::kOutside);
      ASSERT_EQ(back.rip, kBase + start);
    }
    table.HidePatches(kBase, memory.bytes);
    ASSERT_EQ(memory.bytes, bytes);
  }
  // Random code is mostly ambiguous; what is taken must be right, and something must be taken.
  EXPECT_GT(before, 200);
  EXPECT_GT(after, 200);
}
TEST(RewriteProperty, AnyBytesGetAnAnswer) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 20'000; ++round) {
    Code bytes(8 * (1 + random() % 80));
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    const size_t at = random() % bytes.size();
    bytes[at] = 0x0f;
    if (at + 1 < bytes.size()) bytes[at + 1] = 0x05;
    const RewriteSite site = AnalyseSite({kBase, bytes}, kBase + at, random() % 400);
    if (site.form != RewriteForm::kNone) (void)RewriteTable().Place(site, kArea, kAreaEnd, random());
  }
}

}  // namespace
}  // namespace ringwall::arch
