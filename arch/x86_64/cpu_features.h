// What cpuid(1) says, in the form Linux hands to programs, and the time-stamp counter.
#pragma once

#include <cstdint>

namespace ringwall::arch {

// AT_HWCAP: edx of leaf 1, as Linux passes it on.
uint64_t HardwareCapabilities();
// AT_HWCAP2: bit 1 = rdfsbase and friends work in user mode. Every kernel we run on (5.9 and up) turns them on where the CPU has them.
uint64_t HardwareCapabilities2();
// The time-stamp counter runs at one rate in all power states, on all CPUs (leaf 0x80000007, edx bit 8).
bool HasInvariantTsc();
// rdtsc, not reordered with earlier loads.
uint64_t ReadTsc();

}  // namespace ringwall::arch
