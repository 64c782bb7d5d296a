// futex(2): the table and the calls on it.
#include "sentry/futex/futex.h"

#include "abi/futex.h"
#include "sentry/task/test_world.h"

namespace ringwall::task::test {
namespace {

constexpr int64_t Error(Errno e) { return -static_cast<int64_t>(e); }

class Futex : public World {
 protected:
  Futex() : one_(NewThread(*init_)), two_(NewThread(*init_)), three_(NewThread(*init_)) {}
  RefPtr<Task> one_, two_, three_;
};

TEST_F(Futex, WakeEndsWaitsInOrder) {
  Call(*one_, kFutexWait, kWord, 0);
  Call(*two_, kFutexWait, kWord, 0);
  EXPECT_TRUE(Parked(*one_) && Parked(*two_));
  EXPECT_EQ(Call(*init_, kFutexWake, kWord, 1), 1);
  EXPECT_FALSE(Parked(*one_));
  EXPECT_EQ(ResultOf(*one_), 0);
  EXPECT_TRUE(Parked(*two_));
  EXPECT_EQ(Call(*init_, kFutexWake, kWord, 10), 1);
  EXPECT_EQ(Call(*init_, kFutexWake, kWord, 10), 0);
}

TEST_F(Futex, OtherValueIsEagainAndLeavesNothingBehind) {
  EXPECT_EQ(Call(*one_, kFutexWait, kWord, 7), Error(Errno::kEAGAIN));
  EXPECT_EQ(Call(*init_, kFutexWake, kWord, 10), 0);
  EXPECT_EQ(Call(*one_, kFutexWait, kWord + 1, 0), Error(Errno::kEINVAL));
  EXPECT_EQ(Call(*one_, kFutexWait, 0x900000, 0), Error(Errno::kEFAULT));
}

TEST_F(Futex, TimeLimitPasses) {
  Call(*one_, kFutexWait, kWord, 0, 5'000'000);
  ASSERT_TRUE(PumpUntil([&] { return InGuest(*one_); }));
  EXPECT_EQ(ResultOf(*one_), Error(Errno::kETIMEDOUT));
  EXPECT_EQ(Call(*init_, kFutexWake, kWord, 10), 0);
}

TEST_F(Futex, SignalWithoutHandlerRestartsATimedWaitWithItsDeadline) {
  const RefPtr<Task> child = Fork(*init_);
  Call(*child, kFutexWait, kWord, 0, 30'000'000);
  const int64_t started = time::MonotonicNs();
  Send(*child, abi::kSIGSTOP);
  ASSERT_TRUE(Stopped(*child));
  Send(*child, abi::kSIGCONT);
  ASSERT_TRUE(InGuest(*child));
  EXPECT_EQ(child->regs().rax, 219u);
  CallAgain(*child);
  ASSERT_TRUE(PumpUntil([&] { return InGuest(*child); }));
  EXPECT_EQ(ResultOf(*child), Error(Errno::kETIMEDOUT));
  EXPECT_LT(time::MonotonicNs() - started, 2 * time::kNsPerSecond);
}

TEST_F(Futex, HandlerInterruptsATimedWait) {
  Catch(*one_, abi::kSIGUSR1, abi::kSA_RESTART);
  Call(*one_, kFutexWait, kWord, 0, 10'000'000'000);
  EXPECT_TRUE(one_->SendSignal(Info(abi::kSIGUSR1)).ok());
  platform_->Pump();
  ASSERT_TRUE(InHandler(*one_));
  ReturnFromHandler(*one_);
  EXPECT_EQ(ResultOf(*one_), Error(Errno::kEINTR));
  EXPECT_EQ(Call(*init_, kFutexWake, kWord, 10), 0);
}

TEST_F(Futex, BitsetsSelect) {
  Call(*one_, kFutexWait, kWord, 0, 0, 1);
  Call(*two_, kFutexWait, kWord, 0, 0, 2);
  EXPECT_EQ(Call(*init_, kFutexWake, kWord, 10, 4), 0);
  EXPECT_EQ(Call(*init_, kFutexWake, kWord, 10, 2), 1);
  EXPECT_TRUE(Parked(*one_));
}

TEST_F(Futex, RequeueMovesWhoIsNotWoken) {
  for (const auto& t : {one_, two_, three_}) Call(*t, kFutexWait, kWord, 0);
  EXPECT_EQ(Call(*init_, kFutexRequeue, kWord, kWord2, 1, 1, 5), Error(Errno::kEAGAIN));
  EXPECT_EQ(Call(*init_, kFutexRequeue, kWord, kWord2, 1, 1, 0), 2);
  EXPECT_FALSE(Parked(*one_));
  EXPECT_EQ(Call(*init_, kFutexWake, kWord2, 10), 1);
  EXPECT_FALSE(Parked(*two_));
  EXPECT_EQ(Call(*init_, kFutexWake, kWord, 10), 1);
}

TEST_F(Futex, DeadThreadLeavesItsQueue) {
  const RefPtr<Task> child = Fork(*init_);
  Call(*child, kFutexWait, kWord, 0);
  Send(*child, abi::kSIGKILL);
  EXPECT_TRUE(Dead(*child));
  EXPECT_EQ(Call(*init_, kFutexWake, kWord, 10), 0);
}

TEST_F(Futex, ForkedMemoryIsAnotherFutex) {
  const RefPtr<Task> child = Fork(*init_);
  Call(*child, kFutexWait, kWord, 0);
  EXPECT_EQ(Call(*init_, kFutexWake, kWord, 10), 0);
}

TEST_F(Futex, LockIsHandedOverInOrder) {
  EXPECT_EQ(Call(*one_, kFutexLock, kWord), 0);
  EXPECT_EQ(Peek(*init_, kWord), static_cast<uint32_t>(one_->tid()));
  EXPECT_EQ(Call(*one_, kFutexLock, kWord), Error(Errno::kEDEADLK));
  EXPECT_EQ(Call(*two_, kFutexLock, kWord, 1), Error(Errno::kEAGAIN));
  Call(*two_, kFutexLock, kWord);
  Call(*three_, kFutexLock, kWord);
  ASSERT_TRUE(Parked(*two_) && Parked(*three_));
  EXPECT_EQ(Call(*init_, kFutexUnlock, kWord), Error(Errno::kEPERM));
  EXPECT_EQ(Call(*one_, kFutexUnlock, kWord), 0);
  EXPECT_FALSE(Parked(*two_));
  EXPECT_EQ(Peek(*init_, kWord), static_cast<uint32_t>(two_->tid()) | abi::kFUTEX_WAITERS);
  EXPECT_EQ(Call(*two_, kFutexUnlock, kWord), 0);
  EXPECT_EQ(Peek(*init_, kWord), static_cast<uint32_t>(three_->tid()));
  EXPECT_EQ(Call(*three_, kFutexUnlock, kWord), 0);
  EXPECT_EQ(Peek(*init_, kWord), 0u);
}

TEST_F(Futex, LockTimesOutAndStrangersAreNoOwners) {
  EXPECT_EQ(Call(*one_, kFutexLock, kWord), 0);
  Call(*two_, kFutexLock, kWord, 0, 5'000'000);
  ASSERT_TRUE(PumpUntil([&] { return InGuest(*two_); }));
  EXPECT_EQ(ResultOf(*two_), Error(Errno::kETIMEDOUT));
  EXPECT_EQ(Call(*one_, kFutexUnlock, kWord), 0);
  Poke(*init_, kWord2, 31000);
  EXPECT_EQ(Call(*one_, kFutexLock, kWord2), Error(Errno::kESRCH));
}

TEST_F(Futex, DeadOwnersLockGoesToTheNext) {
  EXPECT_EQ(Call(*one_, kFutexLock, kWord), 0);
  Call(*two_, kFutexLock, kWord);
  Call(*one_, kExit, 0);
  EXPECT_FALSE(Parked(*two_));
  EXPECT_EQ(Peek(*init_, kWord), static_cast<uint32_t>(two_->tid()) | abi::kFUTEX_OWNER_DIED);
}

TEST_F(Futex, RobustListMarksAndWakes) {
  // head -> entry -> head; the lock word lies 16 bytes behind the entry.
  constexpr uint64_t kHead = 0x12800, kEntry = 0x12900;
  const abi::RobustListHead head{.list = kEntry, .futex_offset = 16, .list_op_pending = 0};
  ASSERT_TRUE(init_->memory().WriteValue(kHead, head).ok());
  ASSERT_TRUE(init_->memory().WriteValue<uint64_t>(kEntry, kHead).ok());
  const uint32_t held = static_cast<uint32_t>(one_->tid()) | abi::kFUTEX_WAITERS;
  Poke(*init_, kEntry + 16, held);
  Call(*two_, kFutexWait, kEntry + 16, held);
  ASSERT_TRUE(Parked(*two_));
  one_->robust_list_head = kHead;
  Call(*one_, kExit, 0);
  EXPECT_FALSE(Parked(*two_));
  EXPECT_EQ(Peek(*init_, kEntry + 16), abi::kFUTEX_WAITERS | abi::kFUTEX_OWNER_DIED);
}

TEST_F(Futex, EndlessRobustListEnds) {
  constexpr uint64_t kHead = 0x12800, kEntry = 0x12900;
  const abi::RobustListHead head{.list = kEntry, .futex_offset = 16, .list_op_pending = 0};
  ASSERT_TRUE(init_->memory().WriteValue(kHead, head).ok());
  ASSERT_TRUE(init_->memory().WriteValue<uint64_t>(kEntry, kEntry).ok());
  one_->robust_list_head = kHead;
  Call(*one_, kExit, 0);
  EXPECT_TRUE(Dead(*one_));
}

TEST_F(Futex, ThreadExitClearsAndWakesItsTidWord) {
  Poke(*init_, kWord, 99);
  one_->clear_child_tid = kWord;
  Call(*two_, kFutexWait, kWord, 99);
  Call(*one_, kExit, 0);
  EXPECT_EQ(Peek(*init_, kWord), 0u);
  EXPECT_FALSE(Parked(*two_));
}

}  // namespace
}  // namespace ringwall::task::test
