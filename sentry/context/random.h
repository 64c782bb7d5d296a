// Guest-visible randomness comes from here and nowhere else (DESIGN section 9): AT_RANDOM, ASLR, /dev/urandom, getrandom(2).
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace ringwall {

// Fills with bytes of the host's getrandom(2). Never blocks after boot, never fails.
void RandomBytes(absl::Span<std::byte> out);
uint64_t RandomU64();

}  // namespace ringwall
