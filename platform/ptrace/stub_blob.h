// The stub's code as the tracer sees it: bytes to map, and offsets of its routines.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace ringwall::platform::ptrace {

absl::Span<const std::byte> StubBlob();

// A routine of the blob: where it starts, and the instruction pointer after the int3 that ends it.
struct StubRoutine {
  uint64_t start;
  uint64_t done;
};
extern const StubRoutine kParkRoutine;
extern const StubRoutine kRunRoutine;
extern const StubRoutine kCompareExchangeRoutine;
extern const StubRoutine kTouchRoutine;

}  // namespace ringwall::platform::ptrace
