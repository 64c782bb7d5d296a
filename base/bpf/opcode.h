// Numbers of classic BPF's instruction encoding.
#pragma once

#include <cstdint>

namespace ringwall::bpf {

// Class: code & 7.
inline constexpr uint16_t kLd = 0, kLdx = 1, kSt = 2, kStx = 3, kAlu = 4, kJmp = 5, kRet = 6, kMisc = 7;
// Size of a load: code & 0x18.
inline constexpr uint16_t kWord = 0x00, kHalf = 0x08, kByte = 0x10;
// Mode of a load: code & 0xe0.
inline constexpr uint16_t kImm = 0x00, kAbs = 0x20, kInd = 0x40, kMem = 0x60, kLen = 0x80, kMsh = 0xa0;
// Operation of kAlu: code & 0xf0.
inline constexpr uint16_t kAdd = 0x00, kSub = 0x10, kMul = 0x20, kDiv = 0x30, kOr = 0x40, kAnd = 0x50, kLsh = 0x60, kRsh = 0x70,
                          kNeg = 0x80, kMod = 0x90, kXor = 0xa0;
// Operation of kJmp: code & 0xf0.
inline constexpr uint16_t kJa = 0x00, kJeq = 0x10, kJgt = 0x20, kJge = 0x30, kJset = 0x40;
// Operand of kAlu and kJmp: code & 8.
inline constexpr uint16_t kK = 0x00, kX = 0x08;
// Value of kRet: code & 0x18 (0 is k).
inline constexpr uint16_t kRetA = 0x10;
// Operation of kMisc: code & 0xf8.
inline constexpr uint16_t kTax = 0x00, kTxa = 0x80;

inline constexpr uint32_t kScratchWords = 16;

}  // namespace ringwall::bpf
