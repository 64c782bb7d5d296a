// personality(2).
#pragma once

#include <cstdint>

namespace ringwall::abi {

inline constexpr uint32_t kPER_LINUX = 0, kPER_LINUX32 = 8, kPER_MASK = 0xff, kUNAME26 = 0x20000, kADDR_NO_RANDOMIZE = 0x40000,
    kFDPIC_FUNCPTRS = 0x80000, kMMAP_PAGE_ZERO = 0x100000, kADDR_COMPAT_LAYOUT = 0x200000, kREAD_IMPLIES_EXEC = 0x400000,
    kADDR_LIMIT_32BIT = 0x800000, kSHORT_INODE = 0x1000000, kWHOLE_SECONDS = 0x2000000, kSTICKY_TIMEOUTS = 0x4000000,
    kADDR_LIMIT_3GB = 0x8000000;

}  // namespace ringwall::abi
