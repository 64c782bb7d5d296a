// open(2), openat2(2), fcntl(2), flock(2), fallocate(2), close_range(2) and the AT_* flags.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr uint32_t kO_RDONLY = 0, kO_WRONLY = 1, kO_RDWR = 2, kO_ACCMODE = 3, kO_CREAT = 0100, kO_EXCL = 0200,
    kO_NOCTTY = 0400, kO_TRUNC = 01000, kO_APPEND = 02000, kO_NONBLOCK = 04000, kO_DSYNC = 010000, kFASYNC = 020000,
    kO_DIRECT = 040000, kO_LARGEFILE = 0100000, kO_DIRECTORY = 0200000, kO_NOFOLLOW = 0400000, kO_NOATIME = 01000000,
    kO_CLOEXEC = 02000000, kO_SYNC = 04010000, k__O_SYNC = 04000000, kO_PATH = 010000000, kO_TMPFILE = 020200000,
    k__O_TMPFILE = 020000000, kO_NDELAY = 04000, kO_ASYNC = 020000;

inline constexpr int32_t kAT_FDCWD = -100;
inline constexpr uint32_t kAT_SYMLINK_NOFOLLOW = 0x100, kAT_EACCESS = 0x200, kAT_REMOVEDIR = 0x200, kAT_SYMLINK_FOLLOW = 0x400,
    kAT_NO_AUTOMOUNT = 0x800, kAT_EMPTY_PATH = 0x1000, kAT_STATX_SYNC_TYPE = 0x6000, kAT_STATX_SYNC_AS_STAT = 0,
    kAT_STATX_FORCE_SYNC = 0x2000, kAT_STATX_DONT_SYNC = 0x4000, kAT_RECURSIVE = 0x8000, kAT_EXECVE_CHECK = 0x10000,
    kAT_HANDLE_FID = 0x200, kAT_HANDLE_MNT_ID_UNIQUE = 1, kAT_HANDLE_CONNECTABLE = 2;

// fcntl(2) commands.
inline constexpr int32_t kF_DUPFD = 0, kF_GETFD = 1, kF_SETFD = 2, kF_GETFL = 3, kF_SETFL = 4, kF_GETLK = 5, kF_SETLK = 6,
    kF_SETLKW = 7, kF_SETOWN = 8, kF_GETOWN = 9, kF_SETSIG = 10, kF_GETSIG = 11, kF_SETOWN_EX = 15, kF_GETOWN_EX = 16,
    kF_GETOWNER_UIDS = 17, kF_OFD_GETLK = 36, kF_OFD_SETLK = 37, kF_OFD_SETLKW = 38, kF_SETLEASE = 1024, kF_GETLEASE = 1025,
    kF_NOTIFY = 1026, kF_DUPFD_QUERY = 1027, kF_CREATED_QUERY = 1028, kF_CANCELLK = 1029, kF_DUPFD_CLOEXEC = 1030,
    kF_SETPIPE_SZ = 1031, kF_GETPIPE_SZ = 1032, kF_ADD_SEALS = 1033, kF_GET_SEALS = 1034, kF_GET_RW_HINT = 1035,
    kF_SET_RW_HINT = 1036, kF_GET_FILE_RW_HINT = 1037, kF_SET_FILE_RW_HINT = 1038;
inline constexpr uint32_t kFD_CLOEXEC = 1;
inline constexpr int32_t kF_RDLCK = 0, kF_WRLCK = 1, kF_UNLCK = 2, kF_EXLCK = 4, kF_SHLCK = 8, kF_OWNER_TID = 0,
    kF_OWNER_PID = 1, kF_OWNER_PGRP = 2;
inline constexpr uint32_t kF_SEAL_SEAL = 1, kF_SEAL_SHRINK = 2, kF_SEAL_GROW = 4, kF_SEAL_WRITE = 8,
    kF_SEAL_FUTURE_WRITE = 0x10, kF_SEAL_EXEC = 0x20;
inline constexpr uint32_t kDN_ACCESS = 1, kDN_MODIFY = 2, kDN_CREATE = 4, kDN_DELETE = 8, kDN_RENAME = 0x10, kDN_ATTRIB = 0x20,
    kDN_MULTISHOT = 0x80000000;
