// memfd_create(2), memfd_secret(2). The seals are in abi/fcntl.h.
#pragma once

#include <cstdint>

namespace ringwall::abi {

inline constexpr uint32_t kMFD_CLOEXEC = 1, kMFD_ALLOW_SEALING = 2, kMFD_HUGETLB = 4, kMFD_NOEXEC_SEAL = 8, kMFD_EXEC = 0x10,
    kMFD_HUGE_SHIFT = 0x1a, kMFD_HUGE_MASK = 0x3f;
inline constexpr uint32_t kMFD_NAME_MAX_LEN = 249;  // NAME_MAX less "memfd:"

}  // namespace ringwall::abi
