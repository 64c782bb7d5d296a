// Page arithmetic of mm and the loader.
#pragma once

#include <cstdint>

#include "platform/platform.h"
#include "sentry/mm/memory_manager.h"

namespace ringwall::mm {

inline constexpr uint64_t kPageSize = platform::kPageSize;

constexpr uint64_t PageDown(uint64_t bytes) { return bytes & ~(kPageSize - 1); }
// 0 when it does not fit (bytes > 2^64 - 4096); a caller that takes guests' values checks for it.
constexpr uint64_t PageUp(uint64_t bytes) { return (bytes + kPageSize - 1) & ~(kPageSize - 1); }
constexpr bool IsPageAligned(uint64_t bytes) { return (bytes & (kPageSize - 1)) == 0; }
constexpr uint64_t PageUpOr(uint64_t bytes, uint64_t when_too_big) {
  return bytes > ~uint64_t{0} - kPageSize ? when_too_big : PageUp(bytes);
}

// The main stack is mapped whole at exec, as large as RLIMIT_STACK allows it to grow; memory is used where it is touched.
// Differs from Linux: an unlimited stack ends here.
inline constexpr uint64_t kMaxStack = uint64_t{1} << 30;
// The top of it is a mapping of its own in the host (one that grows, so that it does not merge with the rest): the first touch must not
// bring in, and zero, a huge page where the host gives them to everybody.
inline constexpr uint64_t kStackHead = uint64_t{256} << 10;

// The VMA that a request makes at `address`.
Vma AreaFor(const MmapRequest& request, uint64_t address, uint64_t length, const RefPtr<Mappable>& file,
            const RefPtr<SharedWriter>& writer);

}  // namespace ringwall::mm
