// socket(7), ip(7), tcp(7), udp(7): options of inet sockets, their defaults and bounds.
#include <netinet/udp.h>

#include "tests/syscall/socket/inet.h"

namespace tests {

struct Numbers {
  int level, option;
  long initial;
  int good, bad;  // INT_MIN: every number is good
};
static void Check(const ScopedFd& fd, const Numbers& n) {
  EXPECT_THAT(GetOption(fd, n.level, n.option), SucceedsWith(n.initial)) << n.level << "/" << n.option;
  EXPECT_THAT(SetOption(fd, n.level, n.option, n.good), SucceedsWith(0)) << n.level << "/" << n.option;
  EXPECT_THAT(GetOption(fd, n.level, n.option), SucceedsWith(n.good)) << n.level << "/" << n.option;
  if (n.bad != INT_MIN) {
    EXPECT_THAT(SetOption(fd, n.level, n.option, n.bad), FailsWith(EINVAL)) << n.level << "/" << n.option;
  }
  // An empty value is 0 for some options of ip(7), and not for others.
  if (n.level == IPPROTO_IP) return;
  char byte = 0;
  EXPECT_THAT(Call(SYS_setsockopt, fd, n.level, n.option, &byte, 0), FailsWith(EINVAL)) << n.level << "/" << n.option;
}

TEST(SocketOption, WhatTheSocketIs) {
  const ScopedFd tcp = TcpSocket(), udp = UdpSocket(AF_INET);
  EXPECT_THAT(GetOption(tcp, SOL_SOCKET, SO_TYPE), SucceedsWith(SOCK_STREAM));
  EXPECT_THAT(GetOption(tcp, SOL_SOCKET, SO_DOMAIN), SucceedsWith(AF_INET));
  EXPECT_THAT(GetOption(tcp, SOL_SOCKET, SO_PROTOCOL), SucceedsWith(IPPROTO_TCP));
  EXPECT_THAT(GetOption(udp, SOL_SOCKET, SO_TYPE), SucceedsWith(SOCK_DGRAM));
  EXPECT_THAT(GetOption(udp, SOL_SOCKET, SO_PROTOCOL), SucceedsWith(IPPROTO_UDP));
  EXPECT_THAT(SetOption(tcp, SOL_SOCKET, SO_TYPE, 1), FailsWith(ENOPROTOOPT));
}
TEST(SocketOption, Booleans) {
  const ScopedFd fd = TcpSocket();
  for (const int option : {SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE, SO_BROADCAST, SO_OOBINLINE, SO_DONTROUTE}) {
    EXPECT_THAT(GetOption(fd, SOL_SOCKET, option), SucceedsWith(0)) << option;
    EXPECT_THAT(SetOption(fd, SOL_SOCKET, option, 5), SucceedsWith(0)) << option;
    EXPECT_THAT(GetOption(fd, SOL_SOCKET, option), SucceedsWith(1)) << option;
    EXPECT_THAT(SetOption(fd, SOL_SOCKET, option, 0), SucceedsWith(0)) << option;
    EXPECT_THAT(GetOption(fd, SOL_SOCKET, option), SucceedsWith(0)) << option;
  }
}
TEST(SocketOption, BufferSizesAreDoubledAndBounded) {
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(SetOption(fd, SOL_SOCKET, SO_SNDBUF, 10'000), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, SOL_SOCKET, SO_SNDBUF), SucceedsWith(20'000));
  EXPECT_THAT(SetOption(fd, SOL_SOCKET, SO_RCVBUF, 10'000), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, SOL_SOCKET, SO_RCVBUF), SucceedsWith(20'000));
  EXPECT_THAT(SetOption(fd, SOL_SOCKET, SO_SNDBUF, 0), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, SOL_SOCKET, SO_SNDBUF), SucceedsWith(4608));
  EXPECT_THAT(SetOption(fd, SOL_SOCKET, SO_RCVBUF, 0), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, SOL_SOCKET, SO_RCVBUF), SucceedsWith(2304));
  EXPECT_THAT(SetOption(fd, SOL_SOCKET, SO_SNDBUF, -1), SucceedsWith(0));
  EXPECT_GE(GetOption(fd, SOL_SOCKET, SO_SNDBUF), 2 * 212992);
}
TEST(SocketOption, FirstBuffersOfTcp) {
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(GetOption(fd, SOL_SOCKET, SO_SNDBUF), SucceedsWith(16384));
  EXPECT_THAT(GetOption(fd, SOL_SOCKET, SO_RCVBUF), SucceedsWith(131072));
  const TcpPair pair;
  EXPECT_GE(GetOption(pair.client, SOL_SOCKET, SO_SNDBUF), 1 << 20);
}
TEST(SocketOption, ChosenBufferStaysOverConnect) {
  const Listener listener;
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(SetOption(fd, SOL_SOCKET, SO_SNDBUF, 30'000), SucceedsWith(0));
  EXPECT_THAT(ConnectTo(fd, listener.address), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, SOL_SOCKET, SO_SNDBUF), SucceedsWith(60'000));
}
TEST(SocketOption, CredentialsAreNotForInet) {
  const TcpPair pair;
  ucred credentials = {1, 1, 1};
  socklen_t length = sizeof credentials;
  EXPECT_THAT(Call(SYS_getsockopt, pair.client, SOL_SOCKET, SO_PEERCRED, &credentials, &length), SucceedsWith(0));
  EXPECT_EQ(credentials.pid, 0);
  EXPECT_EQ(credentials.uid, ~0u);
  EXPECT_EQ(credentials.gid, ~0u);
}
TEST(SocketOption, PeerName) {
  const TcpPair pair;
  sockaddr_in name = {};
  socklen_t length = sizeof name;
  EXPECT_THAT(Call(SYS_getsockopt, pair.client, SOL_SOCKET, SO_PEERNAME, &name, &length), SucceedsWith(0));
  EXPECT_EQ(ntohs(name.sin_port), pair.listener.address.port());
  EXPECT_THAT(Call(SYS_getsockopt, TcpSocket(), SOL_SOCKET, SO_PEERNAME, &name, &length), FailsWith(ENOTCONN));
}
TEST(SocketOption, TimeoutsAndTheirErrors) {
  const ScopedFd fd = TcpSocket();
  timeval value{3, 500'000};
  socklen_t length = sizeof value;
  EXPECT_THAT(Call(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value), SucceedsWith(0));
  value = {};
  EXPECT_THAT(Call(SYS_getsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &value, &length), SucceedsWith(0));
  EXPECT_EQ(value.tv_sec, 3);
  EXPECT_EQ(value.tv_usec, 500'000);
  value.tv_usec = 1'000'000;
  EXPECT_THAT(Call(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &value, sizeof value), FailsWith(EDOM));
  EXPECT_THAT(Call(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &value, 8), FailsWith(EINVAL));
}
TEST(SocketOption, LevelsAndNamesNobodyKnows) {
  const ScopedFd tcp = TcpSocket(), udp = UdpSocket();
  EXPECT_THAT(GetOption(tcp, 999, 1), FailsWith(EOPNOTSUPP));
  EXPECT_THAT(SetOption(tcp, 999, 1, 1), FailsWith(ENOPROTOOPT));
  EXPECT_THAT(GetOption(udp, IPPROTO_TCP, TCP_NODELAY), FailsWith(EOPNOTSUPP));
  EXPECT_THAT(SetOption(udp, IPPROTO_TCP, TCP_NODELAY, 1), FailsWith(ENOPROTOOPT));
  EXPECT_THAT(GetOption(tcp, IPPROTO_UDP, UDP_CORK), FailsWith(EOPNOTSUPP));
  EXPECT_THAT(GetOption(tcp, SOL_SOCKET, 9999), FailsWith(ENOPROTOOPT));
  EXPECT_THAT(GetOption(tcp, IPPROTO_IP, 9999), FailsWith(ENOPROTOOPT));
  EXPECT_THAT(SetOption(tcp, IPPROTO_IP, 9999, 1), FailsWith(ENOPROTOOPT));
  EXPECT_THAT(GetOption(tcp, IPPROTO_TCP, 9999), FailsWith(ENOPROTOOPT));
  EXPECT_THAT(SetOption(tcp, IPPROTO_TCP, 9999, 1), FailsWith(ENOPROTOOPT));
}
TEST(SocketOption, LengthsOfGetsockopt) {
  const ScopedFd fd = TcpSocket();
  char bytes[8];
  memset(bytes, 9, sizeof bytes);
  socklen_t length = 8;
  EXPECT_THAT(Call(SYS_getsockopt, fd, SOL_SOCKET, SO_RCVBUF, bytes, &length), SucceedsWith(0));
  EXPECT_EQ(length, 4u);
  EXPECT_EQ(bytes[4], 9);
  memset(bytes, 9, sizeof bytes);
  length = 2;
  EXPECT_THAT(Call(SYS_getsockopt, fd, SOL_SOCKET, SO_RCVBUF, bytes, &length), SucceedsWith(0));
  EXPECT_EQ(length, 2u);
  EXPECT_EQ(bytes[2], 9);
  length = -1;
  EXPECT_THAT(Call(SYS_getsockopt, fd, SOL_SOCKET, SO_RCVBUF, bytes, &length), FailsWith(EINVAL));
  length = 4;
  EXPECT_THAT(Call(SYS_getsockopt, fd, SOL_SOCKET, SO_RCVBUF, BadAddress(), &length), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_getsockopt, fd, SOL_SOCKET, SO_RCVBUF, bytes, BadAddress()), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVBUF, bytes, 3), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVBUF, bytes, -1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVBUF, BadAddress(), 4), FailsWith(EFAULT));
}
TEST(SocketOption, MarkNeedsACapability) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    DropToNobody();
    const ScopedFd fd = TcpSocket();
    EXPECT_THAT(SetOption(fd, SOL_SOCKET, SO_MARK, 1), FailsWith(EPERM));
    EXPECT_THAT(SetOption(fd, SOL_SOCKET, SO_PRIORITY, 7), FailsWith(EPERM));
    EXPECT_THAT(SetOption(fd, SOL_SOCKET, SO_PRIORITY, 6), SucceedsWith(0));
    EXPECT_THAT(SetOption(fd, IPPROTO_IP, IP_TRANSPARENT, 1), FailsWith(EPERM));
  });
}

