// The vDSO: a shared object of ours in every guest that answers clock calls without a trap, and the page it reads (vdso(7)).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/fd/shared_fd.h"
#include "base/ref/ref.h"
#include "sentry/mm/mappable.h"
#include "sentry/vdso/guest/data_page.h"

namespace ringwall::vdso {

// One for all guests: one image, one data page, shared read-only by every address space.
//
// Time in the data page is the host's CLOCK_MONOTONIC, extrapolated with the time-stamp counter. It lags reality on purpose, by a few
// nanoseconds after a refresh and about a microsecond a second later: so it never runs ahead of the system call, and never goes back.
// A page that nobody refreshed for a second makes guests ask the kernel, whose event handling refreshes it: an idle sandbox does nothing.
class Vdso {
 public:
  static Vdso& Get();

  Vdso();
  // False when the host gave no memory file: programs run without a vDSO then.
  bool available() const { return image_.get() != nullptr; }
  uint64_t image_bytes() const { return image_bytes_; }
  RefPtr<mm::Mappable> image() const { return image_; }
  RefPtr<mm::Mappable> data() const { return data_; }

  // Called by the run loop at every guest event; nearly free while the page is young. Any thread.
  void MaybeRefresh() {
    if (page_ != nullptr && ReadyForRefresh()) Refresh();
  }
  // For tests: the page as guests see it.
  const guest::DataPage* page() const { return page_; }

 private:
  struct Sample {
    uint64_t tsc = 0;
    int64_t monotonic = 0, realtime = 0, boottime = 0;
  };
  static bool TakeSample(Sample& sample);
  bool ReadyForRefresh() const;
  void Refresh();
  void Publish(const Sample& now, uint64_t multiplier);
  void Invalidate();

  RefPtr<mm::Mappable> image_;
  RefPtr<mm::Mappable> data_;
  uint64_t image_bytes_ = 0;
  std::shared_ptr<std::byte> mapping_;
  guest::DataPage* page_ = nullptr;

  std::atomic<uint64_t> next_refresh_tsc_{0};
  std::atomic_flag refreshing_;
  // The rest belongs to whoever holds refreshing_.
  Sample anchor_;       // start of the interval over which the rate is measured
  Sample next_anchor_;  // takes its place when it has grown long
  bool has_anchor_ = false;
};

}  // namespace ringwall::vdso
