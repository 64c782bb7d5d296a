// Extended (FPU, SSE, AVX, AVX-512) state of a guest thread as one XSAVE area in standard format (SDM vol. 1, 13.4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ringwall::arch {

// Large enough for every component a guest may use; AMX tiles need arch_prctl permission, which guests never get.
inline constexpr size_t kFpStateMaxBytes = 4096;

struct FpState {
  alignas(64) std::array<std::byte, kFpStateMaxBytes> area{};
  uint32_t size = 0;  // bytes in use; 0 = initial state
};

// Bytes that the host's XCR0 (without AMX) needs, 576 at least. Computed once.
uint32_t FpStateSize();
// XCR0 as guests see it in a signal frame (sw_reserved.xfeatures).
uint64_t FpStateFeatures();
// The state of a new process (fninit, MXCSR 0x1f80).
FpState InitialFpState();

}  // namespace ringwall::arch
