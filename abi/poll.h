// poll(2), ppoll(2), select(2).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr uint32_t kPOLLIN = 1, kPOLLPRI = 2, kPOLLOUT = 4, kPOLLERR = 8, kPOLLHUP = 0x10, kPOLLNVAL = 0x20,
    kPOLLRDNORM = 0x40, kPOLLRDBAND = 0x80, kPOLLWRNORM = 0x100, kPOLLWRBAND = 0x200, kPOLLMSG = 0x400, kPOLLREMOVE = 0x1000,
    kPOLLRDHUP = 0x2000;

// The event words are short in C; unsigned here, so that widening a mask never brings in sign bits.
struct Pollfd {
  int32_t fd = 0;
  uint16_t events = 0, revents = 0;
};
static_assert(sizeof(Pollfd) == 8 && NoPadding<Pollfd>);

// What select(2) means by ready to read, ready to write, exceptional.
inline constexpr uint32_t kPOLLIN_SET = kPOLLRDNORM | kPOLLRDBAND | kPOLLIN | kPOLLHUP | kPOLLERR | kPOLLNVAL;
inline constexpr uint32_t kPOLLOUT_SET = kPOLLWRBAND | kPOLLWRNORM | kPOLLOUT | kPOLLERR | kPOLLNVAL;
inline constexpr uint32_t kPOLLEX_SET = kPOLLPRI | kPOLLNVAL;

inline constexpr int32_t kFD_SETSIZE = 1024;  // the C library's; the kernel takes any number below the fd limit

// The sixth argument of pselect6(2).
struct SigSetArg {
  uint64_t ss = 0, ss_len = 0;
};
static_assert(sizeof(SigSetArg) == 16 && NoPadding<SigSetArg>);

}  // namespace ringwall::abi
