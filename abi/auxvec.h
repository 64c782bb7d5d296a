// getauxval(3): the auxiliary vector's keys.
#pragma once

#include <cstdint>

namespace ringwall::abi {

inline constexpr uint64_t kAT_NULL = 0, kAT_IGNORE = 1, kAT_EXECFD = 2, kAT_PHDR = 3, kAT_PHENT = 4, kAT_PHNUM = 5,
    kAT_PAGESZ = 6, kAT_BASE = 7, kAT_FLAGS = 8, kAT_ENTRY = 9, kAT_NOTELF = 10, kAT_UID = 11, kAT_EUID = 12, kAT_GID = 13,
    kAT_EGID = 14, kAT_PLATFORM = 15, kAT_HWCAP = 16, kAT_CLKTCK = 17, kAT_SECURE = 23, kAT_BASE_PLATFORM = 24, kAT_RANDOM = 25,
    kAT_HWCAP2 = 26, kAT_RSEQ_FEATURE_SIZE = 27, kAT_RSEQ_ALIGN = 28, kAT_HWCAP3 = 29, kAT_HWCAP4 = 30, kAT_EXECFN = 31,
    kAT_SYSINFO_EHDR = 33, kAT_MINSIGSTKSZ = 51;

struct AuxEntry {
  uint64_t key = 0, value = 0;
};

}  // namespace ringwall::abi