TEST(IpOption, NumbersWithBounds) {
  const ScopedFd fd = UdpSocket();
  const Numbers all[] = {
      {IPPROTO_IP, IP_TTL, 64, 255, 256},
      {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT, IP_PMTUDISC_DO, 6},
      {IPPROTO_IP, IP_RECVTTL, 0, 1, INT_MIN},
      {IPPROTO_IP, IP_RECVTOS, 0, 1, INT_MIN},
      {IPPROTO_IP, IP_PKTINFO, 0, 1, INT_MIN},
      {IPPROTO_IP, IP_RECVERR, 0, 1, INT_MIN},
      {IPPROTO_IP, IP_FREEBIND, 0, 1, INT_MIN},
      {IPPROTO_IP, IP_MINTTL, 0, 10, 256},
      {IPPROTO_IP, IP_MULTICAST_TTL, 1, 33, 256},
      {IPPROTO_IP, IP_MULTICAST_LOOP, 1, 0, INT_MIN},
      {IPPROTO_IP, IP_MULTICAST_ALL, 1, 0, 2},
      {IPPROTO_IP, IP_RECVORIGDSTADDR, 0, 1, INT_MIN},
      {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 0, 1, INT_MIN},
  };
  for (const Numbers& n : all) Check(fd, n);
}
TEST(IpOption, MinusOneIsTheDefault) {
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(SetOption(fd, IPPROTO_IP, IP_TTL, 5), SucceedsWith(0));
  EXPECT_THAT(SetOption(fd, IPPROTO_IP, IP_TTL, -1), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, IPPROTO_IP, IP_TTL), SucceedsWith(64));
  EXPECT_THAT(SetOption(fd, IPPROTO_IP, IP_TTL, 0), FailsWith(EINVAL));
  EXPECT_THAT(SetOption(fd, IPPROTO_IP, IP_MULTICAST_TTL, -1), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, IPPROTO_IP, IP_MULTICAST_TTL), SucceedsWith(1));
}
TEST(IpOption, SingleBytesAreTaken) {
  const ScopedFd fd = UdpSocket();
  const unsigned char hops = 9;
  EXPECT_THAT(Call(SYS_setsockopt, fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, 1), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, IPPROTO_IP, IP_MULTICAST_TTL), SucceedsWith(9));
  unsigned char byte = 0;
  socklen_t length = 1;
  EXPECT_THAT(Call(SYS_getsockopt, fd, IPPROTO_IP, IP_MULTICAST_TTL, &byte, &length), SucceedsWith(0));
  EXPECT_EQ(length, 1u);
  EXPECT_EQ(byte, 9);
}
TEST(IpOption, TosOfStreamsKeepsCongestionBits) {
  const ScopedFd udp = UdpSocket(), tcp = TcpSocket();
  EXPECT_THAT(SetOption(udp, IPPROTO_IP, IP_TOS, 0x1f), SucceedsWith(0));
  EXPECT_THAT(GetOption(udp, IPPROTO_IP, IP_TOS), SucceedsWith(0x1f));
  EXPECT_THAT(SetOption(tcp, IPPROTO_IP, IP_TOS, 0x1f), SucceedsWith(0));
  EXPECT_THAT(GetOption(tcp, IPPROTO_IP, IP_TOS), SucceedsWith(0x1c));
}
TEST(IpOption, MtuNeedsAConnection) {
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(GetOption(fd, IPPROTO_IP, IP_MTU), FailsWith(ENOTCONN));
  const UdpEnd end;
  EXPECT_THAT(ConnectTo(fd, end.address), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, IPPROTO_IP, IP_MTU), SucceedsWith(65535));
}
TEST(IpOption, MulticastOfStreams) {
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(SetOption(fd, IPPROTO_IP, IP_MULTICAST_TTL, 3), FailsWith(EINVAL));
}

