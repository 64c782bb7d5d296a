// splice(2), tee(2), vmsplice(2).
#pragma once

#include <cstdint>

namespace ringwall::abi {

inline constexpr uint32_t kSPLICE_F_MOVE = 1, kSPLICE_F_NONBLOCK = 2, kSPLICE_F_MORE = 4, kSPLICE_F_GIFT = 8;

}  // namespace ringwall::abi
