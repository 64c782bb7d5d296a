// What instruction pointers mean around rewritten sites.
#include "arch/x86_64/rewrite_table.h"

#include <gtest/gtest.h>

#include <vector>

namespace ringwall::arch {
namespace {

using Kind = RewriteTable::Resolution::Kind;

constexpr uint64_t kBase = 0x7f00'0000'0000;
constexpr uint64_t kArea = kBase + (96 << 20);
constexpr uint64_t kEntry = kBase + (500 << 20);

// A page of calls: `code` every `stride` bytes, the first at offset 512.
class RewriteTableTest : public testing::Test {
 protected:
  void Fill(const std::vector<uint8_t>& code, size_t count = 1, size_t stride = 64) {
    bytes_.assign(8192, 0x90);
    for (size_t i = 0; i < count; ++i) std::copy(code.begin(), code.end(), bytes_.begin() + static_cast<ptrdiff_t>(512 + i * stride));
  }
  RewritePlan Plan(uint64_t site, uint64_t number, RewriteForm only = RewriteForm::kNone) {
    const auto plan = table_.Place(AnalyseSite({kBase, bytes_}, site, number, only), kArea, kArea + (64 << 20), kEntry);
    EXPECT_TRUE(plan.has_value());
    return plan.value_or(RewritePlan{});
  }

