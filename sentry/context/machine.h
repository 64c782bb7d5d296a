// What the sandbox says of the machine: CPUs and memory. The one place that sysinfo(2), /proc and /sys read it from.
#pragma once

#include <cstdint>

namespace ringwall::machine {

struct MemoryInfo {
  uint64_t total_bytes = 0, free_bytes = 0, available_bytes = 0, buffers_bytes = 0, cached_bytes = 0;
};

// The container's limit when there is one, else the host's memory; free figures from the host's sysinfo(2).
MemoryInfo ReadMemoryInfo();
// The limit that boot found in the container's cgroup or config.json; 0 = none.
void SetMemoryLimit(uint64_t bytes);

// CPUs the sandbox may use: fixed at boot.
uint32_t CpuCount();

}  // namespace ringwall::machine
