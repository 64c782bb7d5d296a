// futex(2), futex_waitv(2), futex2 flags, robust lists (get_robust_list(2)).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr int32_t kFUTEX_WAIT = 0, kFUTEX_WAKE = 1, kFUTEX_FD = 2, kFUTEX_REQUEUE = 3, kFUTEX_CMP_REQUEUE = 4,
    kFUTEX_WAKE_OP = 5, kFUTEX_LOCK_PI = 6, kFUTEX_UNLOCK_PI = 7, kFUTEX_TRYLOCK_PI = 8, kFUTEX_WAIT_BITSET = 9,
    kFUTEX_WAKE_BITSET = 10, kFUTEX_WAIT_REQUEUE_PI = 11, kFUTEX_CMP_REQUEUE_PI = 12, kFUTEX_LOCK_PI2 = 13;
inline constexpr int32_t kFUTEX_PRIVATE_FLAG = 128, kFUTEX_CLOCK_REALTIME = 256, kFUTEX_CMD_MASK = -385;
inline constexpr uint32_t kFUTEX_WAITERS = 0x80000000, kFUTEX_OWNER_DIED = 0x40000000, kFUTEX_TID_MASK = 0x3fffffff,
    kFUTEX_BITSET_MATCH_ANY = 0xffffffff;
inline constexpr uint64_t kROBUST_LIST_LIMIT = 2048;
inline constexpr uint32_t kFUTEX_WAITV_MAX = 128, kFUTEX_32 = 2;
inline constexpr uint32_t kFUTEX2_SIZE_U8 = 0, kFUTEX2_SIZE_U16 = 1, kFUTEX2_SIZE_U32 = 2, kFUTEX2_SIZE_U64 = 3,
    kFUTEX2_SIZE_MASK = 3, kFUTEX2_NUMA = 4, kFUTEX2_MPOL = 8, kFUTEX2_PRIVATE = 128;

// FUTEX_WAKE_OP: op in bits 28-31, comparison in 24-27, operand 12-23, comparison operand 0-11.
inline constexpr uint32_t kFUTEX_OP_SET = 0, kFUTEX_OP_ADD = 1, kFUTEX_OP_OR = 2, kFUTEX_OP_ANDN = 3, kFUTEX_OP_XOR = 4,
    kFUTEX_OP_OPARG_SHIFT = 8, kFUTEX_OP_CMP_EQ = 0, kFUTEX_OP_CMP_NE = 1, kFUTEX_OP_CMP_LT = 2, kFUTEX_OP_CMP_LE = 3,
    kFUTEX_OP_CMP_GT = 4, kFUTEX_OP_CMP_GE = 5;

struct RobustList {
  uint64_t next = 0;  // bit 0: the entry is a PI futex
};
struct RobustListHead {
  uint64_t list = 0;
  int64_t futex_offset = 0;
  uint64_t list_op_pending = 0;
};
static_assert(sizeof(RobustListHead) == 24 && NoPadding<RobustListHead>);

struct FutexWaitv {
  uint64_t val = 0, uaddr = 0;
  uint32_t flags = 0, reserved_ = 0;
};
static_assert(sizeof(FutexWaitv) == 24 && NoPadding<FutexWaitv>);

}  // namespace ringwall::abi
