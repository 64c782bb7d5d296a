// ipv6(7): IPv6 sockets on the loopback interface, IPV6_V6ONLY, IPv4-mapped addresses, scope ids, control messages.
#include "tests/syscall/socket/inet.h"

namespace tests {

#ifndef IPV6_RECVPKTINFO
#error "the C library has no IPV6_RECVPKTINFO"
#endif

struct Inet6 : testing::Test {
  void SetUp() override { SKIP_WITHOUT_IPV6(); }
};

TEST_F(Inet6, TcpConnection) {
  const TcpPair pair("::1");
  EXPECT_THAT(SendBytes(pair.client, "six"), SucceedsWith(3));
  EXPECT_EQ(ReceiveBytes(pair.server), "six");
  EXPECT_EQ(NameOf(pair.client).ip(), "::1");
  EXPECT_EQ(PeerOf(pair.client).ip(), "::1");
  EXPECT_EQ(PeerOf(pair.server).length, sizeof(sockaddr_in6));
}
TEST_F(Inet6, TypesAndProtocols) {
  EXPECT_THAT(Call(SYS_socket, AF_INET6, SOCK_STREAM, IPPROTO_UDP), FailsWith(EPROTONOSUPPORT));
  EXPECT_THAT(Call(SYS_socket, AF_INET6, SOCK_SEQPACKET, 0), FailsWith(ESOCKTNOSUPPORT));
  int fds[2];
  EXPECT_THAT(Call(SYS_socketpair, AF_INET6, SOCK_DGRAM, 0, fds), FailsWith(EOPNOTSUPP));
}
TEST_F(Inet6, UnboundName) {
  const ScopedFd fd = TcpSocket(AF_INET6);
  const InetAddress name = NameOf(fd);
  EXPECT_EQ(name.length, sizeof(sockaddr_in6));
  EXPECT_EQ(name.ip(), "::");
  EXPECT_EQ(name.port(), 0);
}
TEST_F(Inet6, BindErrors) {
  const ScopedFd fd = TcpSocket(AF_INET6);
  const InetAddress lo("::1", 0);
  EXPECT_THAT(Call(SYS_bind, fd, lo.get(), 16), FailsWith(EINVAL));
  EXPECT_THAT(BindTo(fd, InetAddress("2001:db8::1", 0)), FailsWith(EADDRNOTAVAIL));
  EXPECT_THAT(BindTo(fd, InetAddress("fe80::1234", 0)), FailsWith(EINVAL));
  EXPECT_THAT(BindTo(fd, InetAddress("ff02::1", 0)), FailsWith(EINVAL));
  InetAddress other("::1", 0);
  other.storage.ss_family = AF_UNIX;
  EXPECT_THAT(BindTo(fd, other), FailsWith(EAFNOSUPPORT));
}
TEST_F(Inet6, ShortAddressOfOldPrograms) {
  const ScopedFd fd = TcpSocket(AF_INET6);
  const InetAddress lo("::1", 0);
  EXPECT_THAT(Call(SYS_bind, fd, lo.get(), 24), SucceedsWith(0));
}
TEST_F(Inet6, ConnectErrors) {
  const ScopedFd fd = TcpSocket(AF_INET6);
  EXPECT_THAT(ConnectTo(fd, InetAddress("::1", FreePort())), FailsWith(ECONNREFUSED));
  EXPECT_THAT(ConnectTo(fd, InetAddress(kLo, 1)), FailsWith(EINVAL));
  EXPECT_THAT(ConnectTo(fd, InetAddress("fe80::1234", 1)), FailsWith(EINVAL));
  EXPECT_THAT(ConnectTo(fd, InetAddress("ff02::1", 1)), FailsWith(ENETUNREACH));
}
TEST_F(Inet6, UnreachableNetworks) {
  WithOnlyLoopback([] {
    for (const char* ip : {"2001:db8::1", "fd00::77", "::127.0.0.1"}) {
      const ScopedFd tcp = TcpSocket(AF_INET6), udp = UdpSocket(AF_INET6);
      EXPECT_THAT(ConnectTo(tcp, InetAddress(ip, 80)), FailsWith(ENETUNREACH)) << ip;
      EXPECT_THAT(SendBytesTo(udp, InetAddress(ip, 80), "x"), FailsWith(ENETUNREACH)) << ip;
    }
  });
}
TEST_F(Inet6, WildcardMeansThisMachine) {
  const Listener listener("::1");
  const ScopedFd fd = TcpSocket(AF_INET6);
  EXPECT_THAT(ConnectTo(fd, InetAddress("::", listener.address.port())), SucceedsWith(0));
  EXPECT_EQ(PeerOf(fd).ip(), "::1");
}
TEST_F(Inet6, DualListenerTakesBoth) {
  const Listener listener("::");
  const int port = listener.address.port();
  const ScopedFd four = TcpSocket(), six = TcpSocket(AF_INET6);
  EXPECT_THAT(ConnectTo(four, InetAddress(kLo, port)), SucceedsWith(0));
  const ScopedFd first = listener.Accept();
  EXPECT_EQ(PeerOf(first).ip(), "::ffff:127.0.0.1");
  EXPECT_EQ(NameOf(first).ip(), "::ffff:127.0.0.1");
  EXPECT_EQ(NameOf(four).ip(), kLo);
  EXPECT_THAT(ConnectTo(six, InetAddress("::1", port)), SucceedsWith(0));
  const ScopedFd second = listener.Accept();
  EXPECT_EQ(PeerOf(second).ip(), "::1");
  EXPECT_THAT(SendBytes(four, "4"), SucceedsWith(1));
  EXPECT_EQ(ReceiveBytes(first), "4");
}
TEST_F(Inet6, MappedAddressConnectsToIpv4) {
  const Listener listener;
  const ScopedFd fd = TcpSocket(AF_INET6);
  EXPECT_THAT(ConnectTo(fd, InetAddress("::ffff:127.0.0.1", listener.address.port())), SucceedsWith(0));
  const ScopedFd server = listener.Accept();
  EXPECT_EQ(PeerOf(server).ip(), kLo);
  EXPECT_EQ(PeerOf(fd).ip(), "::ffff:127.0.0.1");
  EXPECT_EQ(NameOf(fd).ip(), "::ffff:127.0.0.1");
}
TEST_F(Inet6, V6OnlyIsOffAndSettableBeforeBind) {
  const ScopedFd fd = TcpSocket(AF_INET6);
  EXPECT_THAT(GetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY), SucceedsWith(0));
  EXPECT_THAT(SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY), SucceedsWith(1));
  EXPECT_THAT(BindTo(fd, InetAddress("::", 0)), SucceedsWith(0));
  EXPECT_THAT(SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0), FailsWith(EINVAL));
}
TEST_F(Inet6, V6OnlyRefusesIpv4) {
  const ScopedFd listener = TcpSocket(AF_INET6);
  EXPECT_THAT(SetOption(listener, IPPROTO_IPV6, IPV6_V6ONLY, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(listener, InetAddress("::", 0)), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, listener, 1), SucceedsWith(0));
  const int port = NameOf(listener).port();
  const ScopedFd four = TcpSocket(), six = TcpSocket(AF_INET6);
  EXPECT_THAT(ConnectTo(four, InetAddress(kLo, port)), FailsWith(ECONNREFUSED));
  EXPECT_THAT(ConnectTo(six, InetAddress("::1", port)), SucceedsWith(0));
}
TEST_F(Inet6, V6OnlySocketsDoNotSpeakIpv4) {
  const Listener listener;
  const ScopedFd tcp = TcpSocket(AF_INET6), udp = UdpSocket(AF_INET6);
  EXPECT_THAT(SetOption(tcp, IPPROTO_IPV6, IPV6_V6ONLY, 1), SucceedsWith(0));
  EXPECT_THAT(SetOption(udp, IPPROTO_IPV6, IPV6_V6ONLY, 1), SucceedsWith(0));
  EXPECT_THAT(ConnectTo(tcp, InetAddress("::ffff:127.0.0.1", listener.address.port())), FailsWith(ENETUNREACH));
  EXPECT_THAT(SendBytesTo(udp, InetAddress("::ffff:127.0.0.1", 9), "x"), FailsWith(ENETUNREACH));
  EXPECT_THAT(BindTo(tcp, InetAddress("::ffff:127.0.0.1", 0)), FailsWith(EINVAL));
}
TEST_F(Inet6, DualWildcardConflictsWithIpv4) {
  const ScopedFd six = TcpSocket(AF_INET6), four = TcpSocket();
  EXPECT_THAT(BindTo(six, InetAddress("::", 0)), SucceedsWith(0));
  EXPECT_THAT(BindTo(four, InetAddress("0.0.0.0", NameOf(six).port())), FailsWith(EADDRINUSE));
  EXPECT_THAT(BindTo(four, InetAddress(kLo, NameOf(six).port())), FailsWith(EADDRINUSE));
}
TEST_F(Inet6, V6OnlyWildcardLivesBesideIpv4) {
  const ScopedFd six = TcpSocket(AF_INET6), four = TcpSocket();
  EXPECT_THAT(SetOption(six, IPPROTO_IPV6, IPV6_V6ONLY, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(six, InetAddress("::", 0)), SucceedsWith(0));
  EXPECT_THAT(BindTo(four, InetAddress("0.0.0.0", NameOf(six).port())), SucceedsWith(0));
}
TEST_F(Inet6, ExactAddressesDoNotConflict) {
  const ScopedFd six = TcpSocket(AF_INET6), four = TcpSocket();
  EXPECT_THAT(BindTo(six, InetAddress("::1", 0)), SucceedsWith(0));
  EXPECT_THAT(BindTo(four, InetAddress(kLo, NameOf(six).port())), SucceedsWith(0));
}
TEST_F(Inet6, MappedBindIsAnIpv4Address) {
  const ScopedFd six = TcpSocket(AF_INET6), four = TcpSocket();
  EXPECT_THAT(BindTo(six, InetAddress("::ffff:127.0.0.1", 0)), SucceedsWith(0));
  EXPECT_EQ(NameOf(six).ip(), "::ffff:127.0.0.1");
  EXPECT_THAT(BindTo(four, InetAddress(kLo, NameOf(six).port())), FailsWith(EADDRINUSE));
  EXPECT_THAT(Call(SYS_listen, six, 1), SucceedsWith(0));
  EXPECT_THAT(ConnectTo(four, InetAddress(kLo, NameOf(six).port())), SucceedsWith(0));
}
TEST_F(Inet6, Datagrams) {
  const UdpEnd one("::1"), two("::1");
  EXPECT_THAT(SendBytesTo(one.fd, two.address, "six"), SucceedsWith(3));
  char bytes[10];
  InetAddress from;
  from.length = sizeof from.storage;
  EXPECT_THAT(Call(SYS_recvfrom, two.fd, bytes, 10, 0, &from.storage, &from.length), SucceedsWith(3));
  EXPECT_EQ(from.length, sizeof(sockaddr_in6));
  EXPECT_EQ(from.ip(), "::1");
  EXPECT_EQ(from.port(), one.address.port());
  EXPECT_EQ(reinterpret_cast<const sockaddr_in6*>(from.get())->sin6_scope_id, 0u);
}
TEST_F(Inet6, LargestDatagram) {
  const UdpEnd one("::1"), two("::1");
  EXPECT_THAT(SendBytesTo(one.fd, two.address, std::string(65527, 'x')), SucceedsWith(65527));
  EXPECT_THAT(SendBytesTo(one.fd, two.address, std::string(65528, 'x')), FailsWith(EMSGSIZE));
}
TEST_F(Inet6, DatagramsFromIpv4AreMapped) {
  const UdpEnd six("::");
  const UdpEnd four;
  EXPECT_THAT(SendBytesTo(four.fd, InetAddress(kLo, six.address.port()), "4"), SucceedsWith(1));
  char bytes[10];
  InetAddress from;
  from.length = sizeof from.storage;
  EXPECT_THAT(Call(SYS_recvfrom, six.fd, bytes, 10, 0, &from.storage, &from.length), SucceedsWith(1));
  EXPECT_EQ(from.ip(), "::ffff:127.0.0.1");
  EXPECT_THAT(SendBytesTo(six.fd, from, "6"), SucceedsWith(1));
  EXPECT_EQ(ReceiveBytes(four.fd), "6");
}
TEST_F(Inet6, UdpTakesIpv4Addresses) {
  const UdpEnd four;
  const ScopedFd six = UdpSocket(AF_INET6);
  EXPECT_THAT(SendBytesTo(six, four.address, "x"), SucceedsWith(1));
  EXPECT_EQ(ReceiveBytes(four.fd), "x");
  EXPECT_THAT(ConnectTo(six, four.address), SucceedsWith(0));
  EXPECT_EQ(PeerOf(six).ip(), "::ffff:127.0.0.1");
}
TEST_F(Inet6, RefusedDatagram) {
  const ScopedFd fd = UdpSocket(AF_INET6);
  EXPECT_THAT(ConnectTo(fd, InetAddress("::1", FreePort(SOCK_DGRAM))), SucceedsWith(0));
  EXPECT_THAT(SendBytes(fd, "x"), SucceedsWith(1));
  EXPECT_EQ(PollFor(fd, POLLERR) & POLLERR, POLLERR);
  EXPECT_THAT(ReceiveResult(fd), FailsWith(ECONNREFUSED));
}
TEST_F(Inet6, PacketInfoAndHopLimit) {
  const UdpEnd sender("::1"), end("::1");
  EXPECT_THAT(SetOption(end.fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1), SucceedsWith(0));
  EXPECT_THAT(SetOption(end.fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1), SucceedsWith(0));
  EXPECT_THAT(SetOption(sender.fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9), SucceedsWith(0));
  EXPECT_THAT(SendBytesTo(sender.fd, end.address, "x"), SucceedsWith(1));
  char bytes[10];
  alignas(cmsghdr) char control[200];
  iovec part{bytes, 10};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  EXPECT_THAT(Call(SYS_recvmsg, end.fd, &message, 0), SucceedsWith(1));
  bool info_seen = false;
  int hops = -1;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    EXPECT_EQ(header->cmsg_level, IPPROTO_IPV6);
    if (header->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      memcpy(&info, CMSG_DATA(header), sizeof info);
      EXPECT_TRUE(IN6_IS_ADDR_LOOPBACK(&info.ipi6_addr));
      EXPECT_EQ(info.ipi6_ifindex, if_nametoindex("lo"));
      info_seen = true;
    }
    if (header->cmsg_type == IPV6_HOPLIMIT) memcpy(&hops, CMSG_DATA(header), sizeof hops);
  }
  EXPECT_TRUE(info_seen);
  EXPECT_EQ(hops, 9);
}
TEST_F(Inet6, OptionsAndTheirBounds) {
  const ScopedFd fd = UdpSocket(AF_INET6);
  EXPECT_THAT(GetOption(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS), SucceedsWith(64));
  EXPECT_THAT(SetOption(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 256), FailsWith(EINVAL));
  EXPECT_THAT(SetOption(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, -1), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS), SucceedsWith(64));
  EXPECT_THAT(GetOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS), SucceedsWith(1));
  EXPECT_THAT(SetOption(fd, IPPROTO_IPV6, IPV6_TCLASS, 256), FailsWith(EINVAL));
  EXPECT_THAT(SetOption(fd, IPPROTO_IPV6, IPV6_TCLASS, 16), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, IPPROTO_IPV6, IPV6_TCLASS), SucceedsWith(16));
  EXPECT_THAT(GetOption(fd, IPPROTO_IPV6, IPV6_MTU), FailsWith(ENOTCONN));
  EXPECT_THAT(GetOption(fd, IPPROTO_IPV6, 9999), FailsWith(ENOPROTOOPT));
  EXPECT_THAT(SetOption(fd, IPPROTO_IPV6, 9999, 1), FailsWith(ENOPROTOOPT));
  EXPECT_THAT(GetOption(fd, IPPROTO_IP, IP_TTL), SucceedsWith(64));
}
TEST_F(Inet6, MtuOfAConnection) {
  const UdpEnd end("::1");
  const ScopedFd fd = UdpSocket(AF_INET6);
  EXPECT_THAT(ConnectTo(fd, end.address), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, IPPROTO_IPV6, IPV6_MTU), SucceedsWith(65536));
}
TEST_F(Inet6, OptionsAreNotForIpv4Sockets) {
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(GetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY), FailsWith(EOPNOTSUPP));
  EXPECT_THAT(SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), FailsWith(ENOPROTOOPT));
}
TEST_F(Inet6, ReuseAddressAcrossFamilies) {
  const ScopedFd six = TcpSocket(AF_INET6), four = TcpSocket();
  EXPECT_THAT(SetOption(six, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(SetOption(four, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(six, InetAddress("::", 0)), SucceedsWith(0));
  EXPECT_THAT(BindTo(four, InetAddress("0.0.0.0", NameOf(six).port())), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, six, 1), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, four, 1), FailsWith(EADDRINUSE));
}

}  // namespace tests
