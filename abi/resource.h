// getrlimit(2), getrusage(2).
#pragma once

#include <cstdint>

#include "abi/layout.h"
#include "abi/time.h"

namespace ringwall::abi {

inline constexpr int32_t kRLIMIT_CPU = 0, kRLIMIT_FSIZE = 1, kRLIMIT_DATA = 2, kRLIMIT_STACK = 3, kRLIMIT_CORE = 4,
    kRLIMIT_RSS = 5, kRLIMIT_NPROC = 6, kRLIMIT_NOFILE = 7, kRLIMIT_MEMLOCK = 8, kRLIMIT_AS = 9, kRLIMIT_LOCKS = 10,
    kRLIMIT_SIGPENDING = 11, kRLIMIT_MSGQUEUE = 12, kRLIMIT_NICE = 13, kRLIMIT_RTPRIO = 14, kRLIMIT_RTTIME = 15,
    kRLIM_NLIMITS = 16;
inline constexpr uint64_t kRLIM_INFINITY = ~uint64_t{0};
inline constexpr int32_t kRUSAGE_SELF = 0, kRUSAGE_CHILDREN = -1, kRUSAGE_BOTH = -2, kRUSAGE_THREAD = 1;

struct Rlimit {
  uint64_t rlim_cur = 0, rlim_max = 0;
};
static_assert(sizeof(Rlimit) == 16 && NoPadding<Rlimit>);

struct Rusage {
  Timeval ru_utime, ru_stime;
  int64_t ru_maxrss = 0, ru_ixrss = 0, ru_idrss = 0, ru_isrss = 0, ru_minflt = 0, ru_majflt = 0, ru_nswap = 0;
  int64_t ru_inblock = 0, ru_oublock = 0, ru_msgsnd = 0, ru_msgrcv = 0, ru_nsignals = 0, ru_nvcsw = 0, ru_nivcsw = 0;
};
static_assert(sizeof(Rusage) == 144 && NoPadding<Rusage>);

}  // namespace ringwall::abi
