// sysvipc(7): shmget(2), semget(2), msgget(2) and their control structures.
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr int32_t kIPC_CREAT = 01000, kIPC_EXCL = 02000, kIPC_NOWAIT = 04000;
inline constexpr int32_t kIPC_RMID = 0, kIPC_SET = 1, kIPC_STAT = 2, kIPC_INFO = 3, kIPC_64 = 0x100, kIPC_PRIVATE = 0;
inline constexpr int32_t kSHM_LOCK = 11, kSHM_UNLOCK = 12, kSHM_STAT = 13, kSHM_INFO = 14, kSHM_STAT_ANY = 15, kSEM_STAT = 18,
    kSEM_INFO = 19, kSEM_STAT_ANY = 20, kMSG_STAT = 11, kMSG_INFO = 12, kMSG_STAT_ANY = 13, kGETPID = 11, kGETVAL = 12,
    kGETALL = 13, kGETNCNT = 14, kGETZCNT = 15, kSETVAL = 16, kSETALL = 17;
inline constexpr int32_t kSHM_RDONLY = 010000, kSHM_RND = 020000, kSHM_REMAP = 040000, kSHM_EXEC = 0100000,
    kSHM_HUGETLB = 04000, kSHM_NORESERVE = 010000, kSHM_DEST = 01000, kSHM_LOCKED = 02000, kSEM_UNDO = 010000,
    kMSG_NOERROR = 010000, kMSG_EXCEPT = 020000, kMSG_COPY = 040000;
inline constexpr uint64_t kSHMMIN = 1, kSHMMNI = 4096, kSHMMAX = 18446744073692774399u, kSHMALL = 18446744073692774399u,
    kSEMMNI = 32000, kSEMMSL = 32000, kSEMMNS = 1024000000, kSEMOPM = 500, kSEMVMX = 32767, kSEMAEM = 32767, kMSGMNI = 32000,
    kMSGMAX = 8192, kMSGMNB = 16384;

struct IpcPerm {  // ipc64_perm
  int32_t key = 0;
  uint32_t uid = 0, gid = 0, cuid = 0, cgid = 0, mode = 0;
  uint16_t seq = 0, pad0_ = 0;
  uint32_t pad1_ = 0;
  uint64_t unused_[2] = {};
};
static_assert(sizeof(IpcPerm) == 48 && NoPadding<IpcPerm>);

struct ShmidDs {
  IpcPerm shm_perm;
  uint64_t shm_segsz = 0;
  int64_t shm_atim = 0, shm_dtim = 0, shm_ctim = 0;
  int32_t shm_cpid = 0, shm_lpid = 0;
  uint64_t shm_nattch = 0, unused_[2] = {};
};
static_assert(sizeof(ShmidDs) == 112 && NoPadding<ShmidDs>);
struct ShmInfoLimits {  // IPC_INFO
  uint64_t shmmax = 0, shmmin = 0, shmmni = 0, shmseg = 0, shmall = 0, unused_[4] = {};
};
struct ShmInfo {  // SHM_INFO
  int32_t used_ids = 0;
  uint32_t pad0_ = 0;
  uint64_t shm_tot = 0, shm_rss = 0, shm_swp = 0, swap_attempts = 0, swap_successes = 0;
};
static_assert(sizeof(ShmInfoLimits) == 72 && sizeof(ShmInfo) == 48 && NoPadding<ShmInfoLimits> && NoPadding<ShmInfo>);

struct SemidDs {  // x86-64 keeps a hole word after each time
  IpcPerm sem_perm;
  int64_t sem_otim = 0;
  uint64_t hole1_ = 0;
  int64_t sem_ctim = 0;
  uint64_t hole2_ = 0, sem_nsems = 0, unused_[2] = {};
};
static_assert(sizeof(SemidDs) == 104 && NoPadding<SemidDs>);
struct Sembuf {
  uint16_t sem_num = 0;
  int16_t sem_op = 0, sem_flg = 0;
};
struct Seminfo {
  int32_t semmap = 0, semmni = 0, semmns = 0, semmnu = 0, semmsl = 0, semopm = 0, semume = 0, semusz = 0, semvmx = 0, semaem = 0;
};
static_assert(sizeof(Sembuf) == 6 && sizeof(Seminfo) == 40 && NoPadding<Sembuf> && NoPadding<Seminfo>);

struct MsqidDs {
  IpcPerm msg_perm;
  int64_t msg_stim = 0, msg_rtim = 0, msg_ctim = 0;
  uint64_t current_bytes = 0, msg_qnum = 0, msg_qbytes = 0;
  int32_t msg_lspid = 0, msg_lrpid = 0;
  uint64_t unused_[2] = {};
};
static_assert(sizeof(MsqidDs) == 120 && NoPadding<MsqidDs>);
struct Msginfo {
  int32_t msgpool = 0, msgmap = 0, msgmax = 0, msgmnb = 0, msgmni = 0, msgssz = 0, msgtql = 0;
  uint16_t msgseg = 0, pad0_ = 0;
};
static_assert(sizeof(Msginfo) == 32 && NoPadding<Msginfo>);

}  // namespace ringwall::abi
