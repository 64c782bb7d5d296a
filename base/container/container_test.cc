// Flags, IntrusiveList and Bitmap.
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "base/container/bitmap.h"
#include "base/container/flags.h"
#include "base/container/intrusive_list.h"
#include "gtest/gtest.h"

namespace ringwall {
namespace {

enum class OpenFlag : uint32_t { kCloexec = 02000000, kNonblock = 04000 };

TEST(Flags, OnlyRefusesUnknownBits) {
  const auto both = Flags<OpenFlag>::FromRaw(02004000);
  EXPECT_TRUE(both.Only(OpenFlag::kCloexec, OpenFlag::kNonblock).ok());
  EXPECT_TRUE(both.Only(OpenFlag::kCloexec) == Errno::kEINVAL);
  const auto odd = Flags<OpenFlag>::FromRaw(1);
  EXPECT_EQ(odd.raw(), 1u);
  EXPECT_TRUE(odd.Only(OpenFlag::kCloexec, OpenFlag::kNonblock) == Errno::kEINVAL);
  EXPECT_TRUE(Flags<OpenFlag>().Only().ok());
  EXPECT_TRUE(odd.Only() == Errno::kEINVAL);
}

TEST(Flags, SetOperations) {
  constexpr Flags<OpenFlag> both(OpenFlag::kCloexec, OpenFlag::kNonblock);
  static_assert(both.Has(OpenFlag::kCloexec));
  static_assert(!both.Without(OpenFlag::kCloexec).Has(OpenFlag::kCloexec));
  EXPECT_TRUE(both.Without(OpenFlag::kCloexec).With(OpenFlag::kCloexec) == both);
  EXPECT_TRUE(both.HasAny(OpenFlag::kNonblock));
}

struct Item {
  explicit Item(int v) : value(v) {}
  int value;
  ListNode node;
};
using ItemList = IntrusiveList<Item, &Item::node>;

std::vector<int> Values(const ItemList& list) {
  std::vector<int> out;
  for (const Item& item : list) out.push_back(item.value);
  return out;
}

TEST(IntrusiveList, KeepsOrder) {
  ItemList list;
  Item a(1), b(2), c(3), d(4);
  list.PushBack(b);
  list.PushFront(a);
  list.PushBack(d);
  list.InsertBefore(d, c);
  EXPECT_EQ(Values(list), (std::vector<int>{1, 2, 3, 4}));
  ItemList::Remove(c);
  EXPECT_FALSE(c.node.linked());
  EXPECT_FALSE(ItemList::RemoveIfLinked(c));
  EXPECT_EQ(list.Next(b), &d);
  EXPECT_EQ(list.Next(d), nullptr);
  EXPECT_EQ(list.Prev(a), nullptr);
  EXPECT_EQ(list.PopFront(), &a);
  ItemList other;
  other.TakeAll(list);
  EXPECT_TRUE(list.empty());
  list.PushBack(a);
  list.TakeAll(other);
  EXPECT_EQ(Values(list), (std::vector<int>{1, 2, 4}));
  while (list.PopFront() != nullptr) {
  }
}

TEST(IntrusiveListDeathTest, LinkedNodeMayNotDie) {
  EXPECT_DEATH(
      {
        ItemList list;
        {
          Item a(1);
          list.PushBack(a);
        }
      },
      "check failed");
}

TEST(Bitmap, AllocatesTheLowest) {
  Bitmap ids(200);
  for (uint32_t i = 0; i < 200; ++i) EXPECT_EQ(ids.Allocate(), i);
  EXPECT_EQ(ids.Allocate(), std::nullopt);
  EXPECT_TRUE(ids.Clear(70));
  EXPECT_TRUE(ids.Clear(3));
  EXPECT_FALSE(ids.Clear(3));
  EXPECT_EQ(ids.Allocate(4), 70u);
  EXPECT_EQ(ids.Allocate(), 3u);
  EXPECT_EQ(ids.count(), 200u);
  EXPECT_FALSE(ids.Set(200));
}

TEST(Bitmap, HonoursTheEnd) {
  Bitmap ids(1 << 20);
  EXPECT_EQ(ids.Allocate(1000, 1001), 1000u);
  EXPECT_EQ(ids.Allocate(1000, 1001), std::nullopt);
  EXPECT_EQ(ids.FindClear(1000, 2000), 1001u);
  EXPECT_EQ(ids.FindClear(5, 5), std::nullopt);
  EXPECT_EQ(ids.Allocate(0xffffffff), std::nullopt);
  EXPECT_EQ(ids.NextSet(0), 1000u);
  EXPECT_EQ(ids.NextSet(1001), std::nullopt);
}

TEST(Bitmap, AgreesWithASet) {
  Bitmap ids(300);
  std::set<uint32_t> model;
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    const uint32_t n = random() % 320;
    if (random() % 2 != 0) {
      std::optional<uint32_t> expected;
      for (uint32_t k = n; k < 300 && !expected; ++k) {
        if (model.count(k) == 0) expected = k;
      }
      ASSERT_EQ(ids.Allocate(n), expected);
      if (expected) model.insert(*expected);
    } else {
      ASSERT_EQ(ids.Clear(n), model.erase(n) != 0);
    }
    ASSERT_EQ(ids.count(), model.size());
  }
}

}  // namespace
}  // namespace ringwall
