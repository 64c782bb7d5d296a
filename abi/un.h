// unix(7) addresses.
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr int32_t kUNIX_PATH_MAX = 108;

struct SockaddrUn {
  uint16_t sun_family = 0;
  char sun_path[kUNIX_PATH_MAX] = {};
};
static_assert(sizeof(SockaddrUn) == 110 && NoPadding<SockaddrUn>);

}  // namespace ringwall::abi
