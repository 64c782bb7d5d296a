// Which CPU a guest thread runs on.
#include "platform/ptrace/placement.h"

#include <time.h>

namespace ringwall::platform::ptrace {
namespace {

// A pinned thread with fewer events than this in a tick computes: its gaps (> 300 us on average) dwarf a wake-up across CPUs.
constexpr uint32_t kFewEvents = 12;
// Alone on the tracer's CPU it goes only if it makes no calls at all for this long: other sandboxes are the only reason to go.
constexpr uint8_t kQuietTicksAlone = 5;
// A free thread comes back after this many consecutive gaps shorter than these: with others to run beside, or alone.
constexpr uint8_t kShortGaps = 8;
constexpr int64_t kShortGapNs = 100'000;
constexpr int64_t kShortGapAloneNs = 1'000'000;

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

void Placement::Start(int cpu) {
  CPU_ZERO(&all_);
  if (sched_getaffinity(0, sizeof(all_), &all_) != 0 || CPU_COUNT(&all_) < 2) return;
  const auto ours = [this](int number) { return number >= 0 && number < CPU_SETSIZE && CPU_ISSET(static_cast<size_t>(number), &all_); };
  if (!ours(cpu)) cpu = sched_getcpu();
  if (!ours(cpu)) return;
  CPU_ZERO(&pinned_);
  CPU_SET(static_cast<size_t>(cpu), &pinned_);
  on_ = sched_setaffinity(0, sizeof(pinned_), &pinned_) == 0;
}

void Placement::Stop() {
  if (!on_) return;
  on_ = false;
  sched_setaffinity(0, sizeof(all_), &all_);
}

void Placement::Pin(int32_t tid) {
  if (on_) sched_setaffinity(tid, sizeof(pinned_), &pinned_);
}

void Placement::SetFree(Tracee& tracee, bool free) {
  if (tracee.free == free) return;
  if (sched_setaffinity(tracee.tid, sizeof(cpu_set_t), free ? &all_ : &pinned_) != 0) return;
  tracee.free = free;
  tracee.short_gaps = 0;
  tracee.quiet_ticks = 0;
  if (tracee.listed) pinned_running_ += free ? -1 : 1;
}

void Placement::OnResume(Tracee& tracee) {
  if (tracee.listed) return;
  tracee.listed = true;
  tracee.running_index = static_cast<uint32_t>(running_.size());
  running_.push_back(&tracee);
  if (!tracee.free) {
    ++pinned_running_;
  } else if (on_) {
    tracee.resumed_at_ns = NowNs();
  }
}

void Placement::OnStop(Tracee& tracee) {
  if (!tracee.listed) return;
  tracee.listed = false;
  Tracee* last = running_.back();
  running_[tracee.running_index] = last;
  last->running_index = tracee.running_index;
  running_.pop_back();
  if (!tracee.free) --pinned_running_;
  if (!on_) return;
  if (tracee.epoch != epoch_) {
    tracee.epoch = epoch_;
    tracee.events_in_epoch = 0;
  }
  ++tracee.events_in_epoch;
  if (!tracee.free) return;
  if (NowNs() - tracee.resumed_at_ns >= (running_.empty() ? kShortGapAloneNs : kShortGapNs)) {
    tracee.short_gaps = 0;
  } else if (++tracee.short_gaps >= kShortGaps) {
    SetFree(tracee, false);
  }
}

void Placement::OnTick() {
  if (!on_) return;
  const bool crowded = running_.size() > 1;
  for (Tracee* tracee : running_) {
    if (tracee->free) continue;
    const uint32_t events = tracee->epoch == epoch_ ? tracee->events_in_epoch : 0;
    if (events >= (crowded ? kFewEvents : 1)) {
      tracee->quiet_ticks = 0;
      continue;
    }
    if (++tracee->quiet_ticks >= (crowded ? 1 : kQuietTicksAlone)) SetFree(*tracee, true);
  }
  ++epoch_;
}

}  // namespace ringwall::platform::ptrace
