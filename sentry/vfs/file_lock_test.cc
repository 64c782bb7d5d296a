// Advisory locks against a byte-by-byte model; deadlock detection; flock conversions.
#include "sentry/vfs/file_lock.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "sentry/vfs/file.h"

namespace ringwall::vfs {
namespace {

class TestFs final : public FileSystem {
 public:
  std::string_view type_name() const override { return "test"; }
  Ref<Inode> root() override { __builtin_trap(); }
};

class TestInode final : public Inode {
 public:
  explicit TestInode(FileSystem& fs) : Inode(fs, abi::kS_IFREG) {}
  Result<Attributes> GetAttributes(Context&) override { return Attributes(); }
  Result<void> SetAttributes(Context&, const AttributeChange&) override { return {}; }
  Result<Ref<File>> Open(Context&, const Path&, const OpenRequest&) override { return Errno::kENXIO; }
};

RangeLock Posix(uint64_t owner, bool exclusive, uint64_t start, uint64_t last) {
  return {.owner = {.id = owner, .pid = static_cast<int32_t>(owner)}, .exclusive = exclusive, .start = start, .last = last};
}

TEST(FileLocks, AgreesWithAByteArrayOverRandomOperations) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  constexpr int kBytes = 64, kOwners = 4;
  // 0 free, 1 read, 2 write
  std::array<std::array<int, kBytes>, kOwners> model{};
  FileLocks locks;
  for (int step = 0; step < 20000; ++step) {
    const uint64_t owner = random() % kOwners;
    const uint64_t start = random() % kBytes;
    const uint64_t last = start + random() % (kBytes - start);
    const int type = static_cast<int>(random() % 3);
    bool conflict = false;
    for (int o = 0; o < kOwners; ++o) {
      if (o == static_cast<int>(owner)) continue;
      for (uint64_t b = start; b <= last; ++b) conflict |= (type == 2 && model[o][b] != 0) || (type == 1 && model[o][b] == 2);
    }
    if (type == 0) {
      ASSERT_TRUE(locks.ClearRange({.id = owner}, start, last).ok());
    } else {
      const RangeLock lock = Posix(owner, type == 2, start, last);
      ASSERT_EQ(locks.Conflict(lock).has_value(), conflict);
      ASSERT_EQ(locks.SetRange(lock).ok(), !conflict);
    }
    if (type == 0 || !conflict) {
      for (uint64_t b = start; b <= last; ++b) model[owner][b] = type;
    }
    // Same coverage, no two neighbours of one owner that should be one.
    std::array<std::array<int, kBytes>, kOwners> seen{};
    for (const RangeLock& l : locks.Ranges()) {
      for (uint64_t b = l.start; b <= l.last; ++b) {
        ASSERT_EQ(seen[l.owner.id][b], 0);
        seen[l.owner.id][b] = l.exclusive ? 2 : 1;
      }
      if (l.last + 1 < kBytes) {
        ASSERT_NE(model[l.owner.id][l.last + 1], l.exclusive ? 2 : 1);
      }
    }
    ASSERT_EQ(seen, model);
  }
}

TEST(FileLocks, ResolvesNegativeAndOpenRanges) {
  RangeLock lock;
  ASSERT_TRUE(ResolveRange(100, 0, 0, lock).ok());
  EXPECT_EQ(lock.start, 100u);
  EXPECT_EQ(lock.last, RangeLock::kMaxOffset);
  ASSERT_TRUE(ResolveRange(100, 0, -10, lock).ok());
  EXPECT_EQ(lock.start, 90u);
  EXPECT_EQ(lock.last, 99u);
  EXPECT_TRUE(ResolveRange(5, 0, -10, lock) == Errno::kEINVAL);
  EXPECT_TRUE(ResolveRange(0, -1, 0, lock) == Errno::kEINVAL);
  EXPECT_TRUE(ResolveRange(RangeLock::kMaxOffset, 1, 1, lock) == Errno::kEOVERFLOW);
  EXPECT_TRUE(ResolveRange(10, 0, INT64_MAX, lock) == Errno::kEOVERFLOW);
}

TEST(FileLocks, FindsADeadlockAcrossFiles) {
  Ref<TestFs> fs = MakeRef<TestFs>();
  Ref<TestInode> a = MakeRef<TestInode>(*fs), b = MakeRef<TestInode>(*fs);
  ASSERT_TRUE(a->locks().SetRange(Posix(1, true, 0, 9)).ok());
  ASSERT_TRUE(b->locks().SetRange(Posix(2, true, 0, 9)).ok());
  Ref<LockRequest> first = MakeRef<LockRequest>(Ref<Inode>(b), Posix(1, true, 5, 5));
  EXPECT_TRUE(first->Try() == Errno::kEAGAIN);
  EXPECT_EQ(first->Readiness(1), 0u);
  {
    Ref<LockRequest> second = MakeRef<LockRequest>(Ref<Inode>(a), Posix(2, false, 0, 0));
    EXPECT_TRUE(second->Try() == Errno::kEDEADLK);
  }
  b->locks().ReleaseOwner(LockOwner::Kind::kPosix, 2);
  EXPECT_EQ(first->Readiness(1), 1u);
  EXPECT_TRUE(first->Try().ok());
}

TEST(FileLocks, AnInterruptedWaitIsNoEdge) {
  Ref<TestFs> fs = MakeRef<TestFs>();
  Ref<TestInode> a = MakeRef<TestInode>(*fs), b = MakeRef<TestInode>(*fs);
  ASSERT_TRUE(a->locks().SetRange(Posix(11, true, 0, 9)).ok());
  ASSERT_TRUE(b->locks().SetRange(Posix(12, true, 0, 9)).ok());
  {
    Ref<LockRequest> gone = MakeRef<LockRequest>(Ref<Inode>(b), Posix(11, true, 5, 5));
    EXPECT_TRUE(gone->Try() == Errno::kEAGAIN);
  }
  Ref<LockRequest> second = MakeRef<LockRequest>(Ref<Inode>(a), Posix(12, false, 0, 0));
  EXPECT_TRUE(second->Try() == Errno::kEAGAIN);
}

TEST(FileLocks, FlockConversionGivesTheOldLockUp) {
  FileLocks locks;
  ASSERT_TRUE(locks.Flock(1, false).ok());
  ASSERT_TRUE(locks.Flock(2, false).ok());
  EXPECT_TRUE(locks.Flock(1, true) == Errno::kEAGAIN);
  EXPECT_EQ(locks.Flocks().size(), 1u);
  locks.Funlock(2);
  EXPECT_TRUE(locks.Flock(1, true).ok());
  EXPECT_TRUE(locks.Flock(2, false) == Errno::kEAGAIN);
}

}  // namespace
}  // namespace ringwall::vfs
