// Clocks as clock_gettime(2) numbers them, CPU time included.
#pragma once

#include <cstdint>

#include "base/error/result.h"
#include "base/ref/ref.h"

namespace ringwall::task {

class Task;
class ThreadGroup;

struct CpuTimes {
  uint64_t user_ns = 0;
  uint64_t system_ns = 0;
  uint64_t total_ns() const { return user_ns + system_ns; }
};
CpuTimes ThreadCpu(const Task& task);
// All threads, dead ones included. Takes the pid table's lock.
CpuTimes ProcessCpu(ThreadGroup& group);

// What a clock id means. Exactly one of `thread`, `process` is set for CPU clocks, none for the others.
struct ClockRef {
  int32_t id = 0;     // CLOCK_* (static ids)
  int32_t which = 0;  // CPUCLOCK_* of CPU clocks
  RefPtr<Task> thread;
  RefPtr<ThreadGroup> process;
  bool is_cpu() const { return static_cast<bool>(thread) || static_cast<bool>(process); }
  int64_t Now() const;
};
// EINVAL: no such clock, or the CPU clock of a thread that is not the caller's. Accepts the dynamic ids of clock_getcpuclockid(3).
Result<ClockRef> FindClock(Task& task, int32_t clock);
Result<int64_t> ReadClock(Task& task, int32_t clock);
// clock_getres(2), nanoseconds.
Result<int64_t> ClockResolution(Task& task, int32_t clock);

}  // namespace ringwall::task
