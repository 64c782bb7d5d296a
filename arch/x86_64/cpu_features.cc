// cpuid and rdtsc.
#include "arch/x86_64/cpu_features.h"

#include <cpuid.h>
#include <x86intrin.h>

namespace ringwall::arch {
namespace {

struct Leaf {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Leaf Cpuid(uint32_t leaf) {
  Leaf r;
  __get_cpuid_count(leaf, 0, &r.eax, &r.ebx, &r.ecx, &r.edx);  // all zero when the CPU has no such leaf
  return r;
}

}  // namespace

uint64_t HardwareCapabilities() {
  static const uint64_t value = Cpuid(1).edx;
  return value;
}

uint64_t HardwareCapabilities2() {
  static const uint64_t value = (Cpuid(7).ebx & 1) != 0 ? 2 : 0;
  return value;
}

bool HasInvariantTsc() {
  static const bool value = (Cpuid(0x80000007).edx & (1u << 8)) != 0;
  return value;
}

uint64_t ReadTsc() {
  _mm_lfence();
  return __rdtsc();
}

}  // namespace ringwall::arch
