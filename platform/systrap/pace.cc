// Pace: the trial of two ways to wait.
#include "platform/systrap/pace.h"

#include <algorithm>
#include <utility>

namespace ringwall::platform::systrap {

void Pace::Disturb() {
  disturbed_ = true;
  if (phase_ == Phase::kTrySleeping || phase_ == Phase::kTryPolling) Enter(Phase::kSlow, answered_);
}

void Pace::Asked(uint64_t now) {
  const bool quick = now - answered_ < kWindow;
  ++requests_;
  if (!quick) ++long_gaps_;
  switch (phase_) {
    case Phase::kSlow:
      if (!quick) requests_ = 0;
      if (requests_ >= kQuickInARow) Enter(Phase::kTrySleeping, now);
      return;
    case Phase::kTrySleeping:
      if (long_gaps_ > kLongGaps) return Enter(Phase::kSlow, now);
      if (requests_ < kTrial) return;
      sleeping_cost_ = now - started_;
      return Enter(Phase::kTryPolling, now);
    case Phase::kTryPolling: {
      // The first ones pay for the move to another CPU.
      if (requests_ <= kWarmUp) {
        started_ = now;
        return;
      }
      const uint64_t spent = now - started_;
      const bool lost = spent > sleeping_cost_;
      if (requests_ < kTrial + kWarmUp && !lost) return;
      // Clearly better, or not at all: a looking thread takes a CPU away from others.
      polling_pays_ = !lost && spent < sleeping_cost_ - sleeping_cost_ / 4;
      keep_sleeping_ = polling_pays_ ? kKeepSleepingMin : std::min(keep_sleeping_ * 2, kKeepSleepingMax);
      return Enter(Phase::kSettled, now);
    }
    case Phase::kSettled:
      if (requests_ % kTrial == 0) {
        if (long_gaps_ > kLongGaps) return Enter(Phase::kSlow, now);
        long_gaps_ = 0;
        // The machine got busier: the last ones took longer than notifications would have.
        const bool worse = polling_pays_ && !std::exchange(disturbed_, false) && now - started_ > sleeping_cost_;
        if (worse || requests_ >= (polling_pays_ ? kKeepPolling : keep_sleeping_)) return Enter(Phase::kTrySleeping, now);
        started_ = now;
      }
      return;
  }
}

}  // namespace ringwall::platform::systrap
