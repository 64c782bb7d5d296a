// eventfd(2).
#pragma once

#include <cstdint>

namespace ringwall::abi {

inline constexpr uint32_t kEFD_SEMAPHORE = 1, kEFD_CLOEXEC = 02000000, kEFD_NONBLOCK = 04000;
inline constexpr uint64_t kEVENTFD_MAX = 0xfffffffffffffffe;

}  // namespace ringwall::abi
