// Strong types for the small integers of the ABI: descriptors, process and thread ids, signal numbers, user and group ids.
#pragma once

#include <cstdint>

namespace ringwall::abi {

enum class Fd : int32_t {};     // a guest's file descriptor; host descriptors are UniqueFd
enum class Pid : int32_t {};    // a process or thread id as its reader's pid namespace shows it
enum class Signo : int32_t {};  // 1..64; constants in abi/signal.h are plain integers, as si_signo is
enum class Uid : uint32_t {};
enum class Gid : uint32_t {};

constexpr int32_t Raw(Fd fd) { return static_cast<int32_t>(fd); }
constexpr int32_t Raw(Pid pid) { return static_cast<int32_t>(pid); }
constexpr int32_t Raw(Signo signo) { return static_cast<int32_t>(signo); }
constexpr uint32_t Raw(Uid uid) { return static_cast<uint32_t>(uid); }
constexpr uint32_t Raw(Gid gid) { return static_cast<uint32_t>(gid); }

inline constexpr Fd kAtFdCwd{-100};          // AT_FDCWD of openat(2)
inline constexpr Fd kNoFd{-1};
inline constexpr Uid kNoUid{0xffffffffu};    // "leave unchanged" in chown(2), setresuid(2)
inline constexpr Gid kNoGid{0xffffffffu};
inline constexpr uint32_t kOverflowUid = 65534, kOverflowGid = 65534;  // user_namespaces(7)

}  // namespace ringwall::abi
