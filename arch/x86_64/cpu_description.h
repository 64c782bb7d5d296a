// What cpuid(1) says of the CPU, in the words of /proc/cpuinfo and sysfs.
#pragma once

#include <cstdint>
#include <string>

namespace ringwall::arch {

struct CpuDescription {
  std::string vendor;      // "GenuineIntel"
  std::string model_name;
  uint32_t family = 0, model = 0, stepping = 0;
  uint32_t khz = 0;        // base frequency; 0 = the CPU does not say
  uint32_t cache_kib = 0;  // largest cache
  uint32_t line_size = 64; // clflush
  uint32_t physical_bits = 0, virtual_bits = 0;
  uint32_t cpuid_level = 0;
  std::string flags;       // Linux's names, separated by blanks
};

// Read once.
const CpuDescription& DescribeCpu();

}  // namespace ringwall::arch
