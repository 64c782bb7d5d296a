// A host process that outlives the command that knew it: pid plus start time, so that a recycled pid is never signalled.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd/unique_fd.h"

namespace ringwall::container {

struct ProcessId {
  int32_t pid = 0;
  uint64_t start_time = 0;  // field 22 of /proc/PID/stat, clock ticks since boot
};

// Of a living process; start_time 0 when it is gone.
ProcessId IdentifyProcess(int32_t pid);
// Running or stopped by a signal; false for a zombie, a dead or a recycled pid, or pid 0.
bool IsAlive(const ProcessId& process);
// A pidfd of exactly that process; invalid when it is gone (a zombie still has one).
UniqueFd OpenProcess(const ProcessId& process);
// Signals exactly that process. False when it is gone.
bool SignalProcess(const ProcessId& process, int signo);
// Waits until the process has ended (or timeout). True when it is gone.
bool WaitGone(const ProcessId& process, int timeout_ms);

}  // namespace ringwall::container
