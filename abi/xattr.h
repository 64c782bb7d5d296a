// xattr(7).
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr uint32_t kXATTR_CREATE = 1, kXATTR_REPLACE = 2;
inline constexpr size_t kXATTR_NAME_MAX = 255, kXATTR_SIZE_MAX = 65536, kXATTR_LIST_MAX = 65536;

struct XattrArgs {  // setxattrat(2), getxattrat(2)
  uint64_t value = 0;
  uint32_t size = 0, flags = 0;
};
static_assert(sizeof(XattrArgs) == 16 && NoPadding<XattrArgs>);

}  // namespace ringwall::abi