  std::vector<uint8_t> bytes_;
  RewriteTable table_;
};

const std::vector<uint8_t> kWrapper = {0xb8, 0x27, 0, 0, 0, 0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff};
constexpr uint64_t kSite = kBase + 512 + 5;

TEST_F(RewriteTableTest, BeforeSite) {
  Fill(kWrapper);
  const RewritePlan plan = Plan(kSite, 39);
  ASSERT_TRUE(table_.Insert(plan));
  EXPECT_EQ(table_.SiteAt(kSite - 5)->site.site, kSite);
  EXPECT_EQ(table_.SiteAt(kSite + 1)->site.site, kSite) << "not to be planned again when it traps";
  EXPECT_EQ(table_.SiteAt(kSite + 2), nullptr);
  // At the first byte only while the patch is being written.
  EXPECT_EQ(table_.Resolve(kSite - 5).kind, Kind::kResume);
  EXPECT_EQ(table_.Resolve(kSite - 5).rip, plan.trampoline);
  for (uint64_t rip = kSite - 4; rip < kSite; ++rip) EXPECT_EQ(table_.Resolve(rip).kind, Kind::kUndo);
  // The syscall itself traps as ever, and calls that return go on behind it.
  EXPECT_EQ(table_.Resolve(kSite).kind, Kind::kNone);
  EXPECT_EQ(table_.ResumeAddress(kSite), kSite);
  EXPECT_EQ(table_.ResumeAddress(kSite + 2), kSite + 2);
  EXPECT_EQ(table_.ResumeAddress(kSite - 5), kSite - 5);

  EXPECT_EQ(table_.Resolve(plan.trampoline).kind, Kind::kOutside);
  EXPECT_EQ(table_.Resolve(plan.trampoline).rip, kSite - 5);
  EXPECT_EQ(table_.Resolve(plan.trampoline + 5).rip, kSite);
  EXPECT_EQ(table_.Resolve(plan.trampoline + 12).kind, Kind::kEntering);
  EXPECT_EQ(table_.Resolve(plan.trampoline + 12).rip, kSite);
  EXPECT_EQ(table_.Resolve(plan.trampoline + 1).kind, Kind::kNone);
  EXPECT_EQ(table_.Resolve(plan.trampoline + 17).kind, Kind::kNone);
  EXPECT_EQ(table_.Resolve(0).kind, Kind::kNone);
  EXPECT_EQ(table_.Resolve(~uint64_t{0}).kind, Kind::kNone);
}
TEST_F(RewriteTableTest, AfterSite) {
  Fill(kWrapper);
  const RewritePlan plan = Plan(kSite, 39, RewriteForm::kAfter);
  ASSERT_TRUE(table_.Insert(plan));
  EXPECT_EQ(table_.Resolve(kSite).rip, plan.trampoline);
  EXPECT_EQ(table_.Resolve(kSite + 1).kind, Kind::kUndo);
  EXPECT_EQ(table_.Resolve(kSite + 2).kind, Kind::kResume);
  EXPECT_EQ(table_.Resolve(kSite + 2).rip, plan.resume);
  EXPECT_EQ(table_.Resolve(kSite + 3).kind, Kind::kUndo);
  // The tail of the displaced comparison was never an instruction, and is not changed.
  EXPECT_EQ(table_.Resolve(kSite + 5).kind, Kind::kNone);
  EXPECT_EQ(table_.SiteAt(kSite + 7)->site.site, kSite);
  EXPECT_EQ(table_.ResumeAddress(kSite + 2), plan.resume);
  EXPECT_EQ(table_.ResumeAddress(kSite), kSite);
  EXPECT_EQ(table_.ResumeAddress(kSite + 8), kSite + 8);
  EXPECT_EQ(table_.Resolve(plan.resume).kind, Kind::kOutside);
  EXPECT_EQ(table_.Resolve(plan.resume).rip, kSite + 2);
  EXPECT_EQ(table_.Resolve(plan.resume + 6).rip, kSite + 8);
}
TEST_F(RewriteTableTest, ConflictsAndPlacement) {
  Fill(kWrapper, 20);
  for (uint64_t i = 0; i < 20; ++i) {
    const RewritePlan plan = Plan(kSite + i * 64, 39, i % 2 ? RewriteForm::kAfter : RewriteForm::kBefore);
    ASSERT_TRUE(table_.Insert(plan));
    EXPECT_FALSE(table_.Insert(plan));
    // The other form of the same call touches the same bytes only when it displaces what is patched.
    RewritePlan elsewhere = plan;
    elsewhere.site.first += 4096;
    EXPECT_FALSE(table_.Insert(elsewhere)) << "the trampoline is taken";
  }
  EXPECT_EQ(table_.size(), 20u);
  EXPECT_EQ(table_.LivePlans(kBase, kBase + 4096).size(), 20u);
  EXPECT_EQ(table_.LivePlans(kSite + 64, kSite + 65).size(), 1u);
}
TEST_F(RewriteTableTest, NeighboursMayNotOverlap) {
  // mov; syscall; mov; syscall: the second MOV directly behind the first call.
  Fill({0xb8, 0x27, 0, 0, 0, 0x0f, 0x05, 0xb8, 0x66, 0, 0, 0, 0x0f, 0x05});
  ASSERT_TRUE(table_.Insert(Plan(kSite, 39, RewriteForm::kAfter)));
  EXPECT_FALSE(table_.Insert(Plan(kSite + 7, 102, RewriteForm::kBefore)));
  RewriteTable other;
  std::swap(other, table_);
  ASSERT_TRUE(table_.Insert(Plan(kSite, 39, RewriteForm::kBefore)));
  EXPECT_TRUE(table_.Insert(Plan(kSite + 7, 102, RewriteForm::kBefore)));
}
TEST_F(RewriteTableTest, UndoneSitesAreRememberedAndForgotten) {
  Fill(kWrapper, 2);
  const RewritePlan plan = Plan(kSite, 39);
  ASSERT_TRUE(table_.Insert(plan));
  const RewritePlan second = Plan(kSite + 64, 39);
  ASSERT_TRUE(table_.Insert(second));
  table_.MarkUndone(plan);
  EXPECT_EQ(table_.Resolve(kSite - 5).kind, Kind::kRetry);
  EXPECT_EQ(table_.Resolve(kSite - 2).kind, Kind::kRetry);
  EXPECT_EQ(table_.Resolve(plan.trampoline + 5).kind, Kind::kOutside);
  EXPECT_FALSE(table_.Insert(plan)) << "once is enough";
  ASSERT_EQ(table_.LivePlans(kBase, kBase + 4096).size(), 1u);
  EXPECT_EQ(table_.LivePlans(kBase, kBase + 4096)[0]->site.site, kSite + 64);

  EXPECT_TRUE(table_.Touches(kSite, kSite + 1)) << "undone, but known";
  EXPECT_FALSE(table_.Touches(kBase + 4096, kBase + 8192));

  RewriteTable copy = table_;
  EXPECT_TRUE(table_.Forget(kBase + 4096, kBase + 8192).empty());
  const auto live = table_.Forget(kBase, kBase + 4096);
  ASSERT_EQ(live.size(), 1u);
  EXPECT_EQ(live[0].site.site, kSite + 64);
  EXPECT_EQ(table_.Resolve(kSite - 5).kind, Kind::kNone);
  EXPECT_FALSE(table_.Touches(kSite, kSite + 1));
  EXPECT_EQ(table_.Resolve(second.trampoline).kind, Kind::kOutside) << "a thread may still be inside";
  EXPECT_EQ(copy.Resolve(kSite + 64 - 5).kind, Kind::kResume);
}
TEST_F(RewriteTableTest, ForgottenTrampolinesCountAgainstTheLimit) {
  Fill(kWrapper, 20);
  RewriteTable small(4);
  std::swap(table_, small);
  for (uint64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(table_.Insert(Plan(kSite + i * 64, 39)), i < 4);
    table_.Forget(kBase, kBase + 8192);
  }
}
TEST_F(RewriteTableTest, HidesPatchesAtTheEdges) {
  Fill(kWrapper, 2);
  const RewritePlan plan = Plan(kSite, 39);
  ASSERT_TRUE(table_.Insert(plan));
  std::vector<uint8_t> patched = bytes_;
  std::copy(plan.patched.begin(), plan.patched.end(), patched.begin() + 512);
  for (size_t from = 508; from < 520; ++from) {
    for (size_t to = from; to < 524; ++to) {
      std::vector<uint8_t> window(patched.begin() + static_cast<ptrdiff_t>(from), patched.begin() + static_cast<ptrdiff_t>(to));
      table_.HidePatches(kBase + from, window);
      EXPECT_TRUE(std::equal(window.begin(), window.end(), bytes_.begin() + static_cast<ptrdiff_t>(from)));
    }
  }
}

}  // namespace
}  // namespace ringwall::arch
