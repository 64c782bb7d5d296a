// ip(7), ipv6(7), tcp(7), udp(7), packet(7), netdevice(7): addresses, protocols, options.
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

// Ports and addresses are in network byte order.
struct InAddr {
  uint32_t addr = 0;
};
struct SockaddrIn {
  uint16_t sin_family = 0, sin_port = 0;
  InAddr sin_addr;
  uint8_t sin_zero[8] = {};
};
static_assert(sizeof(SockaddrIn) == 16 && NoPadding<SockaddrIn>);

struct In6Addr {
  uint8_t bytes[16] = {};
};
struct SockaddrIn6 {
  uint16_t sin6_family = 0, sin6_port = 0;
  uint32_t sin6_flowinfo = 0;
  In6Addr sin6_addr;
  uint32_t sin6_scope_id = 0;
};
static_assert(sizeof(SockaddrIn6) == 28 && NoPadding<SockaddrIn6>);

struct IpMreq {
  InAddr imr_multiaddr, imr_interface;
};
struct IpMreqn {
  InAddr imr_multiaddr, imr_address;
  int32_t imr_ifindex = 0;
};
struct InPktinfo {
  int32_t ipi_ifindex = 0;
  InAddr ipi_spec_dst, ipi_addr;
};
struct Ipv6Mreq {
  In6Addr ipv6mr_multiaddr;
  int32_t ipv6mr_ifindex = 0;
};
struct In6Pktinfo {
  In6Addr ipi6_addr;
  int32_t ipi6_ifindex = 0;
};
static_assert(sizeof(IpMreqn) == 12 && sizeof(InPktinfo) == 12 && NoPadding<InPktinfo> && NoPadding<IpMreqn>);
static_assert(sizeof(Ipv6Mreq) == 20 && sizeof(In6Pktinfo) == 20 && NoPadding<In6Pktinfo> && NoPadding<Ipv6Mreq>);

inline constexpr uint32_t kINADDR_ANY = 0, kINADDR_LOOPBACK = 0x7f000001, kINADDR_BROADCAST = 0xffffffff;  // host byte order

inline constexpr int32_t kIPPROTO_IP = 0, kIPPROTO_ICMP = 1, kIPPROTO_IGMP = 2, kIPPROTO_TCP = 6, kIPPROTO_UDP = 17,
    kIPPROTO_IPV6 = 41, kIPPROTO_ICMPV6 = 58, kIPPROTO_SCTP = 132, kIPPROTO_UDPLITE = 136, kIPPROTO_RAW = 255,
    kIPPROTO_MPTCP = 262;
inline constexpr int32_t kIP_TOS = 1, kIP_TTL = 2, kIP_HDRINCL = 3, kIP_OPTIONS = 4, kIP_ROUTER_ALERT = 5, kIP_RECVOPTS = 6,
    kIP_RETOPTS = 7, kIP_PKTINFO = 8, kIP_PKTOPTIONS = 9, kIP_MTU_DISCOVER = 10, kIP_RECVERR = 11, kIP_RECVTTL = 12,
    kIP_RECVTOS = 13, kIP_MTU = 14, kIP_FREEBIND = 15, kIP_TRANSPARENT = 19, kIP_RECVORIGDSTADDR = 20, kIP_MINTTL = 21,
    kIP_NODEFRAG = 22, kIP_CHECKSUM = 23, kIP_BIND_ADDRESS_NO_PORT = 24, kIP_RECVFRAGSIZE = 25, kIP_MULTICAST_IF = 32,
    kIP_MULTICAST_TTL = 33, kIP_MULTICAST_LOOP = 34, kIP_ADD_MEMBERSHIP = 35, kIP_DROP_MEMBERSHIP = 36, kIP_MULTICAST_ALL = 49,
    kIP_UNICAST_IF = 50, kIP_LOCAL_PORT_RANGE = 51, kIP_PASSSEC = 18, kIP_RECVERR_RFC4884 = 26, kMCAST_JOIN_GROUP = 42,
    kMCAST_LEAVE_GROUP = 45;
inline constexpr int32_t kIP_PMTUDISC_DONT = 0, kIP_PMTUDISC_WANT = 1, kIP_PMTUDISC_DO = 2, kIP_PMTUDISC_PROBE = 3,
    kIP_PMTUDISC_INTERFACE = 4, kIP_PMTUDISC_OMIT = 5;
