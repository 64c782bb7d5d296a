// socket(2), send(2), recv(2), setsockopt(2) at SOL_SOCKET, control messages; unix(7) credentials.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr int32_t kAF_UNSPEC = 0, kAF_UNIX = 1, kAF_LOCAL = 1, kAF_INET = 2, kAF_INET6 = 10, kAF_NETLINK = 16,
    kAF_PACKET = 17, kAF_ALG = 38, kAF_VSOCK = 40, kAF_XDP = 44, kAF_BLUETOOTH = 31, kAF_CAN = 29, kAF_KEY = 15, kAF_MAX = 46;
inline constexpr int32_t kSOCK_STREAM = 1, kSOCK_DGRAM = 2, kSOCK_RAW = 3, kSOCK_RDM = 4, kSOCK_SEQPACKET = 5, kSOCK_DCCP = 6,
    kSOCK_PACKET = 10, kSOCK_TYPE_MASK = 15;
inline constexpr int32_t kSOCK_CLOEXEC = 02000000, kSOCK_NONBLOCK = 04000;
inline constexpr int32_t kSHUT_RD = 0, kSHUT_WR = 1, kSHUT_RDWR = 2;
inline constexpr int32_t kSOMAXCONN = 4096;

inline constexpr uint32_t kMSG_OOB = 1, kMSG_PEEK = 2, kMSG_DONTROUTE = 4, kMSG_CTRUNC = 8, kMSG_PROXY = 0x10,
    kMSG_TRUNC = 0x20, kMSG_DONTWAIT = 0x40, kMSG_EOR = 0x80, kMSG_WAITALL = 0x100, kMSG_FIN = 0x200, kMSG_SYN = 0x400,
    kMSG_CONFIRM = 0x800, kMSG_RST = 0x1000, kMSG_ERRQUEUE = 0x2000, kMSG_NOSIGNAL = 0x4000, kMSG_MORE = 0x8000,
    kMSG_WAITFORONE = 0x10000, kMSG_BATCH = 0x40000, kMSG_ZEROCOPY = 0x4000000, kMSG_FASTOPEN = 0x20000000,
    kMSG_CMSG_CLOEXEC = 0x40000000;

inline constexpr int32_t kSOL_SOCKET = 1, kSOL_IP = 0, kSOL_TCP = 6, kSOL_UDP = 17, kSOL_IPV6 = 41, kSOL_ICMPV6 = 58,
    kSOL_RAW = 255, kSOL_PACKET = 263, kSOL_NETLINK = 270;
