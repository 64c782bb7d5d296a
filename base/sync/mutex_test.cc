// Mutex and the order of lock ranks.
#include "base/sync/mutex.h"

#include "gtest/gtest.h"

namespace ringwall {
namespace {

TEST(Mutex, TakesLocksInRankOrder) {
  Mutex<LockRank::kKernel> kernel;
  Mutex<LockRank::kTask> task;
  {
    MutexLock a(kernel);
    MutexLock b(task);
  }
  MutexLock b(task);
}

TEST(Mutex, UnlocksInAnyOrder) {
  Mutex<LockRank::kKernel> kernel;
  Mutex<LockRank::kTask> task;
  kernel.Lock();
  task.Lock();
  kernel.Unlock();
  task.Unlock();
  kernel.Lock();
  kernel.Unlock();
}

TEST(Mutex, NestedTakesASecondOfTheSameRank) {
  Mutex<LockRank::kInode> parent;
  Mutex<LockRank::kInode> child;
  MutexLock a(parent);
  MutexLockNested b(child);
}

TEST(LockRankName, NamesRanks) {
  EXPECT_STREQ(LockRankName(LockRank::kFdTable), "kFdTable");
  EXPECT_STREQ(LockRankName(static_cast<LockRank>(1)), "?");
}

#ifdef RINGWALL_LOCK_ORDER
TEST(MutexDeathTest, AbortsOnInversion) {
  Mutex<LockRank::kKernel> kernel;
  Mutex<LockRank::kTask> task;
  EXPECT_DEATH(
      {
        MutexLock b(task);
        MutexLock a(kernel);
      },
      "taking kKernel while holding kTask");
}

TEST(MutexDeathTest, AbortsOnEqualRankWithoutNested) {
  Mutex<LockRank::kInode> parent;
  Mutex<LockRank::kInode> child;
  EXPECT_DEATH(
      {
        MutexLock a(parent);
        MutexLock b(child);
      },
      "taking kInode while holding kInode");
}

TEST(MutexDeathTest, AssertNoneHeldNamesTheLock) {
  Mutex<LockRank::kPipe> pipe;
  lock_order::AssertNoneHeld("parking");
  EXPECT_DEATH(
      {
        MutexLock a(pipe);
        lock_order::AssertNoneHeld("parking");
      },
      "parking while holding kPipe");
}
#endif

}  // namespace
}  // namespace ringwall