inline constexpr int32_t kIPV6_ADDRFORM = 1, kIPV6_CHECKSUM = 7, kIPV6_UNICAST_HOPS = 16, kIPV6_MULTICAST_IF = 17,
    kIPV6_MULTICAST_HOPS = 18, kIPV6_MULTICAST_LOOP = 19, kIPV6_ADD_MEMBERSHIP = 20, kIPV6_DROP_MEMBERSHIP = 21,
    kIPV6_MTU_DISCOVER = 23, kIPV6_MTU = 24, kIPV6_RECVERR = 25, kIPV6_V6ONLY = 26, kIPV6_RECVPKTINFO = 49, kIPV6_PKTINFO = 50,
    kIPV6_RECVHOPLIMIT = 51, kIPV6_HOPLIMIT = 52, kIPV6_RECVTCLASS = 66, kIPV6_TCLASS = 67, kIPV6_DONTFRAG = 62,
    kIPV6_FREEBIND = 78, kIPV6_TRANSPARENT = 75, kIPV6_2292PKTINFO = 2, kIPV6_2292HOPOPTS = 3, kIPV6_2292DSTOPTS = 4,
    kIPV6_2292RTHDR = 5, kIPV6_2292HOPLIMIT = 8, kIPV6_FLOWINFO = 11, kIPV6_ROUTER_ALERT = 22, kIPV6_MULTICAST_ALL = 29,
    kIPV6_ROUTER_ALERT_ISOLATE = 30, kIPV6_RECVERR_RFC4884 = 31, kIPV6_FLOWINFO_SEND = 33, kIPV6_RECVHOPOPTS = 53,
    kIPV6_RECVRTHDR = 56, kIPV6_RECVDSTOPTS = 58, kIPV6_RECVPATHMTU = 60, kIPV6_AUTOFLOWLABEL = 70, kIPV6_ADDR_PREFERENCES = 72,
    kIPV6_MINHOPCOUNT = 73, kIPV6_RECVORIGDSTADDR = 74, kIPV6_UNICAST_IF = 76, kIPV6_RECVFRAGSIZE = 77;
inline constexpr int32_t kTCP_NODELAY = 1, kTCP_MAXSEG = 2, kTCP_CORK = 3, kTCP_KEEPIDLE = 4, kTCP_KEEPINTVL = 5,
    kTCP_KEEPCNT = 6, kTCP_SYNCNT = 7, kTCP_LINGER2 = 8, kTCP_DEFER_ACCEPT = 9, kTCP_WINDOW_CLAMP = 10, kTCP_INFO = 11,
    kTCP_QUICKACK = 12, kTCP_CONGESTION = 13, kTCP_USER_TIMEOUT = 18, kTCP_FASTOPEN = 23, kTCP_TIMESTAMP = 24,
    kTCP_NOTSENT_LOWAT = 25, kTCP_FASTOPEN_CONNECT = 30, kTCP_ULP = 31, kTCP_INQ = 36, kTCP_TX_DELAY = 37, kTCP_THIN_LINEAR = 16,
    kTCP_THIN_DUPACK = 17, kTCP_REPAIR = 19, kTCP_CC_INFO = 26, kTCP_SAVE_SYN = 27, kTCP_SAVED_SYN = 28,
    kTCP_FASTOPEN_NO_COOKIE = 34;
inline constexpr int32_t kTCP_CA_NAME_MAX = 16;
// struct tcp_info up to tcpi_total_rehash; what is not named here is 0 on a connection that loses nothing.
struct TcpInfo {
  uint8_t tcpi_state = 0, tcpi_ca_state = 0, tcpi_retransmits = 0, tcpi_probes = 0, tcpi_backoff = 0, tcpi_options = 0, tcpi_wscale = 0,
          tcpi_delivery_rate_app_limited = 0;
  uint32_t tcpi_rto = 0, tcpi_ato = 0, tcpi_snd_mss = 0, tcpi_rcv_mss = 0, tcpi_unacked = 0, tcpi_sacked = 0, tcpi_lost = 0,
           tcpi_retrans = 0, tcpi_fackets = 0, tcpi_last_data_sent = 0, tcpi_last_ack_sent = 0, tcpi_last_data_recv = 0,
           tcpi_last_ack_recv = 0, tcpi_pmtu = 0, tcpi_rcv_ssthresh = 0, tcpi_rtt = 0, tcpi_rttvar = 0, tcpi_snd_ssthresh = 0,
           tcpi_snd_cwnd = 0, tcpi_advmss = 0, tcpi_reordering = 0, tcpi_rcv_rtt = 0, tcpi_rcv_space = 0, tcpi_total_retrans = 0;
  uint64_t tcpi_pacing_rate = 0, tcpi_max_pacing_rate = 0, tcpi_bytes_acked = 0, tcpi_bytes_received = 0;
  uint32_t tcpi_segs_out = 0, tcpi_segs_in = 0, tcpi_notsent_bytes = 0, tcpi_min_rtt = 0, tcpi_data_segs_in = 0, tcpi_data_segs_out = 0;
  uint64_t tcpi_delivery_rate = 0, tcpi_busy_time = 0, tcpi_rwnd_limited = 0, tcpi_sndbuf_limited = 0;
  uint32_t tcpi_delivered = 0, tcpi_delivered_ce = 0;
  uint64_t tcpi_bytes_sent = 0, tcpi_bytes_retrans = 0;
  uint32_t tcpi_dsack_dups = 0, tcpi_reord_seen = 0, tcpi_rcv_ooopack = 0, tcpi_snd_wnd = 0, tcpi_rcv_wnd = 0, tcpi_rehash = 0;
};
static_assert(sizeof(TcpInfo) == 240 && NoPadding<TcpInfo>);
inline constexpr uint8_t kTCP_ESTABLISHED = 1, kTCP_SYN_SENT = 2, kTCP_SYN_RECV = 3, kTCP_FIN_WAIT1 = 4, kTCP_FIN_WAIT2 = 5,
    kTCP_TIME_WAIT = 6, kTCP_CLOSE = 7, kTCP_CLOSE_WAIT = 8, kTCP_LAST_ACK = 9, kTCP_LISTEN = 10, kTCP_CLOSING = 11;
