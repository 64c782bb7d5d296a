// netlink(7) and rtnetlink(7): headers, message types and the attributes of links, addresses, routes and neighbours.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

struct SockaddrNl {
  uint16_t nl_family = 0, pad0_ = 0;
  uint32_t nl_pid = 0, nl_groups = 0;
};
static_assert(sizeof(SockaddrNl) == 12 && NoPadding<SockaddrNl>);

struct Nlmsghdr {
  uint32_t nlmsg_len = 0;
  uint16_t nlmsg_type = 0, nlmsg_flags = 0;
  uint32_t nlmsg_seq = 0, nlmsg_pid = 0;
};
static_assert(sizeof(Nlmsghdr) == 16 && NoPadding<Nlmsghdr>);

struct Nlmsgerr {
  int32_t error = 0;
  Nlmsghdr msg;
};
static_assert(sizeof(Nlmsgerr) == 20 && NoPadding<Nlmsgerr>);

struct Rtattr {  // also nlattr
  uint16_t rta_len = 0, rta_type = 0;
};
static_assert(sizeof(Rtattr) == 4 && NoPadding<Rtattr>);
constexpr size_t NlmsgAlign(size_t length) { return (length + 3) & ~size_t{3}; }

inline constexpr int32_t kNETLINK_ROUTE = 0, kNETLINK_USERSOCK = 2, kNETLINK_SOCK_DIAG = 4, kNETLINK_XFRM = 6,
    kNETLINK_AUDIT = 9, kNETLINK_FIB_LOOKUP = 10, kNETLINK_CONNECTOR = 11, kNETLINK_NETFILTER = 12,
    kNETLINK_KOBJECT_UEVENT = 15, kNETLINK_GENERIC = 16;
inline constexpr uint16_t kNLMSG_NOOP = 1, kNLMSG_ERROR = 2, kNLMSG_DONE = 3, kNLMSG_OVERRUN = 4, kNLMSG_MIN_TYPE = 16;
inline constexpr uint16_t kNLM_F_REQUEST = 1, kNLM_F_MULTI = 2, kNLM_F_ACK = 4, kNLM_F_ECHO = 8, kNLM_F_DUMP_INTR = 0x10,
    kNLM_F_DUMP_FILTERED = 0x20, kNLM_F_ROOT = 0x100, kNLM_F_MATCH = 0x200, kNLM_F_ATOMIC = 0x400, kNLM_F_DUMP = 0x300,
    kNLM_F_REPLACE = 0x100, kNLM_F_EXCL = 0x200, kNLM_F_CREATE = 0x400, kNLM_F_APPEND = 0x800, kNLM_F_NONREC = 0x100,
    kNLM_F_CAPPED = 0x100, kNLM_F_ACK_TLVS = 0x200;
inline constexpr uint16_t kNLA_F_NESTED = 0x8000, kNLA_F_NET_BYTEORDER = 0x4000, kNLMSGERR_ATTR_MSG = 1,
    kNLMSGERR_ATTR_OFFS = 2;
inline constexpr uint16_t kNLA_TYPE_MASK = 0x3fff;
inline constexpr int32_t kNETLINK_ADD_MEMBERSHIP = 1, kNETLINK_DROP_MEMBERSHIP = 2, kNETLINK_PKTINFO = 3,
    kNETLINK_BROADCAST_ERROR = 4, kNETLINK_NO_ENOBUFS = 5, kNETLINK_LIST_MEMBERSHIPS = 9, kNETLINK_CAP_ACK = 10,
    kNETLINK_EXT_ACK = 11, kNETLINK_GET_STRICT_CHK = 12;

inline constexpr uint16_t kRTM_NEWLINK = 16, kRTM_DELLINK = 17, kRTM_GETLINK = 18, kRTM_SETLINK = 19, kRTM_NEWADDR = 20,
    kRTM_DELADDR = 21, kRTM_GETADDR = 22, kRTM_NEWROUTE = 24, kRTM_DELROUTE = 25, kRTM_GETROUTE = 26, kRTM_NEWNEIGH = 28,
    kRTM_DELNEIGH = 29, kRTM_GETNEIGH = 30, kRTM_NEWRULE = 32, kRTM_DELRULE = 33, kRTM_GETRULE = 34, kRTM_NEWQDISC = 36,
    kRTM_GETQDISC = 38, kRTM_GETNEIGHTBL = 66, kRTM_GETNETCONF = 82, kRTM_GETNSID = 90, kRTM_GETSTATS = 94;
inline constexpr uint32_t kRTMGRP_LINK = 1, kRTMGRP_NEIGH = 4, kRTMGRP_IPV4_IFADDR = 0x10, kRTMGRP_IPV4_ROUTE = 0x40,
    kRTMGRP_IPV6_IFADDR = 0x100, kRTMGRP_IPV6_ROUTE = 0x400;

