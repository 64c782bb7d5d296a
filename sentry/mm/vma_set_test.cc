// VmaSet against a page-by-page model, and its gap search against a walk over all gaps.
#include "sentry/mm/vma_set.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

namespace ringwall::mm {
namespace {

constexpr uint64_t kPage = 4096;

Vma Area(uint64_t first_page, uint64_t pages, platform::Prot prot, bool grows_down = false) {
  Vma vma{.start = first_page * kPage, .end = (first_page + pages) * kPage, .prot = prot};
  vma.offset = vma.start;
  vma.grows_down = grows_down;
  return vma;
}

uint64_t SlowTopDown(const VmaSet& set, uint64_t length, uint64_t bottom, uint64_t top) {
  uint64_t best = 0, last = 0;
  const auto consider = [&](uint64_t start, uint64_t end) {
    start = std::max(start, bottom);
    end = std::min(end, top);
    if (start < end && end - start >= length) best = std::max(best, end - length);
  };
  for (const auto& [start, vma] : set.areas()) {
    const uint64_t guard = vma.grows_down ? kStackGuardGap : 0;
    if (vma.start > guard && vma.start - guard > last) consider(last, vma.start - guard);
    last = vma.end;
  }
  consider(last, ~uint64_t{0});
  return best;
}

TEST(VmaSet, RandomOperationsAgreeWithAPageMap) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  constexpr uint64_t kPages = 2000;
  VmaSet set;
  std::map<uint64_t, int> model;  // page -> protection bits
  const auto prot_of = [](int bits) { return platform::Prot{.read = (bits & 1) != 0, .write = (bits & 2) != 0, .exec = (bits & 4) != 0}; };
  for (int round = 0; round < 20000; ++round) {
    const uint64_t first = 1 + random() % kPages, count = 1 + random() % 20;
    const int bits = static_cast<int>(random() % 3);
    switch (random() % 3) {
      case 0:
        set.Remove(first * kPage, (first + count) * kPage);
        set.Insert(Area(first, count, prot_of(bits), bits == 2));
        for (uint64_t p = first; p < first + count; ++p) model[p] = bits;
        break;
      case 1: {
        uint64_t removed = 0;
        for (const Vma& part : set.Remove(first * kPage, (first + count) * kPage)) {
          EXPECT_EQ(part.offset, part.start);
          removed += part.length() / kPage;
        }
        uint64_t expected = 0;
        for (uint64_t p = first; p < first + count; ++p) expected += model.erase(p);
        ASSERT_EQ(removed, expected);
        break;
      }
      default:
        set.Update(first * kPage, (first + count) * kPage, [&](Vma& vma) {
          vma.prot = prot_of(bits);
          vma.grows_down = bits == 2;
        });
        for (uint64_t p = first; p < first + count; ++p) {
          if (model.count(p) != 0) model[p] = bits;
        }
    }
    ASSERT_EQ(set.TotalBytes(), model.size() * kPage);
    const uint64_t length = (1 + random() % 300) * kPage, top = (1 + random() % (kPages + 400)) * kPage, bottom = (random() % 50) * kPage;
    ASSERT_EQ(set.FindGapTopDown(length, bottom, top), SlowTopDown(set, length, bottom, top)) << "round " << round;
    if (const uint64_t up = set.FindGapBottomUp(length, bottom, top)) {
      ASSERT_TRUE(set.Free(up, up + length));
      ASSERT_GE(up, bottom);
      ASSERT_LE(up + length, top);
    }
    if (round % 50 != 0) continue;
    for (uint64_t p = 0; p < kPages + 30; ++p) {
      const Vma* vma = set.Find(p * kPage);
      ASSERT_EQ(vma != nullptr, model.count(p) != 0);
      if (vma != nullptr) {
        ASSERT_EQ(vma->prot, prot_of(model[p]));
      }
    }
    const Vma* before = nullptr;
    for (const auto& [start, vma] : set.areas()) {
      ASSERT_EQ(start, vma.start);
      if (before != nullptr) {
        ASSERT_LE(before->end, vma.start);
        ASSERT_FALSE(before->CanMerge(vma));
      }
      before = &vma;
    }
  }
}

TEST(VmaSet, GapSearchStaysQuickWithManyAreas) {
  VmaSet set;
  constexpr uint64_t kTop = uint64_t{1} << 46;
  // 60,000 areas with one-page gaps between them: a request of two pages fits none of those.
  for (uint64_t i = 0; i < 60000; ++i) set.Insert(Area(kTop / kPage - 2 * (i + 1), 1, {.read = true}));
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(set.FindGapTopDown(2 * kPage, kPage, kTop - kPage), kTop - 60000 * 2 * kPage - 2 * kPage);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST(VmaSet, KeepsTheGuardGapBelowAStack) {
  VmaSet set;
  set.Insert(Area(1000, 10, {.read = true}, true));
  EXPECT_EQ(set.FindGapTopDown(kPage, kPage, 1000 * kPage), 1000 * kPage - kStackGuardGap - kPage);
}

TEST(VmaSet, MergesOnlyWhatContinues) {
  VmaSet set;
  set.Insert(Area(10, 1, {.read = true}));
  set.Insert(Area(12, 1, {.read = true}));
  EXPECT_EQ(set.size(), 2u);
  set.Insert(Area(11, 1, {.read = true}));
  EXPECT_EQ(set.size(), 1u);
  Vma moved = Area(13, 1, {.read = true});
  moved.offset = 99 * kPage;  // came from elsewhere
  set.Insert(moved);
  EXPECT_EQ(set.size(), 2u);
  EXPECT_TRUE(set.Covers(10 * kPage, 14 * kPage));
  EXPECT_EQ(set.SplitsOf(11 * kPage, 12 * kPage), 2u);
  EXPECT_EQ(set.SplitsOf(10 * kPage, 13 * kPage), 0u);
}

}  // namespace
}  // namespace ringwall::mm