inline constexpr int32_t kUDP_CORK = 1, kUDP_ENCAP = 100, kUDP_NO_CHECK6_TX = 101, kUDP_NO_CHECK6_RX = 102, kUDP_SEGMENT = 103,
    kUDP_GRO = 104, kUDPLITE_SEND_CSCOV = 10, kUDPLITE_RECV_CSCOV = 11;

inline constexpr uint32_t kIFF_UP = 1, kIFF_BROADCAST = 2, kIFF_DEBUG = 4, kIFF_LOOPBACK = 8, kIFF_POINTOPOINT = 0x10,
    kIFF_NOTRAILERS = 0x20, kIFF_RUNNING = 0x40, kIFF_NOARP = 0x80, kIFF_PROMISC = 0x100, kIFF_ALLMULTI = 0x200,
    kIFF_MASTER = 0x400, kIFF_SLAVE = 0x800, kIFF_MULTICAST = 0x1000, kIFF_PORTSEL = 0x2000, kIFF_AUTOMEDIA = 0x4000,
    kIFF_DYNAMIC = 0x8000, kIFF_LOWER_UP = 0x10000;
inline constexpr uint16_t kARPHRD_ETHER = 1, kARPHRD_LOOPBACK = 772, kARPHRD_NONE = 65534, kARPHRD_TUNNEL = 768,
    kARPHRD_VOID = 65535;
inline constexpr uint16_t kETH_P_ALL = 3, kETH_P_IP = 0x800, kETH_P_ARP = 0x806, kETH_P_IPV6 = 0x86dd, kETH_P_LOOP = 0x60;
inline constexpr int32_t kIFNAMSIZ = 16;

// What MSG_ERRQUEUE tells in a control message of IP_RECVERR or IPV6_RECVERR; the address of who objected follows it.
struct SockExtendedErr {
  uint32_t ee_errno = 0;
  uint8_t ee_origin = 0, ee_type = 0, ee_code = 0, ee_pad = 0;
  uint32_t ee_info = 0, ee_data = 0;
};
static_assert(sizeof(SockExtendedErr) == 16 && NoPadding<SockExtendedErr>);
inline constexpr uint8_t kSO_EE_ORIGIN_LOCAL = 1, kSO_EE_ORIGIN_ICMP = 2, kSO_EE_ORIGIN_ICMP6 = 3;
inline constexpr uint8_t kICMP_DEST_UNREACH = 3, kICMP_PORT_UNREACH = 3, kICMPV6_DEST_UNREACH = 1, kICMPV6_PORT_UNREACH = 4;

// struct group_req: MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP.
struct GroupReq {
  uint32_t gr_interface = 0, pad0_ = 0;
  uint8_t gr_group[128] = {};
};
static_assert(sizeof(GroupReq) == 136 && NoPadding<GroupReq>);

// struct ifreq: the name, and 24 bytes whose meaning follows the command.
struct Ifreq {
  char ifr_name_bytes[kIFNAMSIZ] = {};
  uint8_t data[24] = {};
};
static_assert(sizeof(Ifreq) == 40 && NoPadding<Ifreq>);
struct Ifconf {
  int32_t length = 0;
  uint32_t pad0_ = 0;
  uint64_t buffer = 0;
};
static_assert(sizeof(Ifconf) == 16 && NoPadding<Ifconf>);

struct SockaddrLl {  // packet(7)
  uint16_t sll_family = 0, sll_protocol = 0;
  int32_t sll_ifindex = 0;
  uint16_t sll_hatype = 0;
  uint8_t sll_pkttype = 0, sll_halen = 0, sll_addr[8] = {};
};
static_assert(sizeof(SockaddrLl) == 20 && NoPadding<SockaddrLl>);

}  // namespace ringwall::abi