struct Rtgenmsg {
  uint8_t rtgen_family = 0;
};
struct Ifinfomsg {
  uint8_t ifi_family = 0, pad0_ = 0;
  uint16_t ifi_type = 0;
  int32_t ifi_index = 0;
  uint32_t ifi_flags = 0, ifi_change = 0;
};
static_assert(sizeof(Ifinfomsg) == 16 && NoPadding<Ifinfomsg>);
struct Ifaddrmsg {
  uint8_t ifa_family = 0, ifa_prefixlen = 0, ifa_flags = 0, ifa_scope = 0;
  uint32_t ifa_index = 0;
};
static_assert(sizeof(Ifaddrmsg) == 8 && NoPadding<Ifaddrmsg>);
struct Rtmsg {
  uint8_t rtm_family = 0, rtm_dst_len = 0, rtm_src_len = 0, rtm_tos = 0;
  uint8_t rtm_table = 0, rtm_protocol = 0, rtm_scope = 0, rtm_type = 0;
  uint32_t rtm_flags = 0;
};
static_assert(sizeof(Rtmsg) == 12 && NoPadding<Rtmsg>);
struct Ndmsg {
  uint8_t ndm_family = 0, pad0_ = 0;
  uint16_t pad1_ = 0;
  int32_t ndm_ifindex = 0;
  uint16_t ndm_state = 0;
  uint8_t ndm_flags = 0, ndm_type = 0;
};
static_assert(sizeof(Ndmsg) == 12 && NoPadding<Ndmsg>);
struct IfaCacheinfo {
  uint32_t ifa_prefered = 0, ifa_valid = 0, cstamp = 0, tstamp = 0;
};
static_assert(sizeof(IfaCacheinfo) == 16 && NoPadding<IfaCacheinfo>);

inline constexpr uint16_t kIFLA_ADDRESS = 1, kIFLA_BROADCAST = 2, kIFLA_IFNAME = 3, kIFLA_MTU = 4, kIFLA_LINK = 5,
    kIFLA_QDISC = 6, kIFLA_STATS = 7, kIFLA_MASTER = 10, kIFLA_TXQLEN = 13, kIFLA_MAP = 14, kIFLA_OPERSTATE = 16,
    kIFLA_LINKMODE = 17, kIFLA_LINKINFO = 18, kIFLA_NET_NS_PID = 19, kIFLA_IFALIAS = 20, kIFLA_NUM_VF = 21, kIFLA_STATS64 = 23,
    kIFLA_AF_SPEC = 26, kIFLA_GROUP = 27, kIFLA_NET_NS_FD = 28, kIFLA_EXT_MASK = 29, kIFLA_PROMISCUITY = 30,
    kIFLA_NUM_TX_QUEUES = 31, kIFLA_NUM_RX_QUEUES = 32, kIFLA_CARRIER = 33, kIFLA_CARRIER_CHANGES = 35, kIFLA_LINK_NETNSID = 37,
    kIFLA_MIN_MTU = 50, kIFLA_MAX_MTU = 51, kIFLA_ALT_IFNAME = 53, kIFLA_PERM_ADDRESS = 54;
inline constexpr uint16_t kIFA_ADDRESS = 1, kIFA_LOCAL = 2, kIFA_LABEL = 3, kIFA_BROADCAST = 4, kIFA_ANYCAST = 5,
    kIFA_CACHEINFO = 6, kIFA_MULTICAST = 7, kIFA_FLAGS = 8, kIFA_RT_PRIORITY = 9;
inline constexpr uint32_t kIFA_F_SECONDARY = 1, kIFA_F_NODAD = 2, kIFA_F_DADFAILED = 8, kIFA_F_TENTATIVE = 0x40,
    kIFA_F_PERMANENT = 0x80, kIFA_F_NOPREFIXROUTE = 0x200;
inline constexpr uint16_t kRTA_DST = 1, kRTA_SRC = 2, kRTA_IIF = 3, kRTA_OIF = 4, kRTA_GATEWAY = 5, kRTA_PRIORITY = 6,
    kRTA_PREFSRC = 7, kRTA_METRICS = 8, kRTA_MULTIPATH = 9, kRTA_FLOW = 11, kRTA_CACHEINFO = 12, kRTA_TABLE = 15,
    kRTA_MARK = 16, kRTA_PREF = 20;
inline constexpr uint16_t kNDA_DST = 1, kNDA_LLADDR = 2, kNDA_CACHEINFO = 3, kNDA_PROBES = 4;
inline constexpr uint8_t kRTN_UNSPEC = 0, kRTN_UNICAST = 1, kRTN_LOCAL = 2, kRTN_BROADCAST = 3, kRTN_MULTICAST = 5,
    kRTN_BLACKHOLE = 6, kRTN_UNREACHABLE = 7, kRT_SCOPE_UNIVERSE = 0, kRT_SCOPE_SITE = 200, kRT_SCOPE_LINK = 253,
    kRT_SCOPE_HOST = 254, kRT_SCOPE_NOWHERE = 255, kRTPROT_UNSPEC = 0, kRTPROT_REDIRECT = 1, kRTPROT_KERNEL = 2,
    kRTPROT_BOOT = 3, kRTPROT_STATIC = 4, kRTPROT_DHCP = 16, kRTPROT_RA = 9, kRT_TABLE_UNSPEC = 0, kRT_TABLE_DEFAULT = 253,
    kRT_TABLE_MAIN = 254, kRT_TABLE_LOCAL = 255;
inline constexpr uint8_t kIF_OPER_UNKNOWN = 0, kIF_OPER_DOWN = 2, kIF_OPER_UP = 6;

}  // namespace ringwall::abi
