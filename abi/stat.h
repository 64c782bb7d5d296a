// stat(2), statx(2), mode bits and the file attributes of statx and FS_IOC_FSGETXATTR.
#pragma once

#include <cstdint>

#include "abi/layout.h"
#include "abi/time.h"

namespace ringwall::abi {

inline constexpr uint32_t kS_IFMT = 0170000, kS_IFSOCK = 0140000, kS_IFLNK = 0120000, kS_IFREG = 0100000, kS_IFBLK = 060000,
    kS_IFDIR = 040000, kS_IFCHR = 020000, kS_IFIFO = 010000, kS_ISUID = 04000, kS_ISGID = 02000, kS_ISVTX = 01000,
    kS_IRWXU = 0700, kS_IRUSR = 0400, kS_IWUSR = 0200, kS_IXUSR = 0100, kS_IRWXG = 070, kS_IRGRP = 040, kS_IWGRP = 020,
    kS_IXGRP = 010, kS_IRWXO = 7, kS_IROTH = 4, kS_IWOTH = 2, kS_IXOTH = 1, kS_IRWXUGO = 0777, kS_IALLUGO = 07777;

constexpr bool IsRegular(uint32_t mode) { return (mode & kS_IFMT) == kS_IFREG; }
constexpr bool IsDirectory(uint32_t mode) { return (mode & kS_IFMT) == kS_IFDIR; }
constexpr bool IsSymlink(uint32_t mode) { return (mode & kS_IFMT) == kS_IFLNK; }
constexpr bool IsFifo(uint32_t mode) { return (mode & kS_IFMT) == kS_IFIFO; }
constexpr bool IsSocket(uint32_t mode) { return (mode & kS_IFMT) == kS_IFSOCK; }
constexpr bool IsCharDevice(uint32_t mode) { return (mode & kS_IFMT) == kS_IFCHR; }
constexpr bool IsBlockDevice(uint32_t mode) { return (mode & kS_IFMT) == kS_IFBLK; }

// struct stat of x86-64. The times are Timespec because the C library owns the names st_atime and friends as macros.
struct Stat {
  uint64_t st_dev = 0, st_ino = 0, st_nlink = 0;
  uint32_t st_mode = 0, st_uid = 0, st_gid = 0, pad0_ = 0;
  uint64_t st_rdev = 0;
  int64_t st_size = 0, st_blksize = 0, st_blocks = 0;
  Timespec st_atim, st_mtim, st_ctim;
  int64_t unused_[3] = {};
};
static_assert(sizeof(Stat) == 144 && NoPadding<Stat>);

struct StatxTimestamp {
  int64_t tv_sec = 0;
  uint32_t tv_nsec = 0;
  int32_t pad0_ = 0;
};
static_assert(sizeof(StatxTimestamp) == 16 && NoPadding<StatxTimestamp>);

struct Statx {
  uint32_t stx_mask = 0, stx_blksize = 0;
  uint64_t stx_attributes = 0;
  uint32_t stx_nlink = 0, stx_uid = 0, stx_gid = 0;
  uint16_t stx_mode = 0, pad0_ = 0;
  uint64_t stx_ino = 0, stx_size = 0, stx_blocks = 0, stx_attributes_mask = 0;
  StatxTimestamp stx_atime, stx_btime, stx_ctime, stx_mtime;
  uint32_t stx_rdev_major = 0, stx_rdev_minor = 0, stx_dev_major = 0, stx_dev_minor = 0;
  uint64_t stx_mnt_id = 0;
  uint32_t stx_dio_mem_align = 0, stx_dio_offset_align = 0;
  uint64_t stx_subvol = 0;
  uint32_t stx_atomic_write_unit_min = 0, stx_atomic_write_unit_max = 0, stx_atomic_write_segments_max = 0;
  uint32_t stx_dio_read_offset_align = 0, stx_atomic_write_unit_max_opt = 0, pad1_ = 0;
  uint64_t pad2_[8] = {};
};
static_assert(sizeof(Statx) == 256 && NoPadding<Statx>);

inline constexpr uint32_t kSTATX_TYPE = 1, kSTATX_MODE = 2, kSTATX_NLINK = 4, kSTATX_UID = 8, kSTATX_GID = 0x10,
    kSTATX_ATIME = 0x20, kSTATX_MTIME = 0x40, kSTATX_CTIME = 0x80, kSTATX_INO = 0x100, kSTATX_SIZE = 0x200,
    kSTATX_BLOCKS = 0x400, kSTATX_BASIC_STATS = 0x7ff, kSTATX_BTIME = 0x800, kSTATX_ALL = 0xfff, kSTATX_MNT_ID = 0x1000,
    kSTATX_DIOALIGN = 0x2000, kSTATX_MNT_ID_UNIQUE = 0x4000, kSTATX_SUBVOL = 0x8000, kSTATX_WRITE_ATOMIC = 0x10000,
    kSTATX_DIO_READ_ALIGN = 0x20000, kSTATX__RESERVED = 0x80000000;
inline constexpr uint64_t kSTATX_ATTR_COMPRESSED = 4, kSTATX_ATTR_IMMUTABLE = 0x10, kSTATX_ATTR_APPEND = 0x20,
    kSTATX_ATTR_NODUMP = 0x40, kSTATX_ATTR_ENCRYPTED = 0x800, kSTATX_ATTR_AUTOMOUNT = 0x1000, kSTATX_ATTR_MOUNT_ROOT = 0x2000,
    kSTATX_ATTR_VERITY = 0x100000, kSTATX_ATTR_DAX = 0x200000, kSTATX_ATTR_WRITE_ATOMIC = 0x400000;

// FS_IOC_GETFLAGS (chattr(1)).
inline constexpr uint32_t kFS_SECRM_FL = 1, kFS_UNRM_FL = 2, kFS_COMPR_FL = 4, kFS_SYNC_FL = 8, kFS_IMMUTABLE_FL = 0x10,
    kFS_APPEND_FL = 0x20, kFS_NODUMP_FL = 0x40, kFS_NOATIME_FL = 0x80, kFS_DIRSYNC_FL = 0x10000, kFS_TOPDIR_FL = 0x20000,
    kFS_EXTENT_FL = 0x80000, kFS_NOCOW_FL = 0x800000, kFS_PROJINHERIT_FL = 0x20000000, kFS_FL_USER_VISIBLE = 0x3dfff,
    kFS_FL_USER_MODIFIABLE = 0x380ff;

// utimensat(2).
inline constexpr int64_t kUTIME_NOW = 0x3fffffff, kUTIME_OMIT = 0x3ffffffe;

}  // namespace ringwall::abi
