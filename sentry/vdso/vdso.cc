// The sentry's side of the vDSO: its two memory files, and the clock data that it keeps fresh.
#include "sentry/vdso/vdso.h"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "absl/types/span.h"
#include "arch/x86_64/cpu_features.h"
#include "sentry/mm/memory_file.h"
#include "sentry/mm/page.h"
#include "sentry/time/clock.h"

extern "C" const std::byte ringwall_vdso_begin[], ringwall_vdso_end[];

namespace ringwall::vdso {
namespace {

constexpr int64_t kMs = 1'000'000;
// A rate measured over less is too coarse to hand out; over more than this the anchor moves on, to follow the host's NTP corrections.
constexpr int64_t kMinInterval = 20 * kMs;
constexpr int64_t kLongInterval = 8'000 * kMs;
// The page's age at which an event refreshes it, and at which guests stop to believe it.
constexpr int64_t kRefreshAfter = 5 * kMs;
constexpr int64_t kMaxAge = 1'000 * kMs;
// Two clock readings around which the counter moved longer than this were interrupted; try again.
constexpr uint64_t kMaxSampleTicks = 6'000;
constexpr int kSampleTries = 6;
// What a sample may be wrong by. Over an interval it makes the rate wrong by kSampleError / interval, against which the lag is set.
constexpr int64_t kSampleError = 200;
// Further off than this, something has happened to the counter (a migration, a suspended host): start anew.
constexpr int64_t kLostThreshold = 10 * kMs;

class Part final : public mm::Mappable {
 public:
  Part(Ref<SharedFd> fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  Result<Ref<SharedFd>> HostFile(bool write_shared) override {
    if (write_shared) return Errno::kEACCES;
    return fd_;
  }
  Identity identity() const override { return {}; }
  std::string Name() const override { return name_; }

 private:
  const Ref<SharedFd> fd_;
  const std::string name_;
};

void Store(uint64_t& field, uint64_t value) { __atomic_store_n(&field, value, __ATOMIC_RELAXED); }
void Store(int64_t& field, int64_t value) { __atomic_store_n(&field, value, __ATOMIC_RELAXED); }

int64_t Scale(uint64_t ticks, uint64_t multiplier) {
  return static_cast<int64_t>(static_cast<unsigned __int128>(ticks) * multiplier >> 32);
}
uint64_t TicksIn(int64_t ns, uint64_t multiplier) {
  return multiplier == 0 ? 0 : static_cast<uint64_t>((static_cast<unsigned __int128>(ns) << 32) / multiplier);
}

}  // namespace

Vdso& Vdso::Get() {
  // Never destroyed: worker threads may still handle events while the process exits.
  static Vdso* const one = new Vdso;
  return *one;
}

Vdso::Vdso() {
  const auto bytes = absl::MakeConstSpan(ringwall_vdso_begin, static_cast<size_t>(ringwall_vdso_end - ringwall_vdso_begin));
  const uint64_t size = mm::PageUp(bytes.size());
  Result<Ref<SharedFd>> code = mm::CreateMemoryFile("vdso", size);
  Result<Ref<SharedFd>> data = mm::CreateMemoryFile("vvar", mm::kPageSize);
  if (!code.ok() || !data.ok() || !mm::WriteMemoryFile(**code, 0, bytes).ok()) return;
  Result<std::shared_ptr<std::byte>> mapping = mm::MapMemoryFile(**data, mm::kPageSize);
  if (!mapping.ok()) return;
  // Every guest maps these: one that could make its view writable would set the clocks, or the code, of all others.
  if (!mm::SealMemoryFile(**code).ok() || !mm::SealMemoryFile(**data).ok()) return;
  image_bytes_ = size;
  image_ = MakeRef<Part>(std::move(code).value(), "[vdso]");
  data_ = MakeRef<Part>(std::move(data).value(), "[vvar]");
  mapping_ = std::move(mapping).value();
  // Without a counter that can be trusted the page stays invalid and every call becomes a system call.
  if (!arch::HasInvariantTsc()) return;
  page_ = new (mapping_.get()) guest::DataPage;
  MaybeRefresh();  // the first anchor
}

bool Vdso::ReadyForRefresh() const { return arch::ReadTsc() >= next_refresh_tsc_.load(std::memory_order_relaxed); }

bool Vdso::TakeSample(Sample& best) {
  uint64_t best_width = ~uint64_t{0};
  for (int i = 0; i < kSampleTries && best_width > kMaxSampleTicks / 8; ++i) {
    Sample s;
    const uint64_t before = arch::ReadTsc();
    s.monotonic = time::MonotonicNs();
    const uint64_t after = arch::ReadTsc();
    s.tsc = before + (after - before) / 2;
    if (after - before < best_width) {
      best_width = after - before;
      best = s;
    }
  }
  if (best_width > kMaxSampleTicks) return false;
  // The distances of the other clocks, each against a monotonic reading next to it.
  const int64_t first = time::MonotonicNs(), real = time::RealtimeNs(), second = time::MonotonicNs(), boot = time::BoottimeNs();
  const int64_t third = time::MonotonicNs();
  best.realtime = best.monotonic + (real - (first + (second - first) / 2));
  best.boottime = best.monotonic + (boot - (second + (third - second) / 2));
  return true;
}

void Vdso::Refresh() {
  if (refreshing_.test_and_set(std::memory_order_acquire)) return;
  Sample now;
  if (TakeSample(now)) {
    const int64_t interval = now.monotonic - anchor_.monotonic;
    if (!has_anchor_ || now.tsc <= anchor_.tsc || interval <= 0) {
      has_anchor_ = true;
      anchor_ = next_anchor_ = now;
      Invalidate();
      next_refresh_tsc_.store(now.tsc, std::memory_order_relaxed);
    } else if (interval >= kMinInterval) {
      const auto rate = static_cast<uint64_t>((static_cast<unsigned __int128>(interval) << 32) / (now.tsc - anchor_.tsc));
      // A little slow: by one part in a million, and by what the rate may be wrong.
      const uint64_t lag =
          rate / 1'000'000 + static_cast<uint64_t>(static_cast<unsigned __int128>(rate) * kSampleError / static_cast<uint64_t>(interval));
      Publish(now, rate - lag);
      if (now.monotonic - next_anchor_.monotonic >= kLongInterval) {
        anchor_ = next_anchor_;
        next_anchor_ = now;
      }
      next_refresh_tsc_.store(now.tsc + TicksIn(kRefreshAfter, rate), std::memory_order_relaxed);
    }
  }
  refreshing_.clear(std::memory_order_release);
}

void Vdso::Publish(const Sample& now, uint64_t multiplier) {
  guest::DataPage& page = *page_;
  int64_t base = now.monotonic;
  if (page.valid != 0) {
    // What guests may have read a moment ago. Time must go on from there if it was ahead after all (a sample's error).
    const uint64_t ticks = now.tsc > page.base_tsc ? now.tsc - page.base_tsc : 0;
    const int64_t shown = page.base_monotonic + Scale(std::min(ticks, page.max_ticks), page.multiplier);
    const int64_t ahead = shown - now.monotonic;
    const uint64_t change = multiplier > page.multiplier ? multiplier - page.multiplier : page.multiplier - multiplier;
    if (ahead > kLostThreshold || (ticks <= page.max_ticks && ahead < -kLostThreshold) || change > page.multiplier / 500) {
      has_anchor_ = false;
      return Invalidate();
    }
    if (ahead > 0) {
      base = shown;
      // Back to the truth over the next refresh interval or two; never slower than by a thousandth.
      const int64_t slow = std::min<int64_t>(ahead * 1'000'000 / (2 * kRefreshAfter), 1'000);
      multiplier -= multiplier / 1'000'000 * static_cast<uint64_t>(slow);
    }
  }
  const uint64_t sequence = page.sequence;
  __atomic_store_n(&page.sequence, sequence + 1, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  Store(page.valid, uint64_t{1});
  Store(page.base_tsc, now.tsc);
  Store(page.multiplier, multiplier);
  Store(page.max_ticks, TicksIn(kMaxAge, multiplier));
  Store(page.base_monotonic, base);
  Store(page.realtime_offset, now.realtime - now.monotonic);
  Store(page.boottime_offset, now.boottime - now.monotonic);
  __atomic_store_n(&page.sequence, sequence + 2, __ATOMIC_RELEASE);
}

void Vdso::Invalidate() {
  const uint64_t sequence = page_->sequence;
  __atomic_store_n(&page_->sequence, sequence + 1, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  Store(page_->valid, uint64_t{0});
  __atomic_store_n(&page_->sequence, sequence + 2, __ATOMIC_RELEASE);
}

}  // namespace ringwall::vdso
