// seccomp(2).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr uint32_t kSECCOMP_MODE_DISABLED = 0, kSECCOMP_MODE_STRICT = 1, kSECCOMP_MODE_FILTER = 2,
    kSECCOMP_SET_MODE_STRICT = 0, kSECCOMP_SET_MODE_FILTER = 1, kSECCOMP_GET_ACTION_AVAIL = 2, kSECCOMP_GET_NOTIF_SIZES = 3;
inline constexpr uint32_t kSECCOMP_FILTER_FLAG_TSYNC = 1, kSECCOMP_FILTER_FLAG_LOG = 2, kSECCOMP_FILTER_FLAG_SPEC_ALLOW = 4,
    kSECCOMP_FILTER_FLAG_NEW_LISTENER = 8, kSECCOMP_FILTER_FLAG_TSYNC_ESRCH = 0x10,
    kSECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 0x20;
inline constexpr uint32_t kSECCOMP_RET_KILL_PROCESS = 0x80000000, kSECCOMP_RET_KILL_THREAD = 0, kSECCOMP_RET_KILL = 0,
    kSECCOMP_RET_TRAP = 0x30000, kSECCOMP_RET_ERRNO = 0x50000, kSECCOMP_RET_USER_NOTIF = 0x7fc00000,
    kSECCOMP_RET_TRACE = 0x7ff00000, kSECCOMP_RET_LOG = 0x7ffc0000, kSECCOMP_RET_ALLOW = 0x7fff0000,
    kSECCOMP_RET_ACTION_FULL = 0xffff0000, kSECCOMP_RET_ACTION = 0x7fff0000, kSECCOMP_RET_DATA = 0xffff;
inline constexpr uint32_t kAUDIT_ARCH_X86_64 = 0xc000003e, kAUDIT_ARCH_I386 = 0x40000003, kAUDIT_ARCH_AARCH64 = 0xc00000b7;
inline constexpr uint32_t kSECCOMP_USER_NOTIF_FLAG_CONTINUE = 1, kSECCOMP_ADDFD_FLAG_SETFD = 1, kSECCOMP_ADDFD_FLAG_SEND = 2;

struct SeccompData {
  int32_t nr = 0;
  uint32_t arch = 0;
  uint64_t instruction_pointer = 0, args[6] = {};
};
static_assert(sizeof(SeccompData) == 64 && NoPadding<SeccompData>);

struct SeccompNotif {
  uint64_t id = 0;
  uint32_t pid = 0, flags = 0;
  SeccompData data;
};
struct SeccompNotifResp {
  uint64_t id = 0;
  int64_t val = 0;
  int32_t error = 0;
  uint32_t flags = 0;
};
struct SeccompNotifSizes {
  uint16_t seccomp_notif = 0, seccomp_notif_resp = 0, seccomp_data = 0;
};
struct SeccompNotifAddfd {
  uint64_t id = 0;
  uint32_t flags = 0, srcfd = 0, newfd = 0, newfd_flags = 0;
};
static_assert(sizeof(SeccompNotif) == 80 && sizeof(SeccompNotifResp) == 24);
static_assert(sizeof(SeccompNotifSizes) == 6 && sizeof(SeccompNotifAddfd) == 24);
static_assert(NoPadding<SeccompNotif> && NoPadding<SeccompNotifResp> && NoPadding<SeccompNotifSizes>);
inline constexpr uint32_t kSECCOMP_IOCTL_NOTIF_RECV = 0xc0502100, kSECCOMP_IOCTL_NOTIF_SEND = 0xc0182101,
    kSECCOMP_IOCTL_NOTIF_ID_VALID = 0x40082102, kSECCOMP_IOCTL_NOTIF_ADDFD = 0x40182103,
    kSECCOMP_IOCTL_NOTIF_SET_FLAGS = 0x40082104;

}  // namespace ringwall::abi
