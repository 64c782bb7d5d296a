// epoll(7).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr uint32_t kEPOLL_CLOEXEC = 02000000;
inline constexpr int32_t kEPOLL_CTL_ADD = 1, kEPOLL_CTL_DEL = 2, kEPOLL_CTL_MOD = 3;
inline constexpr uint32_t kEPOLLIN = 1, kEPOLLPRI = 2, kEPOLLOUT = 4, kEPOLLERR = 8, kEPOLLHUP = 0x10, kEPOLLNVAL = 0x20,
    kEPOLLRDNORM = 0x40, kEPOLLRDBAND = 0x80, kEPOLLWRNORM = 0x100, kEPOLLWRBAND = 0x200, kEPOLLMSG = 0x400,
    kEPOLLRDHUP = 0x2000, kEPOLLEXCLUSIVE = 0x10000000, kEPOLLWAKEUP = 0x20000000, kEPOLLONESHOT = 0x40000000,
    kEPOLLET = 0x80000000;
inline constexpr int32_t kEP_MAX_EVENTS = 0x7fffffff / 12, kEP_MAX_NESTS = 4;

// Packed on x86-64 only: 12 bytes.
struct [[gnu::packed]] EpollEvent {
  uint32_t events = 0;
  uint64_t data = 0;
};
static_assert(sizeof(EpollEvent) == 12 && NoPadding<EpollEvent>);

struct EpollParams {
  uint32_t busy_poll_usecs = 0;
  uint16_t busy_poll_budget = 0;
  uint8_t prefer_busy_poll = 0, pad0_ = 0;
};
static_assert(sizeof(EpollParams) == 8 && NoPadding<EpollParams>);

}  // namespace ringwall::abi
