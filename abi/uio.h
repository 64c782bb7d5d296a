// readv(2), preadv2(2), process_vm_readv(2).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

struct Iovec {
  uint64_t iov_base = 0, iov_len = 0;
};
static_assert(sizeof(Iovec) == 16 && NoPadding<Iovec>);

inline constexpr int32_t kUIO_MAXIOV = 1024;
inline constexpr uint32_t kRWF_HIPRI = 1, kRWF_DSYNC = 2, kRWF_SYNC = 4, kRWF_NOWAIT = 8, kRWF_APPEND = 0x10,
    kRWF_NOAPPEND = 0x20, kRWF_ATOMIC = 0x40, kRWF_DONTCACHE = 0x80;

}  // namespace ringwall::abi
