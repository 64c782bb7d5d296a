// Page: 4096 bytes of a tmpfs file in the sentry's memory. Shared pages are never written: a writer that is not alone makes a new one, so
// that readers copy to the guest without any lock.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/ref/ref.h"

namespace ringwall::tmpfs {

inline constexpr uint64_t kPageSize = 4096;

class Page : public RefCounted {
 public:
  Page() {}  // NOLINT: the bytes are the maker's to fill
  // Nobody else can look at it: references are only taken under the inode's lock, which the caller holds.
  bool IsExclusive() const { return ref_count() == 1; }
  std::byte bytes[kPageSize];
};

}  // namespace ringwall::tmpfs
