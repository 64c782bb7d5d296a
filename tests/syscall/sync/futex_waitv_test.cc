// futex_waitv(2).
#include "tests/lib/guest.h"

namespace {

using namespace tests;

constexpr long kWaitv = 449;
constexpr unsigned kU32 = 2, kPrivate = 128;

struct Waiter {
  uint64_t value, address;
  uint32_t flags, reserved;
};

class FutexWaitv : public testing::Test {
 protected:
  Waiter On(uint32_t& word, uint32_t expected = 0) { return {expected, reinterpret_cast<uint64_t>(&word), kU32 | kPrivate, 0}; }
  long Wait(const Waiter* waiters, unsigned count, const timespec* until = nullptr, int clock = CLOCK_MONOTONIC) {
    return Call(kWaitv, waiters, count, 0, until, clock);
  }
  timespec In(long ms) {
    const long at = NowNs() + ms * kMillisecond;
    return {at / 1'000'000'000, at % 1'000'000'000};
  }
  uint32_t one_ = 0, two_ = 0;
};

TEST_F(FutexWaitv, TellsWhichWordWasWoken) {
  const Waiter both[] = {On(one_), On(two_)};
  std::atomic<long> result{-1};
  ScopedThread waiter([&] { result = Wait(both, 2); });
  WaitUntilAsleep(waiter.tid());
  for (int i = 0; i < 1000 && result == -1; ++i, SleepMs(1)) Call(SYS_futex, &two_, 1 | 128, 1);
  waiter.Join();
  EXPECT_THAT(result.load(), SucceedsWith(1));
}

TEST_F(FutexWaitv, AnyChangedWordEndsTheWaitBeforeItBegins) {
  const Waiter both[] = {On(one_), On(two_, 7)};
  EXPECT_THAT(Wait(both, 2), FailsWith(EAGAIN));
}

TEST_F(FutexWaitv, TimeIsAbsolute) {
  const Waiter both[] = {On(one_), On(two_)};
  const timespec soon = In(20), past{0, 1}, bad{0, 1'000'000'000};
  const Stopwatch watch;
  EXPECT_THAT(Wait(both, 2, &soon), FailsWith(ETIMEDOUT));
  EXPECT_GE(watch.ms(), 19);
  EXPECT_THAT(Wait(both, 2, &past), FailsWith(ETIMEDOUT));
  EXPECT_THAT(Wait(both, 2, &past, CLOCK_REALTIME), FailsWith(ETIMEDOUT));
  EXPECT_THAT(Wait(both, 2, &past, CLOCK_BOOTTIME), FailsWith(EINVAL));
  EXPECT_THAT(Wait(both, 2, &bad), FailsWith(EINVAL));
}

TEST_F(FutexWaitv, Errors) {
  const Waiter good[] = {On(one_)};
  Waiter wrong[] = {On(one_)};
  wrong[0].reserved = 1;
  EXPECT_THAT(Wait(wrong, 1), FailsWith(EINVAL));
  wrong[0] = {0, reinterpret_cast<uint64_t>(&one_) + 1, kU32 | kPrivate, 0};
  EXPECT_THAT(Wait(wrong, 1), FailsWith(EINVAL)) << "not aligned";
  wrong[0] = {0, reinterpret_cast<uint64_t>(BadAddress()), kU32 | kPrivate, 0};
  EXPECT_THAT(Wait(wrong, 1), FailsWith(EFAULT));
  EXPECT_THAT(Wait(nullptr, 1), FailsWith(EINVAL));
  EXPECT_THAT(Wait(good, 0), FailsWith(EINVAL));
  EXPECT_THAT(Wait(good, 129), FailsWith(EINVAL));
  EXPECT_THAT(Call(kWaitv, good, 1, 1, nullptr, 0), FailsWith(EINVAL)) << "no flags";
}

}  // namespace
