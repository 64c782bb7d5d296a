// futex_wait(2), futex_wake(2), futex_requeue(2).
#include <time.h>

#include "tests/lib/guest.h"

namespace {

using namespace tests;

constexpr int kWake = 454, kWait = 455, kRequeue = 456;
constexpr unsigned kU32 = 2, kPrivate = 128;

struct Waitv {
  uint64_t val, uaddr;
  uint32_t flags, reserved;
};

class Futex2 : public testing::Test {
 protected:
  void SetUp() override {
    if (Call(kWake, &word, 1, 0, kU32 | kPrivate) == -ENOSYS) GTEST_SKIP() << "not in this kernel";
  }
  uint32_t word = 0, other = 0;
};

TEST_F(Futex2, ValueMustBeTheExpected) { EXPECT_THAT(Call(kWait, &word, 1, ~0u, kU32 | kPrivate, nullptr, 0), FailsWith(EAGAIN)); }

TEST_F(Futex2, WakeFindsTheWaiter) {
  ScopedThread waiter([&] { EXPECT_THAT(Call(kWait, &word, 0, 1UL, kU32 | kPrivate, nullptr, 0), Succeeds()); });
  WaitUntilAsleep(waiter.tid());
  EXPECT_THAT(Call(kWake, &word, 2UL, 1, kU32 | kPrivate), SucceedsWith(0)) << "another bit";
  long woken = 0;
  for (int i = 0; i < 1000 && woken == 0; ++i, SleepMs(1)) woken = Call(kWake, &word, 3UL, 1, kU32 | kPrivate);
  EXPECT_EQ(woken, 1);
}

TEST_F(Futex2, TimeoutIsAbsolute) {
  const long at = NowNs() + 20 * kMillisecond;
  const timespec deadline{at / 1'000'000'000, at % 1'000'000'000};
  EXPECT_THAT(Call(kWait, &word, 0, 1UL, kU32 | kPrivate, &deadline, CLOCK_MONOTONIC), FailsWith(ETIMEDOUT));
  EXPECT_GE(NowNs(), at);
  EXPECT_THAT(Call(kWait, &word, 0, 1UL, kU32 | kPrivate, &deadline, CLOCK_BOOTTIME), FailsWith(EINVAL));
}

TEST_F(Futex2, FlagsAndMasksAreChecked) {
  EXPECT_THAT(Call(kWait, &word, 0, 1UL, 0 /* 8 bits */, nullptr, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(kWait, &word, 0, 1UL, kU32 | 0x40, nullptr, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(kWait, &word, 0, 0UL, kU32 | kPrivate, nullptr, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(kWait, &word, 1UL << 32, 1UL, kU32 | kPrivate, nullptr, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(kWake, &word, 0UL, 1, kU32 | kPrivate), FailsWith(EINVAL));
  EXPECT_THAT(Call(kWake, reinterpret_cast<char*>(&word) + 1, 1UL, 1, kU32 | kPrivate), FailsWith(EINVAL));
}

TEST_F(Futex2, WakeOfNobodyIsZero) { EXPECT_THAT(Call(kWake, &word, 1UL, 0, kU32 | kPrivate), SucceedsWith(0)); }

TEST_F(Futex2, RequeueMovesWaiters) {
  ScopedThread waiter([&] { EXPECT_THAT(Call(kWait, &word, 0, 1UL, kU32 | kPrivate, nullptr, 0), Succeeds()); });
  WaitUntilAsleep(waiter.tid());
  const Waitv pair[2] = {{0, reinterpret_cast<uint64_t>(&word), kU32 | kPrivate, 0},
                         {0, reinterpret_cast<uint64_t>(&other), kU32 | kPrivate, 0}};
  long moved = 0;
  for (int i = 0; i < 1000 && moved == 0; ++i, SleepMs(1)) moved = Call(kRequeue, pair, 0, 0, 1);
  EXPECT_EQ(moved, 1);
  EXPECT_THAT(Call(kWake, &word, 1UL, 1, kU32 | kPrivate), SucceedsWith(0));
  EXPECT_THAT(Call(kWake, &other, 1UL, 1, kU32 | kPrivate), SucceedsWith(1));
}

TEST_F(Futex2, RequeueComparesFirst) {
  const Waitv pair[2] = {{7, reinterpret_cast<uint64_t>(&word), kU32 | kPrivate, 0},
                         {0, reinterpret_cast<uint64_t>(&other), kU32 | kPrivate, 0}};
  EXPECT_THAT(Call(kRequeue, pair, 0, 1, 1), FailsWith(EAGAIN));
  EXPECT_THAT(Call(kRequeue, pair, 1, 1, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(kRequeue, nullptr, 0, 1, 1), FailsWith(EINVAL));
}

}  // namespace
