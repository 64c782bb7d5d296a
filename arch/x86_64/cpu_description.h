// What cpuid(1) says of the CPU, in the words of /proc/cpuinfo and sysfs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringwall::arch {

struct CpuCache {
  uint32_t level = 0;
  std::string type;  // "Data", "Instruction", "Unified"
  uint32_t kib = 0, line_size = 0, ways = 0, sets = 0, partitions = 0;
};

struct CpuDescription {
  std::string vendor;  // "GenuineIntel"
  std::string model_name;
  uint32_t family = 0, model = 0, stepping = 0;
  uint32_t khz = 0;         // base frequency; 0 = the CPU does not say
  uint32_t cache_kib = 0;   // largest cache
  uint32_t line_size = 64;  // clflush
  uint32_t physical_bits = 0, virtual_bits = 0;
  uint32_t cpuid_level = 0;
  std::vector<CpuCache> caches;
  std::string flags;  // Linux's names, separated by blanks
};

// Read once.
const CpuDescription& DescribeCpu();

}  // namespace ringwall::arch
