// struct sched_attr of sched_setattr(2), version 1 of 2017: neither the C library nor every kernel's headers can be included for it.
#pragma once

#include <cstdint>

namespace tests {

struct SchedAttr {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
  uint32_t util_min, util_max;
};

}  // namespace tests