inline constexpr int32_t kSO_DEBUG = 1, kSO_RCVTIMEO = 20, kSO_SNDTIMEO = 21, kSO_TIMESTAMP = 29, kSO_TIMESTAMPNS = 35,
    kSO_TIMESTAMPING = 37, kSO_REUSEADDR = 2, kSO_TYPE = 3, kSO_ERROR = 4, kSO_DONTROUTE = 5, kSO_BROADCAST = 6, kSO_SNDBUF = 7,
    kSO_RCVBUF = 8, kSO_SNDBUFFORCE = 32, kSO_RCVBUFFORCE = 33, kSO_KEEPALIVE = 9, kSO_OOBINLINE = 10, kSO_NO_CHECK = 11,
    kSO_PRIORITY = 12, kSO_LINGER = 13, kSO_BSDCOMPAT = 14, kSO_REUSEPORT = 15, kSO_PASSCRED = 16, kSO_PEERCRED = 17,
    kSO_RCVLOWAT = 18, kSO_SNDLOWAT = 19, kSO_RCVTIMEO_OLD = 20, kSO_SNDTIMEO_OLD = 21, kSO_BINDTODEVICE = 25,
    kSO_ATTACH_FILTER = 26, kSO_DETACH_FILTER = 27, kSO_GET_FILTER = 26, kSO_PEERNAME = 28, kSO_TIMESTAMP_OLD = 29,
    kSO_ACCEPTCONN = 30, kSO_PEERSEC = 31, kSO_PASSSEC = 34, kSO_TIMESTAMPNS_OLD = 35, kSO_MARK = 36, kSO_TIMESTAMPING_OLD = 37,
    kSO_PROTOCOL = 38, kSO_DOMAIN = 39, kSO_RXQ_OVFL = 40, kSO_WIFI_STATUS = 41, kSO_PEEK_OFF = 42, kSO_NOFCS = 43,
    kSO_LOCK_FILTER = 44, kSO_SELECT_ERR_QUEUE = 45, kSO_BUSY_POLL = 46, kSO_MAX_PACING_RATE = 47, kSO_BPF_EXTENSIONS = 48,
    kSO_INCOMING_CPU = 49, kSO_ATTACH_BPF = 50, kSO_ATTACH_REUSEPORT_CBPF = 51, kSO_ATTACH_REUSEPORT_EBPF = 52,
    kSO_CNX_ADVICE = 53, kSO_MEMINFO = 55, kSO_INCOMING_NAPI_ID = 56, kSO_COOKIE = 57, kSO_PEERGROUPS = 59, kSO_ZEROCOPY = 60,
    kSO_TXTIME = 61, kSO_BINDTOIFINDEX = 62, kSO_TIMESTAMP_NEW = 63, kSO_TIMESTAMPNS_NEW = 64, kSO_TIMESTAMPING_NEW = 65,
    kSO_RCVTIMEO_NEW = 66, kSO_SNDTIMEO_NEW = 67, kSO_DETACH_REUSEPORT_BPF = 68, kSO_PREFER_BUSY_POLL = 69,
    kSO_BUSY_POLL_BUDGET = 70, kSO_NETNS_COOKIE = 71, kSO_BUF_LOCK = 72, kSO_RESERVE_MEM = 73, kSO_TXREHASH = 74,
    kSO_RCVMARK = 75, kSO_PASSPIDFD = 76, kSO_PEERPIDFD = 77, kSO_DEVMEM_LINEAR = 78, kSO_DEVMEM_DMABUF = 79,
    kSO_DEVMEM_DONTNEED = 80, kSO_RCVPRIORITY = 82, kSO_PASSRIGHTS = 83, kSO_INQ = 84;
inline constexpr int32_t kSCM_RIGHTS = 1, kSCM_CREDENTIALS = 2, kSCM_SECURITY = 3, kSCM_PIDFD = 4;

struct Sockaddr {
  uint16_t sa_family = 0;
  char sa_data[14] = {};
};
static_assert(sizeof(Sockaddr) == 16 && NoPadding<Sockaddr>);
inline constexpr size_t kSockaddrStorageSize = 128;

struct Msghdr {
  uint64_t msg_name = 0;
  int32_t msg_namelen = 0;
  uint32_t pad0_ = 0;
  uint64_t msg_iov = 0, msg_iovlen = 0, msg_control = 0, msg_controllen = 0;
  uint32_t msg_flags = 0, pad1_ = 0;
};
static_assert(sizeof(Msghdr) == 56 && NoPadding<Msghdr>);

struct Mmsghdr {
  Msghdr msg_hdr;
  uint32_t msg_len = 0, pad0_ = 0;
};
static_assert(sizeof(Mmsghdr) == 64 && NoPadding<Mmsghdr>);

// Data follows the head; each message starts on 8 bytes.
struct Cmsghdr {
  uint64_t cmsg_len = 0;
  int32_t cmsg_level = 0, cmsg_type = 0;
};
static_assert(sizeof(Cmsghdr) == 16 && NoPadding<Cmsghdr>);
constexpr uint64_t CmsgAlign(uint64_t length) { return (length + 7) & ~uint64_t{7}; }
constexpr uint64_t CmsgLen(uint64_t data) { return sizeof(Cmsghdr) + data; }
constexpr uint64_t CmsgSpace(uint64_t data) { return sizeof(Cmsghdr) + CmsgAlign(data); }
inline constexpr int32_t kSCM_MAX_FD = 253;

struct Ucred {
  int32_t pid = 0;
  uint32_t uid = 0, gid = 0;
};
static_assert(sizeof(Ucred) == 12 && NoPadding<Ucred>);

struct Linger {
  int32_t l_onoff = 0, l_linger = 0;
};
static_assert(sizeof(Linger) == 8 && NoPadding<Linger>);

}  // namespace ringwall::abi
