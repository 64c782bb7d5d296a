// Sizes that Linux fixes: path and name lengths, argument space, I/O counts, pipe sizes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringwall::abi {

inline constexpr size_t kPATH_MAX = 4096;  // with the NUL
inline constexpr size_t kNAME_MAX = 255;
inline constexpr size_t kMAX_SYMLINK_FOLLOWS = 40;  // path_resolution(7), then ELOOP
inline constexpr size_t kNGROUPS_MAX = 65536;
inline constexpr size_t kTASK_COMM_LEN = 16;
inline constexpr size_t kPIPE_BUF = 4096, kPIPE_DEFAULT_SIZE = 65536, kPIPE_MAX_SIZE_DEFAULT = 1048576;

// read(2): one call moves at most this many bytes.
inline constexpr uint64_t kMAX_RW_COUNT = 0x7ffff000;

// execve(2): one string; the strings' share of the stack; the floor below which RLIMIT_STACK / 4 cannot push it.
inline constexpr size_t kMAX_ARG_STRLEN = 131072;
inline constexpr uint64_t kMAX_ARG_STRINGS = 0x7fffffff;
inline constexpr uint64_t kARG_MAX = 131072, kMAX_ARG_TOTAL = 6291456;
inline constexpr size_t kBINPRM_BUF_SIZE = 256;  // the #! line
inline constexpr uint64_t kSTACK_LIMIT_DEFAULT = 8388608;

inline constexpr int32_t kPID_MAX_DEFAULT = 32768, kPID_MAX_LIMIT = 4194304;
inline constexpr uint64_t kNR_OPEN_DEFAULT = 1048576;  // fs.nr_open
inline constexpr uint32_t kMAX_MAP_COUNT_DEFAULT = 65530;

}  // namespace ringwall::abi
