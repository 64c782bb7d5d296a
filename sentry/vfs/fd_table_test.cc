// FdTable against std::map.
#include "sentry/vfs/fd_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "sentry/vfs/test_context.h"

namespace ringwall::vfs {
namespace {

class NullFile final : public File {
 public:
  NullFile() : File(FileKind::kOther, Path(), 2) {}
};

int32_t Number(abi::Fd fd) { return static_cast<int32_t>(fd); }

TEST(FdTable, AgreesWithAMapOverRandomOperations) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  constexpr uint64_t kLimit = 150;
  Ref<FdTable> table = FdTable::Create();
  std::map<int32_t, std::pair<uint64_t, bool>> model;
  for (int step = 0; step < 30000; ++step) {
    const auto fd = static_cast<int32_t>(random() % 200);
    const bool cloexec = random() % 2 == 0;
    switch (random() % 7) {
      case 0:
      case 1: {
        const uint32_t from = random() % 3 == 0 ? static_cast<uint32_t>(random() % 160) : 0;
        Ref<File> file = MakeRef<NullFile>();
        int32_t expected = static_cast<int32_t>(from);
        while (model.contains(expected)) ++expected;
        const Result<abi::Fd> got = table->Add(file, {.cloexec = cloexec}, kLimit, from);
        if (expected >= static_cast<int32_t>(kLimit)) {
          ASSERT_TRUE(got == Errno::kEMFILE);
        } else {
          ASSERT_TRUE(got.ok());
          ASSERT_EQ(Number(got.value()), expected);
          model[expected] = {file->id(), cloexec};
        }
        break;
      }
      case 2: {
        const Result<Ref<File>> removed = table->Remove(abi::Fd{fd});
        ASSERT_EQ(removed.ok(), model.contains(fd));
        if (removed.ok()) {
          ASSERT_EQ(removed.value()->id(), model[fd].first);
        }
        model.erase(fd);
        break;
      }
      case 3: {
        Ref<File> file = MakeRef<NullFile>();
        const Result<RefPtr<File>> old = table->Replace(abi::Fd{fd}, file, {.cloexec = cloexec}, kLimit);
        if (fd >= static_cast<int32_t>(kLimit)) {
          ASSERT_TRUE(old == Errno::kEBADF);
          break;
        }
        ASSERT_TRUE(old.ok());
        ASSERT_EQ(static_cast<bool>(old.value()), model.contains(fd));
        model[fd] = {file->id(), cloexec};
        break;
      }
      case 4: {
        const uint32_t last = static_cast<uint32_t>(fd) + static_cast<uint32_t>(random() % 5);
        for (const auto& [n, file] : table->RemoveRange(static_cast<uint32_t>(fd), last)) ASSERT_EQ(model[Number(n)].first, file->id());
        model.erase(model.lower_bound(fd), model.upper_bound(static_cast<int32_t>(last)));
        break;
      }
      case 5: {
        // A reservation that is given up leaves no trace.
        const Result<FdReservation> slot = table->Reserve(kLimit);
        int32_t expected = 0;
        while (model.contains(expected)) ++expected;
        ASSERT_EQ(slot.ok(), expected < static_cast<int32_t>(kLimit));
        if (slot.ok()) {
          ASSERT_EQ(Number(slot->fd()), expected);
        }
        break;
      }
      case 6: {
        const Result<FdFlags> flags = table->GetFlags(abi::Fd{fd});
        ASSERT_EQ(flags.ok(), model.contains(fd));
        if (flags.ok()) {
          ASSERT_EQ(flags->cloexec, model[fd].second);
        }
        break;
      }
    }
    if (step % 100 == 0) {
      std::vector<int32_t> open, expected;
      for (const abi::Fd n : table->OpenFds()) open.push_back(Number(n));
      for (const auto& [n, entry] : model) expected.push_back(n);
      ASSERT_EQ(open, expected);
      if (step % 1000 == 0) table = table->Clone();
    }
  }
}

TEST(FdTable, AReservedNumberCannotBeReplacedOrRead) {
  Ref<FdTable> table = FdTable::Create();
  Result<FdReservation> slot = table->Reserve(10);
  ASSERT_TRUE(slot.ok());
  EXPECT_TRUE(table->Get(slot->fd()) == Errno::kEBADF);
  EXPECT_TRUE(table->Replace(slot->fd(), MakeRef<NullFile>(), {}, 10) == Errno::kEBUSY);
  Ref<FdTable> copy = table->Clone();
  EXPECT_EQ(Number(copy->Add(MakeRef<NullFile>(), {}, 10).value()), 0);
  std::move(slot.value()).Install(MakeRef<NullFile>(), {});
  EXPECT_TRUE(table->Get(abi::Fd{0}).ok());
}

TEST(FdTable, NegativeNumbersAreBad) {
  Ref<FdTable> table = FdTable::Create();
  EXPECT_TRUE(table->Get(abi::Fd{-1}) == Errno::kEBADF);
  EXPECT_TRUE(table->Remove(abi::Fd{-100}) == Errno::kEBADF);
  EXPECT_TRUE(table->Replace(abi::Fd{-1}, MakeRef<NullFile>(), {}, ~uint64_t{0}) == Errno::kEBADF);
}

TEST(FdTable, ExecTakesTheCloexecOnes) {
  Ref<FdTable> table = FdTable::Create();
  ASSERT_TRUE(table->Add(MakeRef<NullFile>(), {.cloexec = true}, 10).ok());
  ASSERT_TRUE(table->Add(MakeRef<NullFile>(), {}, 10).ok());
  EXPECT_EQ(table->RemoveCloexec().size(), 1u);
  EXPECT_EQ(table->OpenFds().size(), 1u);
}

}  // namespace
}  // namespace ringwall::vfs
