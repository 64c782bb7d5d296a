// Pace: the better way to wait is found and found again.
#include "platform/systrap/pace.h"

#include "gtest/gtest.h"

namespace ringwall::platform::systrap {
namespace {

// A machine on which a request takes so many ticks, one way or the other.
struct Machine {
  uint64_t sleeping, polling;
  uint64_t now = 1'000'000;
  Pace pace;
  // Returns how many of them were polled.
  int Run(int requests, uint64_t computing = 500) {
    int polled = 0;
    for (int i = 0; i < requests; ++i) {
      pace.Answered(now);
      const bool poll = pace.poll();
      polled += poll ? 1 : 0;
      now += computing + (poll ? polling : sleeping);
      pace.Asked(now);
    }
    return polled;
  }
};

TEST(Pace, PollsWhereItPays) {
  Machine machine{.sleeping = 15'000, .polling = 2'000};
  EXPECT_GT(machine.Run(10'000), 9'500);
}

TEST(Pace, SleepsWhereItDoesNot) {
  Machine machine{.sleeping = 15'000, .polling = 60'000};
  EXPECT_LT(machine.Run(100'000), 300);
  Machine even{.sleeping = 15'000, .polling = 14'000};
  EXPECT_LT(even.Run(100'000), 1'500);
}

TEST(Pace, NeverPollsForThreadsThatCompute) {
  Machine machine{.sleeping = 15'000, .polling = 2'000};
  EXPECT_EQ(machine.Run(10'000, Pace::kWindow * 2), 0);
}

TEST(Pace, TrialsAmongOthersWhoWantTheCpuDoNotCount) {
  Machine machine{.sleeping = 15'000, .polling = 60'000};
  for (int i = 0; i < 1'000; ++i) {
    machine.Run(1);
    machine.pace.Disturb();
  }
  machine.polling = 2'000;
  EXPECT_GT(machine.Run(1'000), 800);
}

TEST(Pace, NoticesThatTheMachineChanged) {
  Machine machine{.sleeping = 15'000, .polling = 2'000};
  machine.Run(10'000);
  machine.polling = 60'000;
  EXPECT_LT(machine.Run(100'000), 1'000);
  machine.polling = 2'000;
  machine.Run(100'000);
  EXPECT_GT(machine.Run(10'000), 9'000);
}

}  // namespace
}  // namespace ringwall::platform::systrap
