// The stub's code as the tracer sees it.
#include "platform/ptrace/stub_blob.h"

#include "platform/ptrace/guest/layout.h"

extern "C" {
extern const std::byte ringwall_stub_begin[], ringwall_stub_end[];
extern const std::byte ringwall_stub_park[], ringwall_stub_parked[];
extern const std::byte ringwall_stub_run[], ringwall_stub_run_done[];
extern const std::byte ringwall_stub_cmpxchg[], ringwall_stub_cmpxchg_done[];
extern const std::byte ringwall_stub_touch[], ringwall_stub_touch_done[];
}

namespace ringwall::platform::ptrace {
namespace {

StubRoutine Routine(const std::byte* start, const std::byte* done) {
  return StubRoutine{static_cast<uint64_t>(start - ringwall_stub_begin), static_cast<uint64_t>(done - ringwall_stub_begin)};
}

}  // namespace

absl::Span<const std::byte> StubBlob() {
  return absl::MakeConstSpan(ringwall_stub_begin, static_cast<size_t>(ringwall_stub_end - ringwall_stub_begin));
}

const StubRoutine kParkRoutine = Routine(ringwall_stub_park, ringwall_stub_parked);
const StubRoutine kRunRoutine = Routine(ringwall_stub_run, ringwall_stub_run_done);
const StubRoutine kCompareExchangeRoutine = Routine(ringwall_stub_cmpxchg, ringwall_stub_cmpxchg_done);
const StubRoutine kTouchRoutine = Routine(ringwall_stub_touch, ringwall_stub_touch_done);

}  // namespace ringwall::platform::ptrace
