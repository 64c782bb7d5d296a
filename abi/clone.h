// clone(2), clone3(2), unshare(2), setns(2), pidfd_open(2). Flags are unsigned 64-bit, as clone3 has them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr uint64_t kCSIGNAL = 0xff, kCLONE_NEWTIME = 0x80, kCLONE_VM = 0x100, kCLONE_FS = 0x200, kCLONE_FILES = 0x400,
    kCLONE_SIGHAND = 0x800, kCLONE_PIDFD = 0x1000, kCLONE_PTRACE = 0x2000, kCLONE_VFORK = 0x4000, kCLONE_PARENT = 0x8000,
    kCLONE_THREAD = 0x10000, kCLONE_NEWNS = 0x20000, kCLONE_SYSVSEM = 0x40000, kCLONE_SETTLS = 0x80000,
    kCLONE_PARENT_SETTID = 0x100000, kCLONE_CHILD_CLEARTID = 0x200000, kCLONE_DETACHED = 0x400000, kCLONE_UNTRACED = 0x800000,
    kCLONE_CHILD_SETTID = 0x1000000, kCLONE_NEWCGROUP = 0x2000000, kCLONE_NEWUTS = 0x4000000, kCLONE_NEWIPC = 0x8000000,
    kCLONE_NEWUSER = 0x10000000, kCLONE_NEWPID = 0x20000000, kCLONE_NEWNET = 0x40000000, kCLONE_IO = 0x80000000,
    kCLONE_CLEAR_SIGHAND = 0x100000000, kCLONE_INTO_CGROUP = 0x200000000;

struct CloneArgs {
  uint64_t flags = 0, pidfd = 0, child_tid = 0, parent_tid = 0, exit_signal = 0, stack = 0, stack_size = 0, tls = 0;
  uint64_t set_tid = 0, set_tid_size = 0;
  uint64_t cgroup = 0;
};
static_assert(sizeof(CloneArgs) == 88 && NoPadding<CloneArgs>);
inline constexpr size_t kCLONE_ARGS_SIZE_VER0 = 64, kCLONE_ARGS_SIZE_VER1 = 80, kCLONE_ARGS_SIZE_VER2 = 88;
inline constexpr uint64_t kMAX_PID_NS_LEVEL = 32;  // bound of set_tid_size

inline constexpr uint32_t kPIDFD_NONBLOCK = 0x800, kPIDFD_THREAD = 0200;
inline constexpr uint32_t kPIDFD_SIGNAL_THREAD = 1, kPIDFD_SIGNAL_THREAD_GROUP = 2, kPIDFD_SIGNAL_PROCESS_GROUP = 4;
inline constexpr int32_t kPIDFD_SELF_THREAD = -10000, kPIDFD_SELF_THREAD_GROUP = -10001, kPIDFD_SELF = -10000,
    kPIDFD_SELF_PROCESS = -10001;
inline constexpr int32_t kKCMP_FILE = 0, kKCMP_VM = 1, kKCMP_FILES = 2, kKCMP_FS = 3, kKCMP_SIGHAND = 4, kKCMP_IO = 5,
    kKCMP_SYSVSEM = 6, kKCMP_EPOLL_TFD = 7;

}  // namespace ringwall::abi
