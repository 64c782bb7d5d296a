// Layout of an XSAVE area in standard format (SDM vol. 1, 13.4) and what this CPU keeps in it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringwall::arch {

// Legacy region: the 512 bytes of FXSAVE.
inline constexpr size_t kLegacyBytes = 512;
inline constexpr size_t kFcwOffset = 0;
inline constexpr size_t kMxcsrOffset = 24;
inline constexpr size_t kMxcsrMaskOffset = 28;
inline constexpr size_t kX87Offset = 32;        // eight registers of 16 bytes
inline constexpr size_t kXmmOffset = 160;       // sixteen registers of 16 bytes
inline constexpr size_t kSoftwareOffset = 464;  // 48 bytes that the CPU leaves to software
// Header: 64 bytes.
inline constexpr size_t kXstateBvOffset = 512;
inline constexpr size_t kXcompBvOffset = 520;
inline constexpr size_t kHeaderEnd = 576;

inline constexpr uint64_t kX87 = 1, kSse = 2, kAvx = 4;
inline constexpr uint64_t kAmx = uint64_t{3} << 17;  // XTILECFG, XTILEDATA

inline constexpr uint16_t kInitialFcw = 0x37f;
inline constexpr uint32_t kInitialMxcsr = 0x1f80;

// Bits of MXCSR that this CPU accepts; loading others faults.
uint32_t MxcsrMask();

}  // namespace ringwall::arch
