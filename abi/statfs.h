// statfs(2): structure, ST_* mount flags, file system magics.
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

struct Statfs {
  int64_t f_type = 0, f_bsize = 0;
  uint64_t f_blocks = 0, f_bfree = 0, f_bavail = 0, f_files = 0, f_ffree = 0;
  int32_t f_fsid[2] = {};
  int64_t f_namelen = 0, f_frsize = 0, f_flags = 0, f_spare[4] = {};
};
static_assert(sizeof(Statfs) == 120 && NoPadding<Statfs>);

inline constexpr int64_t kST_RDONLY = 1, kST_NOSUID = 2, kST_NODEV = 4, kST_NOEXEC = 8, kST_SYNCHRONOUS = 0x10,
    kST_VALID = 0x20, kST_MANDLOCK = 0x40, kST_NOATIME = 0x400, kST_NODIRATIME = 0x800, kST_RELATIME = 0x1000,
    kST_NOSYMFOLLOW = 0x2000;

inline constexpr int64_t kTMPFS_MAGIC = 0x1021994, kPROC_SUPER_MAGIC = 0x9fa0, kSYSFS_MAGIC = 0x62656572,
    kDEVPTS_SUPER_MAGIC = 0x1cd1, kOVERLAYFS_SUPER_MAGIC = 0x794c7630, kEXT4_SUPER_MAGIC = 0xef53,
    kXFS_SUPER_MAGIC = 0x58465342, kBTRFS_SUPER_MAGIC = 0x9123683e, kRAMFS_MAGIC = 0x858458f6, kNFS_SUPER_MAGIC = 0x6969,
    kV9FS_MAGIC = 0x1021997, kFUSE_SUPER_MAGIC = 0x65735546, kSOCKFS_MAGIC = 0x534f434b, kPIPEFS_MAGIC = 0x50495045,
    kANON_INODE_FS_MAGIC = 0x9041934, kCGROUP_SUPER_MAGIC = 0x27e0eb, kCGROUP2_SUPER_MAGIC = 0x63677270,
    kMQUEUE_MAGIC = 0x19800202, kNSFS_MAGIC = 0x6e736673, kPID_FS_MAGIC = 0x50494446, kDEBUGFS_MAGIC = 0x64626720,
    kTRACEFS_MAGIC = 0x74726163, kSECURITYFS_MAGIC = 0x73636673, kBPF_FS_MAGIC = 0xcafe4a11, kHUGETLBFS_MAGIC = 0x958458f6,
    kEROFS_SUPER_MAGIC_V1 = 0xe0f5e1e2, kSQUASHFS_MAGIC = 0x73717368, kBINFMTFS_MAGIC = 0x42494e4d, kSELINUX_MAGIC = 0xf97cff8c,
    kSECRETMEM_MAGIC = 0x5345434d;

}  // namespace ringwall::abi
