// capabilities(7): numbers, capget(2) structures, securebits, file capabilities.
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr int32_t kCAP_CHOWN = 0, kCAP_DAC_OVERRIDE = 1, kCAP_DAC_READ_SEARCH = 2, kCAP_FOWNER = 3, kCAP_FSETID = 4,
    kCAP_KILL = 5, kCAP_SETGID = 6, kCAP_SETUID = 7, kCAP_SETPCAP = 8, kCAP_LINUX_IMMUTABLE = 9, kCAP_NET_BIND_SERVICE = 10,
    kCAP_NET_BROADCAST = 11, kCAP_NET_ADMIN = 12, kCAP_NET_RAW = 13, kCAP_IPC_LOCK = 14, kCAP_IPC_OWNER = 15,
    kCAP_SYS_MODULE = 16, kCAP_SYS_RAWIO = 17, kCAP_SYS_CHROOT = 18, kCAP_SYS_PTRACE = 19, kCAP_SYS_PACCT = 20,
    kCAP_SYS_ADMIN = 21, kCAP_SYS_BOOT = 22, kCAP_SYS_NICE = 23, kCAP_SYS_RESOURCE = 24, kCAP_SYS_TIME = 25,
    kCAP_SYS_TTY_CONFIG = 26, kCAP_MKNOD = 27, kCAP_LEASE = 28, kCAP_AUDIT_WRITE = 29, kCAP_AUDIT_CONTROL = 30,
    kCAP_SETFCAP = 31, kCAP_MAC_OVERRIDE = 32, kCAP_MAC_ADMIN = 33, kCAP_SYSLOG = 34, kCAP_WAKE_ALARM = 35,
    kCAP_BLOCK_SUSPEND = 36, kCAP_AUDIT_READ = 37, kCAP_PERFMON = 38, kCAP_BPF = 39, kCAP_CHECKPOINT_RESTORE = 40,
    kCAP_LAST_CAP = 40;
inline constexpr uint64_t kCapFullSet = (uint64_t{1} << (kCAP_LAST_CAP + 1)) - 1;

inline constexpr uint32_t k_LINUX_CAPABILITY_VERSION_1 = 0x19980330, k_LINUX_CAPABILITY_VERSION_2 = 0x20071026,
    k_LINUX_CAPABILITY_VERSION_3 = 0x20080522;

struct CapUserHeader {
  uint32_t version = 0;
  int32_t pid = 0;
};
struct CapUserData {  // one for version 1, two (low word first) for 2 and 3
  uint32_t effective = 0, permitted = 0, inheritable = 0;
};
static_assert(sizeof(CapUserHeader) == 8 && sizeof(CapUserData) == 12 && NoPadding<CapUserHeader> && NoPadding<CapUserData>);

// security.capability; version 3 adds the root uid.
inline constexpr uint32_t kVFS_CAP_REVISION_MASK = 0xff000000, kVFS_CAP_FLAGS_MASK = 0xffffff, kVFS_CAP_FLAGS_EFFECTIVE = 1,
    kVFS_CAP_REVISION_1 = 0x1000000, kVFS_CAP_REVISION_2 = 0x2000000, kVFS_CAP_REVISION_3 = 0x3000000;
struct VfsNsCapData {
  uint32_t magic_etc = 0;
  struct {
    uint32_t permitted = 0, inheritable = 0;
  } data[2];
  uint32_t rootid = 0;
};
static_assert(sizeof(VfsNsCapData) == 24 && NoPadding<VfsNsCapData>);

inline constexpr uint32_t kSECBIT_NOROOT = 1, kSECBIT_NOROOT_LOCKED = 2, kSECBIT_NO_SETUID_FIXUP = 4,
    kSECBIT_NO_SETUID_FIXUP_LOCKED = 8, kSECBIT_KEEP_CAPS = 0x10, kSECBIT_KEEP_CAPS_LOCKED = 0x20,
    kSECBIT_NO_CAP_AMBIENT_RAISE = 0x40, kSECBIT_NO_CAP_AMBIENT_RAISE_LOCKED = 0x80, kSECBIT_EXEC_RESTRICT_FILE = 0x100,
    kSECBIT_EXEC_RESTRICT_FILE_LOCKED = 0x200, kSECBIT_EXEC_DENY_INTERACTIVE = 0x400,
    kSECBIT_EXEC_DENY_INTERACTIVE_LOCKED = 0x800;

}  // namespace ringwall::abi