TEST(TcpOption, NumbersWithBounds) {
  const ScopedFd fd = TcpSocket();
  const Numbers all[] = {
      {IPPROTO_TCP, TCP_NODELAY, 0, 1, INT_MIN},
      {IPPROTO_TCP, TCP_CORK, 0, 1, INT_MIN},
      {IPPROTO_TCP, TCP_KEEPIDLE, 7200, 30, 0},
      {IPPROTO_TCP, TCP_KEEPINTVL, 75, 32767, 32768},
      {IPPROTO_TCP, TCP_KEEPCNT, 9, 127, 128},
      {IPPROTO_TCP, TCP_SYNCNT, 6, 1, 0},
      {IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 5000, -1},
      {IPPROTO_TCP, TCP_LINGER2, 60, 30, INT_MIN},
      {IPPROTO_TCP, TCP_QUICKACK, 1, 0, INT_MIN},
      {IPPROTO_TCP, TCP_MAXSEG, 536, 1000, 32768},
      {IPPROTO_TCP, TCP_FASTOPEN, 0, 5, -1},
      {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0, 1, 2},
      {IPPROTO_TCP, TCP_WINDOW_CLAMP, 0, 5000, INT_MIN},
  };
  for (const Numbers& n : all) Check(fd, n);
}
TEST(TcpOption, KeepIdleAboveItsLimit) {
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, 32768), FailsWith(EINVAL));
  EXPECT_THAT(SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, 0), FailsWith(EINVAL));
  EXPECT_THAT(SetOption(fd, IPPROTO_TCP, TCP_MAXSEG, 87), FailsWith(EINVAL));
}
TEST(TcpOption, Linger2IsCutAndSwitchedOff) {
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(SetOption(fd, IPPROTO_TCP, TCP_LINGER2, -5), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, IPPROTO_TCP, TCP_LINGER2), SucceedsWith(-1));
  EXPECT_THAT(SetOption(fd, IPPROTO_TCP, TCP_LINGER2, 1000), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, IPPROTO_TCP, TCP_LINGER2), SucceedsWith(120));
}
TEST(TcpOption, DeferAcceptCountsInRetransmissions) {
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(GetOption(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT), SucceedsWith(0));
  const int pairs[][2] = {{1, 1}, {2, 3}, {3, 3}, {4, 7}, {10, 15}};
  for (const auto& pair : pairs) {
    EXPECT_THAT(SetOption(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, pair[0]), SucceedsWith(0));
    EXPECT_THAT(GetOption(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT), SucceedsWith(pair[1]));
  }
}
TEST(TcpOption, CongestionByName) {
  const ScopedFd fd = TcpSocket();
  char name[16] = {};
  socklen_t length = sizeof name;
  EXPECT_THAT(Call(SYS_getsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, name, &length), SucceedsWith(0));
  EXPECT_EQ(length, 16u);
  EXPECT_NE(name[0], 0);
  EXPECT_THAT(Call(SYS_setsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_getsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, name, &length), SucceedsWith(0));
  EXPECT_STREQ(name, "reno");
  EXPECT_THAT(Call(SYS_setsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, "nonsense", 8), FailsWith(ENOENT));
}
TEST(TcpOption, InfoOfAConnection) {
  const TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "12345"), SucceedsWith(5));
  PollFor(pair.server, POLLIN);
  tcp_info info = {};
  socklen_t length = sizeof info;
  EXPECT_THAT(Call(SYS_getsockopt, pair.client, IPPROTO_TCP, TCP_INFO, &info, &length), SucceedsWith(0));
  EXPECT_EQ(length, sizeof info);
  EXPECT_EQ(info.tcpi_state, TCP_ESTABLISHED);
  EXPECT_EQ(info.tcpi_options & 7, 7);
  EXPECT_GT(info.tcpi_snd_mss, 500u);
  EXPECT_GT(info.tcpi_snd_cwnd, 0u);
  EXPECT_EQ(info.tcpi_total_retrans, 0u);
  length = 1;
  EXPECT_THAT(Call(SYS_getsockopt, pair.client, IPPROTO_TCP, TCP_INFO, &info, &length), SucceedsWith(0));
  EXPECT_EQ(length, 1u);
}
TEST(TcpOption, MaxsegOfAConnection) {
  const TcpPair pair;
  EXPECT_GT(GetOption(pair.client, IPPROTO_TCP, TCP_MAXSEG), 10'000);
}
TEST(TcpOption, RepairNeedsACapability) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    DropToNobody();
    EXPECT_THAT(SetOption(TcpSocket(), IPPROTO_TCP, TCP_REPAIR, 1), FailsWith(EPERM));
  });
}

