// sched(7): policies, sched_setattr(2), priorities, ioprio_set(2).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr int32_t kSCHED_NORMAL = 0, kSCHED_OTHER = 0, kSCHED_FIFO = 1, kSCHED_RR = 2, kSCHED_BATCH = 3, kSCHED_IDLE = 5,
    kSCHED_DEADLINE = 6, kSCHED_EXT = 7, kSCHED_RESET_ON_FORK = 0x40000000;
inline constexpr uint64_t kSCHED_FLAG_RESET_ON_FORK = 1, kSCHED_FLAG_RECLAIM = 2, kSCHED_FLAG_DL_OVERRUN = 4,
    kSCHED_FLAG_KEEP_POLICY = 8, kSCHED_FLAG_KEEP_PARAMS = 0x10, kSCHED_FLAG_UTIL_CLAMP_MIN = 0x20,
    kSCHED_FLAG_UTIL_CLAMP_MAX = 0x40, kSCHED_FLAG_ALL = 0x7f;

struct SchedParam {
  int32_t sched_priority = 0;
};
static_assert(sizeof(SchedParam) == 4 && NoPadding<SchedParam>);

struct SchedAttr {
  uint32_t size = 0, sched_policy = 0;
  uint64_t sched_flags = 0;
  int32_t sched_nice = 0;
  uint32_t sched_priority = 0;
  uint64_t sched_runtime = 0, sched_deadline = 0, sched_period = 0;
  uint32_t sched_util_min = 0, sched_util_max = 0;
};
static_assert(sizeof(SchedAttr) == 56 && NoPadding<SchedAttr>);
inline constexpr uint32_t kSCHED_ATTR_SIZE_VER0 = 48, kSCHED_ATTR_SIZE_VER1 = 56;

inline constexpr int32_t kPRIO_MIN = -20, kPRIO_MAX = 20, kPRIO_PROCESS = 0, kPRIO_PGRP = 1, kPRIO_USER = 2;
inline constexpr int32_t kMIN_NICE = -20, kMAX_NICE = 19;
inline constexpr int32_t kIOPRIO_CLASS_SHIFT = 13, kIOPRIO_CLASS_NONE = 0, kIOPRIO_CLASS_RT = 1, kIOPRIO_CLASS_BE = 2,
    kIOPRIO_CLASS_IDLE = 3, kIOPRIO_WHO_PROCESS = 1, kIOPRIO_WHO_PGRP = 2, kIOPRIO_WHO_USER = 3, kIOPRIO_NR_LEVELS = 8;

}  // namespace ringwall::abi
