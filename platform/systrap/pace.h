// Pace: is it worth looking for a thread's next request instead of sleeping until it is notified? Nobody can know how busy the machine is,
// so both are tried in turn on threads that ask often, and the better is kept for a while.
#pragma once

#include <cstdint>

namespace ringwall::platform::systrap {

// Times are time-stamp ticks of one CPU's clock; differences only.
class Pace {
 public:
  // How long anybody looks: 20 to 30 us on CPUs of 2 to 3 GHz.
  static constexpr uint64_t kWindow = 1 << 16;

  // The thread goes on.
  void Answered(uint64_t now) { answered_ = now; }
  // Its next request is here.
  void Asked(uint64_t now);
  // Other threads want the CPUs: what was measured meanwhile says nothing about polling.
  void Disturb();
  // Is it to be polled from now on?
  bool poll() const { return phase_ == Phase::kTryPolling || (phase_ == Phase::kSettled && polling_pays_); }

 private:
  enum class Phase : uint8_t {
    kSlow,         // its requests are far apart
    kTrySleeping,  // measuring how long a number of them take with notifications
    kTryPolling,   // ... with polling
    kSettled,      // doing what was faster
  };
  static constexpr uint32_t kQuickInARow = 16;  // before it counts as fast
  static constexpr uint32_t kTrial = 32;
  static constexpr uint32_t kWarmUp = 8;
  static constexpr uint32_t kLongGaps = kTrial / 4;  // so many in a trial: not fast after all
  static constexpr uint32_t kKeepPolling = 4096;     // requests until the next trial
  static constexpr uint32_t kKeepSleepingMin = 1024, kKeepSleepingMax = 1 << 16;

  void Enter(Phase phase, uint64_t now) {
    phase_ = phase;
    requests_ = long_gaps_ = 0;
    started_ = now;
  }

  Phase phase_ = Phase::kSlow;
  bool polling_pays_ = false;
  bool disturbed_ = false;  // since the last look at a settled thread's times
  uint32_t requests_ = 0;   // in this phase; quick ones in a row while slow
  uint32_t long_gaps_ = 0;  // in this phase, or in the last kTrial requests of a settled one
  uint32_t keep_sleeping_ = kKeepSleepingMin;
  uint64_t answered_ = 0;
  uint64_t started_ = 0;
  uint64_t sleeping_cost_ = 0;  // of kTrial requests
};

}  // namespace ringwall::platform::systrap
