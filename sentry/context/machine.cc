// The machine as guests see it.
#include "sentry/context/machine.h"

#include <sys/sysinfo.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace ringwall::machine {
namespace {

std::atomic<uint64_t> memory_limit{0};

}  // namespace

void SetMemoryLimit(uint64_t bytes) { memory_limit.store(bytes); }

MemoryInfo ReadMemoryInfo() {
  struct sysinfo host {};
  MemoryInfo info;
  if (::sysinfo(&host) != 0) return info;
  const uint64_t unit = host.mem_unit;
  info.total_bytes = host.totalram * unit;
  info.free_bytes = host.freeram * unit;
  info.buffers_bytes = host.bufferram * unit;
  info.available_bytes = info.free_bytes + info.buffers_bytes;
  if (const uint64_t limit = memory_limit.load(); limit != 0 && limit < info.total_bytes) {
    info.total_bytes = limit;
    info.free_bytes = std::min(info.free_bytes, limit);
    info.available_bytes = std::min(info.available_bytes, limit);
    info.buffers_bytes = 0;
  }
  return info;
}

uint32_t CpuCount() {
  static const uint32_t count = std::max(1u, std::thread::hardware_concurrency());
  return count;
}

}  // namespace ringwall::machine
