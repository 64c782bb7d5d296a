// mount(2), umount2(2), and the descriptor-based calls: open_tree(2), move_mount(2), fsopen(2), mount_setattr(2), statmount(2).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr uint64_t kMS_RDONLY = 1, kMS_NOSUID = 2, kMS_NODEV = 4, kMS_NOEXEC = 8, kMS_SYNCHRONOUS = 0x10,
    kMS_REMOUNT = 0x20, kMS_MANDLOCK = 0x40, kMS_DIRSYNC = 0x80, kMS_NOSYMFOLLOW = 0x100, kMS_NOATIME = 0x400,
    kMS_NODIRATIME = 0x800, kMS_BIND = 0x1000, kMS_MOVE = 0x2000, kMS_REC = 0x4000, kMS_SILENT = 0x8000, kMS_POSIXACL = 0x10000,
    kMS_UNBINDABLE = 0x20000, kMS_PRIVATE = 0x40000, kMS_SLAVE = 0x80000, kMS_SHARED = 0x100000, kMS_RELATIME = 0x200000,
    kMS_KERNMOUNT = 0x400000, kMS_I_VERSION = 0x800000, kMS_STRICTATIME = 0x1000000, kMS_LAZYTIME = 0x2000000,
    kMS_NOUSER = 0xffffffff80000000, kMS_RMT_MASK = 0x2800051, kMS_MGC_VAL = 0xc0ed0000, kMS_MGC_MSK = 0xffff0000;
inline constexpr uint32_t kMNT_FORCE = 1, kMNT_DETACH = 2, kMNT_EXPIRE = 4, kUMOUNT_NOFOLLOW = 8;
inline constexpr uint32_t kOPEN_TREE_CLONE = 1, kOPEN_TREE_CLOEXEC = 0x80000, kMOVE_MOUNT_F_SYMLINKS = 1,
    kMOVE_MOUNT_F_AUTOMOUNTS = 2, kMOVE_MOUNT_F_EMPTY_PATH = 4, kMOVE_MOUNT_T_SYMLINKS = 0x10, kMOVE_MOUNT_T_AUTOMOUNTS = 0x20,
    kMOVE_MOUNT_T_EMPTY_PATH = 0x40, kMOVE_MOUNT_SET_GROUP = 0x100, kMOVE_MOUNT_BENEATH = 0x200;
inline constexpr uint32_t kFSOPEN_CLOEXEC = 1, kFSPICK_CLOEXEC = 1, kFSPICK_SYMLINK_NOFOLLOW = 2, kFSPICK_NO_AUTOMOUNT = 4,
    kFSPICK_EMPTY_PATH = 8, kFSMOUNT_CLOEXEC = 1;
inline constexpr uint32_t kFSCONFIG_SET_FLAG = 0, kFSCONFIG_SET_STRING = 1, kFSCONFIG_SET_BINARY = 2, kFSCONFIG_SET_PATH = 3,
    kFSCONFIG_SET_PATH_EMPTY = 4, kFSCONFIG_SET_FD = 5, kFSCONFIG_CMD_CREATE = 6, kFSCONFIG_CMD_RECONFIGURE = 7,
    kFSCONFIG_CMD_CREATE_EXCL = 8;
inline constexpr uint64_t kMOUNT_ATTR_RDONLY = 1, kMOUNT_ATTR_NOSUID = 2, kMOUNT_ATTR_NODEV = 4, kMOUNT_ATTR_NOEXEC = 8,
    kMOUNT_ATTR__ATIME = 0x70, kMOUNT_ATTR_RELATIME = 0, kMOUNT_ATTR_NOATIME = 0x10, kMOUNT_ATTR_STRICTATIME = 0x20,
    kMOUNT_ATTR_NODIRATIME = 0x80, kMOUNT_ATTR_IDMAP = 0x100000, kMOUNT_ATTR_NOSYMFOLLOW = 0x200000;

struct MountAttr {
  uint64_t attr_set = 0, attr_clr = 0, propagation = 0, userns_fd = 0;
};
static_assert(sizeof(MountAttr) == 32 && NoPadding<MountAttr>);

struct MntIdReq {  // statmount(2), listmount(2)
  uint32_t size = 0, mnt_ns_fd = 0;
  uint64_t mnt_id = 0, param = 0, mnt_ns_id = 0;
};
static_assert(sizeof(MntIdReq) == 32 && NoPadding<MntIdReq>);
inline constexpr uint64_t kLSMT_ROOT = ~uint64_t{0};

}  // namespace ringwall::abi
