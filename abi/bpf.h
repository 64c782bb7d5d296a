// Classic BPF (bpf(4) of the BSDs, SO_ATTACH_FILTER, seccomp(2)).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

struct SockFilter {
  uint16_t code = 0;
  uint8_t jt = 0, jf = 0;
  uint32_t k = 0;
};
static_assert(sizeof(SockFilter) == 8 && NoPadding<SockFilter>);

struct SockFprog {
  uint16_t len = 0, pad0_[3] = {};
  uint64_t filter = 0;
};
static_assert(sizeof(SockFprog) == 16 && NoPadding<SockFprog>);

inline constexpr uint16_t kBPF_LD = 0, kBPF_LDX = 1, kBPF_ST = 2, kBPF_STX = 3, kBPF_ALU = 4, kBPF_JMP = 5, kBPF_RET = 6,
    kBPF_MISC = 7, kBPF_W = 0, kBPF_H = 8, kBPF_B = 0x10, kBPF_IMM = 0, kBPF_ABS = 0x20, kBPF_IND = 0x40, kBPF_MEM = 0x60,
    kBPF_LEN = 0x80, kBPF_MSH = 0xa0, kBPF_ADD = 0, kBPF_SUB = 0x10, kBPF_MUL = 0x20, kBPF_DIV = 0x30, kBPF_OR = 0x40,
    kBPF_AND = 0x50, kBPF_LSH = 0x60, kBPF_RSH = 0x70, kBPF_NEG = 0x80, kBPF_MOD = 0x90, kBPF_XOR = 0xa0, kBPF_JA = 0,
    kBPF_JEQ = 0x10, kBPF_JGT = 0x20, kBPF_JGE = 0x30, kBPF_JSET = 0x40, kBPF_K = 0, kBPF_X = 8, kBPF_A = 0x10, kBPF_TAX = 0,
    kBPF_TXA = 0x80;
inline constexpr uint32_t kBPF_MAXINSNS = 4096, kBPF_MEMWORDS = 16;

}  // namespace ringwall::abi
