// Time arithmetic and the timer queue.
#include "sentry/time/clock.h"

#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace ringwall::time {
namespace {

TEST(Time, ConversionsSaturate) {
  EXPECT_EQ(ToNs({.tv_sec = INT64_MAX, .tv_nsec = 0}), kNever);
  EXPECT_EQ(ToNs({.tv_sec = 2, .tv_nsec = 3}), 2'000'000'003);
  EXPECT_EQ(SaturatingAdd(10, kNever), kNever);
  EXPECT_EQ(ToTimespec(-1).tv_sec, -1);
  EXPECT_EQ(ToTimespec(-1).tv_nsec, 999'999'999);
  EXPECT_FALSE(ValidTimespec({.tv_sec = 0, .tv_nsec = kNsPerSecond}));
}

class Recorder {
 public:
  void Add(int id) {
    absl::MutexLock lock(&mu_);
    fired_.push_back(id);
  }
  bool WaitFor(size_t count) {
    absl::MutexLock lock(&mu_);
    auto enough = [&] { return fired_.size() >= count; };
    return mu_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(5));
  }
  std::vector<int> fired() {
    absl::MutexLock lock(&mu_);
    return fired_;
  }

 private:
  absl::Mutex mu_;
  std::vector<int> fired_;
};

class TestTimer final : public Timer {
 public:
  TestTimer(Recorder& recorder, int id) : recorder_(recorder), id_(id) {}
  void OnTimer(int64_t deadline_ns) override {
    EXPECT_LE(deadline_ns, MonotonicNs());
    recorder_.Add(id_);
  }

 private:
  Recorder& recorder_;
  const int id_;
};

TEST(TimerQueue, FiresInOrderOfDeadlines) {
  Recorder recorder;
  TimerQueue queue;
  queue.Start();
  const auto late = MakeRef<TestTimer>(recorder, 2), early = MakeRef<TestTimer>(recorder, 1), past = MakeRef<TestTimer>(recorder, 0);
  const int64_t now = MonotonicNs();
  queue.Arm(*late, now + 20'000'000);
  queue.Arm(*early, now + 10'000'000);
  queue.Arm(*past, 5);
  ASSERT_TRUE(recorder.WaitFor(3));
  EXPECT_EQ(recorder.fired(), (std::vector<int>{0, 1, 2}));
}

TEST(TimerQueue, CancelledAndRearmedTimers) {
  Recorder recorder;
  TimerQueue queue;
  queue.Start();
  const auto gone = MakeRef<TestTimer>(recorder, 1), moved = MakeRef<TestTimer>(recorder, 2);
  queue.Arm(*gone, MonotonicNs() + 10'000'000);
  EXPECT_TRUE(queue.Cancel(*gone));
  EXPECT_FALSE(queue.Cancel(*gone));
  queue.Arm(*moved, MonotonicNs() + 100 * kNsPerSecond);
  queue.Arm(*moved, MonotonicNs() + 15'000'000);
  ASSERT_TRUE(recorder.WaitFor(1));
  absl::SleepFor(absl::Milliseconds(10));
  EXPECT_EQ(recorder.fired(), std::vector<int>{2});
}

TEST(TimerQueue, GivesReferencesBackWhenItEnds) {
  Recorder recorder;
  const auto timer = MakeRef<TestTimer>(recorder, 1);
  {
    TimerQueue queue;
    queue.Start();
    queue.Arm(*timer, MonotonicNs() + 100 * kNsPerSecond);
    EXPECT_EQ(timer->ref_count(), 2);
  }
  EXPECT_EQ(timer->ref_count(), 1);
}

}  // namespace
}  // namespace ringwall::time