inline constexpr uint64_t kRWH_WRITE_LIFE_NOT_SET = 0, kRWH_WRITE_LIFE_NONE = 1, kRWH_WRITE_LIFE_SHORT = 2,
    kRWH_WRITE_LIFE_MEDIUM = 3, kRWH_WRITE_LIFE_LONG = 4, kRWH_WRITE_LIFE_EXTREME = 5;

// flock(2).
inline constexpr int32_t kLOCK_SH = 1, kLOCK_EX = 2, kLOCK_NB = 4, kLOCK_UN = 8, kLOCK_MAND = 32, kLOCK_READ = 64,
    kLOCK_WRITE = 128, kLOCK_RW = 192;

// lseek(2).
inline constexpr int32_t kSEEK_SET = 0, kSEEK_CUR = 1, kSEEK_END = 2, kSEEK_DATA = 3, kSEEK_HOLE = 4;

// access(2).
inline constexpr uint32_t kF_OK = 0, kX_OK = 1, kW_OK = 2, kR_OK = 4;

// fallocate(2).
inline constexpr uint32_t kFALLOC_FL_KEEP_SIZE = 1, kFALLOC_FL_PUNCH_HOLE = 2, kFALLOC_FL_NO_HIDE_STALE = 4,
    kFALLOC_FL_COLLAPSE_RANGE = 8, kFALLOC_FL_ZERO_RANGE = 0x10, kFALLOC_FL_INSERT_RANGE = 0x20,
    kFALLOC_FL_UNSHARE_RANGE = 0x40, kFALLOC_FL_WRITE_ZEROES = 0x80;

// posix_fadvise(2), sync_file_range(2), close_range(2), renameat2(2).
inline constexpr int32_t kPOSIX_FADV_NORMAL = 0, kPOSIX_FADV_RANDOM = 1, kPOSIX_FADV_SEQUENTIAL = 2, kPOSIX_FADV_WILLNEED = 3,
    kPOSIX_FADV_DONTNEED = 4, kPOSIX_FADV_NOREUSE = 5;
inline constexpr uint32_t kSYNC_FILE_RANGE_WAIT_BEFORE = 1, kSYNC_FILE_RANGE_WRITE = 2, kSYNC_FILE_RANGE_WAIT_AFTER = 4;
inline constexpr uint32_t kCLOSE_RANGE_UNSHARE = 2, kCLOSE_RANGE_CLOEXEC = 4;
inline constexpr uint32_t kRENAME_NOREPLACE = 1, kRENAME_EXCHANGE = 2, kRENAME_WHITEOUT = 4;

// openat2(2).
inline constexpr uint64_t kRESOLVE_NO_XDEV = 1, kRESOLVE_NO_MAGICLINKS = 2, kRESOLVE_NO_SYMLINKS = 4, kRESOLVE_BENEATH = 8,
    kRESOLVE_IN_ROOT = 0x10, kRESOLVE_CACHED = 0x20;
inline constexpr size_t kOPEN_HOW_SIZE_VER0 = 24;

struct OpenHow {
  uint64_t flags = 0, mode = 0, resolve = 0;
};
static_assert(sizeof(OpenHow) == 24 && NoPadding<OpenHow>);

struct Flock {
  int16_t l_type = 0, l_whence = 0;
  uint32_t pad0_ = 0;
  int64_t l_start = 0, l_len = 0;
  int32_t l_pid = 0;
  uint32_t pad1_ = 0;
};
static_assert(sizeof(Flock) == 32 && NoPadding<Flock>);

struct FOwnerEx {
  int32_t type = 0, pid = 0;
};
static_assert(sizeof(FOwnerEx) == 8 && NoPadding<FOwnerEx>);

// name_to_handle_at(2); f_handle's bytes follow.
struct FileHandle {
  uint32_t handle_bytes = 0;
  int32_t handle_type = 0;
};
inline constexpr uint32_t kMAX_HANDLE_SZ = 128;

struct Utimbuf {
  int64_t actime = 0, modtime = 0;
};
static_assert(sizeof(Utimbuf) == 16 && NoPadding<Utimbuf>);

}  // namespace ringwall::abi
