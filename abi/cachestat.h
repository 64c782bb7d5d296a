// cachestat(2).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

struct CachestatRange {
  uint64_t off = 0, len = 0;
};
struct Cachestat {
  uint64_t nr_cache = 0, nr_dirty = 0, nr_writeback = 0, nr_evicted = 0, nr_recently_evicted = 0;
};
static_assert(sizeof(CachestatRange) == 16 && sizeof(Cachestat) == 40 && NoPadding<CachestatRange> && NoPadding<Cachestat>);

}  // namespace ringwall::abi
