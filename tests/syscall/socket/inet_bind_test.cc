// bind(2), ip(7), socket(7): addresses, ports, who may share them: SO_REUSEADDR, SO_REUSEPORT, ephemeral ports, SO_BINDTODEVICE.
#include <set>

#include "tests/syscall/socket/inet.h"

namespace tests {

TEST(InetBind, PortZeroChoosesAnEphemeralPort) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    const ScopedFd fd(Call(SYS_socket, AF_INET, type, 0));
    EXPECT_THAT(BindTo(fd, InetAddress(kLo, 0)), SucceedsWith(0));
    EXPECT_GE(NameOf(fd).port(), 1024);
    EXPECT_EQ(NameOf(fd).ip(), kLo);
  }
}
TEST(InetBind, EphemeralPortsAreInTheRangeOfTheSysctl) {
  int low = 0, high = 0;
  ASSERT_EQ(sscanf(ReadFile("/proc/sys/net/ipv4/ip_local_port_range").c_str(), "%d %d", &low, &high), 2);
  for (int i = 0; i < 20; ++i) {
    const UdpEnd end;
    EXPECT_GE(end.address.port(), low);
    EXPECT_LE(end.address.port(), high);
  }
}
TEST(InetBind, EphemeralPortsDiffer) {
  std::vector<UdpEnd> ends(50);
  std::set<int> ports;
  for (const UdpEnd& end : ends) ports.insert(end.address.port());
  EXPECT_EQ(ports.size(), ends.size());
}
TEST(InetBind, Twice) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    const ScopedFd fd(Call(SYS_socket, AF_INET, type, 0));
    EXPECT_THAT(BindTo(fd, InetAddress(kLo, 0)), SucceedsWith(0));
    EXPECT_THAT(BindTo(fd, InetAddress(kLo, 0)), FailsWith(EINVAL));
  }
}
TEST(InetBind, UsedPort) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    const ScopedFd one(Call(SYS_socket, AF_INET, type, 0)), two(Call(SYS_socket, AF_INET, type, 0));
    EXPECT_THAT(BindTo(one, InetAddress(kLo, 0)), SucceedsWith(0));
    const int port = NameOf(one).port();
    EXPECT_THAT(BindTo(two, InetAddress(kLo, port)), FailsWith(EADDRINUSE));
    EXPECT_THAT(BindTo(two, InetAddress("0.0.0.0", port)), FailsWith(EADDRINUSE));
    EXPECT_THAT(BindTo(two, InetAddress("127.0.0.2", port)), SucceedsWith(0));
  }
}
TEST(InetBind, WildcardTakesEveryAddress) {
  const ScopedFd one = TcpSocket(), two = TcpSocket();
  EXPECT_THAT(BindTo(one, InetAddress("0.0.0.0", 0)), SucceedsWith(0));
  EXPECT_THAT(BindTo(two, InetAddress("127.0.0.2", NameOf(one).port())), FailsWith(EADDRINUSE));
}
TEST(InetBind, TcpAndUdpHavePortsOfTheirOwn) {
  const ScopedFd tcp = TcpSocket(), udp = UdpSocket();
  EXPECT_THAT(BindTo(tcp, InetAddress(kLo, 0)), SucceedsWith(0));
  EXPECT_THAT(BindTo(udp, NameOf(tcp)), SucceedsWith(0));
}
TEST(InetBind, FreeAgainAfterClose) {
  ScopedFd one = UdpSocket(), two = UdpSocket();
  EXPECT_THAT(BindTo(one, InetAddress(kLo, 0)), SucceedsWith(0));
  const InetAddress address = NameOf(one);
  one.Reset();
  EXPECT_THAT(BindTo(two, address), SucceedsWith(0));
}
TEST(InetBind, ForeignAddress) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    const ScopedFd fd(Call(SYS_socket, AF_INET, type, 0));
    EXPECT_THAT(BindTo(fd, InetAddress("203.0.113.77", 0)), FailsWith(EADDRNOTAVAIL));
    EXPECT_THAT(SetOption(fd, IPPROTO_IP, IP_FREEBIND, 1), SucceedsWith(0));
    EXPECT_THAT(BindTo(fd, InetAddress("203.0.113.77", 0)), SucceedsWith(0));
    EXPECT_EQ(NameOf(fd).ip(), "203.0.113.77");
  }
}
TEST(InetBind, LoopbackNetworkAndBroadcasts) {
  for (const char* ip : {"127.1.2.3", "127.255.255.254", "127.0.0.0", "127.255.255.255", "255.255.255.255", "224.0.0.5"}) {
    const ScopedFd fd = UdpSocket();
    EXPECT_THAT(BindTo(fd, InetAddress(ip, 0)), SucceedsWith(0)) << ip;
    EXPECT_EQ(NameOf(fd).ip(), ip);
  }
}
TEST(InetBind, BadArguments) {
  const ScopedFd fd = TcpSocket();
  const InetAddress to(kLo, 0);
  EXPECT_THAT(Call(SYS_bind, fd, to.get(), 15), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_bind, fd, to.get(), 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_bind, fd, to.get(), -1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_bind, fd, to.get(), 129), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_bind, fd, BadAddress(), 16), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_bind, 1000, to.get(), to.length), FailsWith(EBADF));
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_bind, pipe.reader, to.get(), to.length), FailsWith(ENOTSOCK));
}
TEST(InetBind, LongerAddressesAreTaken) {
  const ScopedFd fd = TcpSocket();
  const InetAddress to(kLo, 0);
  EXPECT_THAT(Call(SYS_bind, fd, to.get(), 128), SucceedsWith(0));
}
TEST(InetBind, UnspecMeansTheWildcardOnly) {
  const ScopedFd one = TcpSocket(), two = TcpSocket();
  InetAddress any("0.0.0.0", 0), lo(kLo, 0);
  any.storage.ss_family = lo.storage.ss_family = AF_UNSPEC;
  EXPECT_THAT(BindTo(one, any), SucceedsWith(0));
  EXPECT_THAT(BindTo(two, lo), FailsWith(EAFNOSUPPORT));
}
TEST(InetBind, PrivilegedPorts) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    DropToNobody();
    const ScopedFd fd = TcpSocket();
    EXPECT_THAT(BindTo(fd, InetAddress(kLo, 80)), FailsWith(EACCES));
    EXPECT_THAT(BindTo(fd, InetAddress(kLo, 1023)), FailsWith(EACCES));
    EXPECT_THAT(BindTo(fd, InetAddress("203.0.113.77", 80)), FailsWith(EADDRNOTAVAIL));
  });
}
TEST(InetBind, PrivilegedPortsForThePrivileged) {
  SKIP_UNLESS_CAPABLE(10 /* CAP_NET_BIND_SERVICE */);
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(BindTo(fd, InetAddress("127.0.0.99", 1)), SucceedsWith(0));
}
TEST(InetBind, AfterConnecting) {
  const TcpPair pair;
  EXPECT_THAT(BindTo(pair.client, InetAddress(kLo, 0)), FailsWith(EINVAL));
  EXPECT_THAT(BindTo(pair.server, InetAddress(kLo, 0)), FailsWith(EINVAL));
}
TEST(InetBind, AddressNowAndPortLater) {
  const Listener listener;
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(SetOption(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(fd, InetAddress("127.0.0.4", 0)), SucceedsWith(0));
  EXPECT_EQ(NameOf(fd).port(), 0);
  EXPECT_THAT(ConnectTo(fd, listener.address), SucceedsWith(0));
  EXPECT_EQ(NameOf(fd).ip(), "127.0.0.4");
  EXPECT_NE(NameOf(fd).port(), 0);
}

// ---- SO_REUSEADDR ----

TEST(ReuseAddress, BothMustWantIt) {
  const ScopedFd one = TcpSocket(), two = TcpSocket();
  EXPECT_THAT(SetOption(two, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(one, InetAddress(kLo, 0)), SucceedsWith(0));
  EXPECT_THAT(BindTo(two, NameOf(one)), FailsWith(EADDRINUSE));
  EXPECT_THAT(SetOption(one, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(two, NameOf(one)), SucceedsWith(0));
}
TEST(ReuseAddress, NotWithAListener) {
  const ScopedFd one = TcpSocket(), two = TcpSocket(), three = TcpSocket();
  for (const ScopedFd* fd : {&one, &two, &three}) EXPECT_THAT(SetOption(*fd, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(one, InetAddress(kLo, 0)), SucceedsWith(0));
  EXPECT_THAT(BindTo(two, NameOf(one)), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, one, 1), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, two, 1), FailsWith(EADDRINUSE));
  EXPECT_THAT(BindTo(three, NameOf(one)), FailsWith(EADDRINUSE));
}
TEST(ReuseAddress, ServerRestartsBesideItsConnections) {
  ScopedFd client = TcpSocket(), server, again = TcpSocket();
  InetAddress address;
  {
    Listener listener;
    EXPECT_THAT(SetOption(listener.fd, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
    address = listener.address;
    EXPECT_THAT(ConnectTo(client, address), SucceedsWith(0));
    server = listener.Accept();
  }
  EXPECT_THAT(BindTo(again, address), FailsWith(EADDRINUSE));
  EXPECT_THAT(SetOption(again, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(again, address), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, again, 1), SucceedsWith(0));
  EXPECT_THAT(SendBytes(client, "old"), SucceedsWith(3));
  EXPECT_EQ(ReceiveBytes(server), "old");
}
TEST(ReuseAddress, UdpSocketsShareAndTheLastOneReceives) {
  const ScopedFd one = UdpSocket(), two = UdpSocket();
  EXPECT_THAT(SetOption(one, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(SetOption(two, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(one, InetAddress(kLo, 0)), SucceedsWith(0));
  EXPECT_THAT(BindTo(two, NameOf(one)), SucceedsWith(0));
  const UdpEnd sender;
  EXPECT_THAT(SendBytesTo(sender.fd, NameOf(one), "x"), SucceedsWith(1));
  EXPECT_EQ(PollFor(two, POLLIN) & POLLIN, POLLIN);
  EXPECT_EQ(PollNow(one) & POLLIN, 0);
}
TEST(ReuseAddress, ExactAddressIsPreferred) {
  const ScopedFd any = UdpSocket(), exact = UdpSocket();
  EXPECT_THAT(SetOption(any, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(SetOption(exact, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(exact, InetAddress(kLo, 0)), SucceedsWith(0));
  const int port = NameOf(exact).port();
  EXPECT_THAT(BindTo(any, InetAddress("0.0.0.0", port)), SucceedsWith(0));
  const UdpEnd sender;
  EXPECT_THAT(SendBytesTo(sender.fd, InetAddress(kLo, port), "exact"), SucceedsWith(5));
  EXPECT_THAT(SendBytesTo(sender.fd, InetAddress("127.0.0.2", port), "any"), SucceedsWith(3));
  EXPECT_EQ(ReceiveBytes(exact, 10, MSG_DONTWAIT), "exact");
  EXPECT_EQ(ReceiveBytes(any, 10, MSG_DONTWAIT), "any");
}

// ---- SO_REUSEPORT ----

TEST(ReusePort, BothMustWantIt) {
  const ScopedFd one = TcpSocket(), two = TcpSocket(), three = TcpSocket();
  EXPECT_THAT(SetOption(one, SOL_SOCKET, SO_REUSEPORT, 1), SucceedsWith(0));
  EXPECT_THAT(SetOption(two, SOL_SOCKET, SO_REUSEPORT, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(one, InetAddress(kLo, 0)), SucceedsWith(0));
  EXPECT_THAT(BindTo(two, NameOf(one)), SucceedsWith(0));
  EXPECT_THAT(BindTo(three, NameOf(one)), FailsWith(EADDRINUSE));
}
TEST(ReusePort, ListenersShareConnections) {
  const ScopedFd one = TcpSocket(AF_INET, SOCK_NONBLOCK), two = TcpSocket(AF_INET, SOCK_NONBLOCK);
  EXPECT_THAT(SetOption(one, SOL_SOCKET, SO_REUSEPORT, 1), SucceedsWith(0));
  EXPECT_THAT(SetOption(two, SOL_SOCKET, SO_REUSEPORT, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(one, InetAddress(kLo, 0)), SucceedsWith(0));
  EXPECT_THAT(BindTo(two, NameOf(one)), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, one, 100), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, two, 100), SucceedsWith(0));
  constexpr int kClients = 60;
  std::vector<ScopedFd> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(TcpSocket());
    EXPECT_THAT(ConnectTo(clients.back(), NameOf(one)), SucceedsWith(0));
  }
  int counts[2] = {0, 0};
  for (int i = 0; i < 2; ++i) {
    for (long fd; (fd = Call(SYS_accept, i == 0 ? one : two, nullptr, nullptr)) >= 0; ++counts[i]) Call(SYS_close, fd);
  }
  EXPECT_EQ(counts[0] + counts[1], kClients);
  EXPECT_GT(counts[0], 0);
  EXPECT_GT(counts[1], 0);
}
TEST(ReusePort, OneUserOnly) {
  SKIP_UNLESS_ROOT();
  const ScopedFd one = UdpSocket();
  EXPECT_THAT(SetOption(one, SOL_SOCKET, SO_REUSEPORT, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(one, InetAddress(kLo, 0)), SucceedsWith(0));
  InChild([&] {
    DropToNobody();
    const ScopedFd two = UdpSocket();
    EXPECT_THAT(SetOption(two, SOL_SOCKET, SO_REUSEPORT, 1), SucceedsWith(0));
    EXPECT_THAT(BindTo(two, NameOf(one)), FailsWith(EADDRINUSE));
  });
}

// ---- SO_BINDTODEVICE ----

TEST(BindToDevice, LoopbackByName) {
  const ScopedFd fd = TcpSocket();
  char name[IFNAMSIZ] = {};
  socklen_t length = sizeof name;
  EXPECT_THAT(Call(SYS_getsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length), SucceedsWith(0));
  EXPECT_EQ(length, 0u);
  EXPECT_THAT(Call(SYS_setsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2), SucceedsWith(0));
  length = sizeof name;
  EXPECT_THAT(Call(SYS_getsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length), SucceedsWith(0));
  EXPECT_EQ(length, 3u);
  EXPECT_STREQ(name, "lo");
  const Listener listener;
  EXPECT_THAT(ConnectTo(fd, listener.address), SucceedsWith(0));
}
TEST(BindToDevice, UnknownName) {
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(Call(SYS_setsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, "nothere0", 8), FailsWith(ENODEV));
}
TEST(BindToDevice, EmptyNameUndoesIt) {
  SKIP_UNLESS_CAPABLE(13 /* CAP_NET_RAW */);
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(Call(SYS_setsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_setsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0), SucceedsWith(0));
  char name[IFNAMSIZ];
  socklen_t length = sizeof name;
  EXPECT_THAT(Call(SYS_getsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length), SucceedsWith(0));
  EXPECT_EQ(length, 0u);
}

}  // namespace tests