TEST(UdpOption, Numbers) {
  const ScopedFd fd = UdpSocket();
  const Numbers all[] = {
      {IPPROTO_UDP, UDP_CORK, 0, 1, INT_MIN},
      {IPPROTO_UDP, 103 /* UDP_SEGMENT */, 0, 1000, 65536},
      {IPPROTO_UDP, 104 /* UDP_GRO */, 0, 1, INT_MIN},
  };
  for (const Numbers& n : all) Check(fd, n);
  EXPECT_THAT(GetOption(fd, IPPROTO_UDP, 999), FailsWith(ENOPROTOOPT));
  EXPECT_THAT(SetOption(fd, IPPROTO_UDP, 999, 1), FailsWith(ENOPROTOOPT));
}

// ---- netdevice(7) ----

static ifreq Named(const char* name) {
  ifreq request = {};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  return request;
}

TEST(NetDevice, FlagsMtuAndIndexOfLo) {
  const ScopedFd fd = UdpSocket();
  ifreq request = Named("lo");
  EXPECT_THAT(Call(SYS_ioctl, fd, SIOCGIFFLAGS, &request), SucceedsWith(0));
  EXPECT_EQ(request.ifr_flags & (IFF_UP | IFF_LOOPBACK | IFF_RUNNING), IFF_UP | IFF_LOOPBACK | IFF_RUNNING);
  EXPECT_EQ(request.ifr_flags & (IFF_BROADCAST | IFF_MULTICAST), 0);
  EXPECT_THAT(Call(SYS_ioctl, fd, SIOCGIFMTU, &request), SucceedsWith(0));
  EXPECT_EQ(request.ifr_mtu, 65536);
  EXPECT_THAT(Call(SYS_ioctl, fd, SIOCGIFINDEX, &request), SucceedsWith(0));
  EXPECT_EQ(request.ifr_ifindex, 1);
  EXPECT_THAT(Call(SYS_ioctl, fd, SIOCGIFHWADDR, &request), SucceedsWith(0));
  EXPECT_EQ(request.ifr_hwaddr.sa_family, 772);
  EXPECT_THAT(Call(SYS_ioctl, fd, SIOCGIFTXQLEN, &request), SucceedsWith(0));
  EXPECT_EQ(request.ifr_qlen, 1000);
}
TEST(NetDevice, AddressesOfLo) {
  const ScopedFd fd = UdpSocket();
  ifreq request = Named("lo");
  const auto* address = reinterpret_cast<const sockaddr_in*>(&request.ifr_addr);
  EXPECT_THAT(Call(SYS_ioctl, fd, SIOCGIFADDR, &request), SucceedsWith(0));
  EXPECT_EQ(address->sin_family, AF_INET);
  EXPECT_EQ(ntohl(address->sin_addr.s_addr), INADDR_LOOPBACK);
  EXPECT_THAT(Call(SYS_ioctl, fd, SIOCGIFNETMASK, &request), SucceedsWith(0));
  EXPECT_EQ(ntohl(address->sin_addr.s_addr), 0xff000000u);
}
TEST(NetDevice, NameByIndex) {
  const ScopedFd fd = TcpSocket();
  ifreq request = {};
  request.ifr_ifindex = 1;
  EXPECT_THAT(Call(SYS_ioctl, fd, SIOCGIFNAME, &request), SucceedsWith(0));
  EXPECT_STREQ(request.ifr_name, "lo");
  request.ifr_ifindex = 9999;
  EXPECT_THAT(Call(SYS_ioctl, fd, SIOCGIFNAME, &request), FailsWith(ENODEV));
}
TEST(NetDevice, UnknownNames) {
  const ScopedFd fd = UdpSocket();
  ifreq request = Named("nothere0");
  for (const int command : {SIOCGIFFLAGS, SIOCGIFMTU, SIOCGIFINDEX, SIOCGIFADDR}) {
    EXPECT_THAT(Call(SYS_ioctl, fd, command, &request), FailsWith(ENODEV)) << command;
  }
  EXPECT_THAT(Call(SYS_ioctl, fd, SIOCGIFFLAGS, BadAddress()), FailsWith(EFAULT));
}
TEST(NetDevice, ListHasLo) {
  const ScopedFd fd = UdpSocket();
  char room[4096];
  ifconf list = {};
  list.ifc_len = sizeof room;
  list.ifc_buf = room;
  EXPECT_THAT(Call(SYS_ioctl, fd, SIOCGIFCONF, &list), SucceedsWith(0));
  bool found = false;
  for (int i = 0; i + static_cast<int>(sizeof(ifreq)) <= list.ifc_len; i += static_cast<int>(sizeof(ifreq))) {
    found |= strcmp(reinterpret_cast<const ifreq*>(room + i)->ifr_name, "lo") == 0;
  }
  EXPECT_TRUE(found);
  const int length = list.ifc_len;
  list.ifc_buf = nullptr;
  list.ifc_len = 0;
  EXPECT_THAT(Call(SYS_ioctl, fd, SIOCGIFCONF, &list), SucceedsWith(0));
  EXPECT_EQ(list.ifc_len, length);
}
TEST(NetDevice, UnixSocketsAnswerToo) {
  const ScopedFd fd(Call(SYS_socket, AF_UNIX, SOCK_DGRAM, 0));
  ifreq request = Named("lo");
  EXPECT_THAT(Call(SYS_ioctl, fd, SIOCGIFINDEX, &request), SucceedsWith(0));
  EXPECT_EQ(request.ifr_ifindex, 1);
}
TEST(NetDevice, ChangesNeedACapability) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    DropToNobody();
    const ScopedFd fd = UdpSocket();
    ifreq request = Named("lo");
    request.ifr_flags = 0;
    EXPECT_THAT(Call(SYS_ioctl, fd, SIOCSIFFLAGS, &request), FailsWith(EPERM));
    request.ifr_mtu = 1000;
    EXPECT_THAT(Call(SYS_ioctl, fd, SIOCSIFMTU, &request), FailsWith(EPERM));
  });
}

}  // namespace tests
