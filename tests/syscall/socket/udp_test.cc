// udp(7), ip(7): datagrams, connect(2), errors of ICMP, control messages, broadcast and multicast on the loopback interface.
#include <netinet/udp.h>
#include <time.h>

#include "tests/syscall/socket/inet.h"

#include <linux/errqueue.h>
#include <linux/sockios.h>

namespace tests {

// One datagram with its name and control messages.
struct Received {
  long result = 0;
  std::string bytes;
  InetAddress from;
  int flags = 0;
  alignas(cmsghdr) char control[512] = {};
  size_t control_length = 0;
  // The data of the control message, or null.
  const void* Find(int level, int type) {
    msghdr message = {};
    message.msg_control = control;
    message.msg_controllen = control_length;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level == level && header->cmsg_type == type) return CMSG_DATA(header);
    }
    return nullptr;
  }
  int Number(int level, int type) {
    const void* data = Find(level, type);
    int value = -1;
    if (data != nullptr) memcpy(&value, data, sizeof value);
    return value;
  }
};
static Received ReceiveMessage(const ScopedFd& fd, int flags = MSG_DONTWAIT, size_t room = 1000, size_t control_room = 512) {
  Received received;
  received.bytes.resize(room);
  iovec part{received.bytes.data(), room};
  msghdr message = {};
  message.msg_name = &received.from.storage;
  message.msg_namelen = sizeof received.from.storage;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = received.control;
  message.msg_controllen = control_room;
  received.result = Call(SYS_recvmsg, fd, &message, flags);
  received.bytes.resize(received.result < 0 ? 0 : std::min<size_t>(static_cast<size_t>(received.result), room));
  received.from.length = message.msg_namelen;
  received.flags = message.msg_flags;
  received.control_length = message.msg_controllen;
  return received;
}
template <class T>
static long SendWithControl(const ScopedFd& fd, const InetAddress& to, const std::string& bytes, int level, int type, const T& value) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(T))] = {};
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message = {};
  message.msg_name = const_cast<sockaddr_storage*>(to.get());
  message.msg_namelen = to.length;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof(T));
  memcpy(CMSG_DATA(header), &value, sizeof value);
  return Call(SYS_sendmsg, fd, &message, 0);
}

TEST(Udp, DatagramsKeepTheirBorders) {
  const UdpEnd one, two;
  EXPECT_THAT(SendBytesTo(one.fd, two.address, "first"), SucceedsWith(5));
  EXPECT_THAT(SendBytesTo(one.fd, two.address, ""), SucceedsWith(0));
  EXPECT_THAT(SendBytesTo(one.fd, two.address, "third"), SucceedsWith(5));
  EXPECT_EQ(ReceiveBytes(two.fd), "first");
  EXPECT_THAT(ReceiveResult(two.fd), SucceedsWith(0));
  EXPECT_EQ(ReceiveBytes(two.fd), "third");
  EXPECT_THAT(ReceiveResult(two.fd), FailsWith(EAGAIN));
}
TEST(Udp, SenderIsTold) {
  const UdpEnd one, two;
  EXPECT_THAT(SendBytesTo(one.fd, two.address, "x"), SucceedsWith(1));
  const Received got = ReceiveMessage(two.fd);
  EXPECT_EQ(got.result, 1);
  EXPECT_EQ(got.from.port(), one.address.port());
  EXPECT_EQ(got.from.ip(), kLo);
  EXPECT_EQ(got.from.length, sizeof(sockaddr_in));
  EXPECT_EQ(got.flags, 0);
}
TEST(Udp, SendBindsAnEphemeralPort) {
  const UdpEnd to;
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(SendBytesTo(fd, to.address, "x"), SucceedsWith(1));
  EXPECT_NE(NameOf(fd).port(), 0);
  EXPECT_EQ(NameOf(fd).ip(), "0.0.0.0");
  EXPECT_EQ(ReceiveMessage(to.fd).from.port(), NameOf(fd).port());
}
TEST(Udp, LongDatagramIsCut) {
  const UdpEnd one, two;
  EXPECT_THAT(SendBytesTo(one.fd, two.address, "0123456789"), SucceedsWith(10));
  const Received got = ReceiveMessage(two.fd, 0, 4);
  EXPECT_EQ(got.result, 4);
  EXPECT_EQ(got.bytes, "0123");
  EXPECT_EQ(got.flags, MSG_TRUNC);
  EXPECT_THAT(ReceiveResult(two.fd), FailsWith(EAGAIN));
}
TEST(Udp, TruncFlagTellsTheRealLength) {
  const UdpEnd one, two;
  EXPECT_THAT(SendBytesTo(one.fd, two.address, "0123456789"), SucceedsWith(10));
  EXPECT_THAT(ReceiveResult(two.fd, 4, MSG_PEEK | MSG_TRUNC), SucceedsWith(10));
  EXPECT_THAT(ReceiveResult(two.fd, 4, MSG_TRUNC), SucceedsWith(10));
}
TEST(Udp, PeekLeavesTheDatagram) {
  const UdpEnd one, two;
  EXPECT_THAT(SendBytesTo(one.fd, two.address, "peeked"), SucceedsWith(6));
  EXPECT_EQ(ReceiveBytes(two.fd, 100, MSG_PEEK), "peeked");
  EXPECT_EQ(ReceiveBytes(two.fd), "peeked");
}
TEST(Udp, LargestDatagram) {
  const UdpEnd one, two;
  EXPECT_THAT(SendBytesTo(one.fd, two.address, std::string(65507, 'x')), SucceedsWith(65507));
  EXPECT_THAT(SendBytesTo(one.fd, two.address, std::string(65508, 'x')), FailsWith(EMSGSIZE));
  EXPECT_THAT(SendBytesTo(one.fd, two.address, std::string(70000, 'x')), FailsWith(EMSGSIZE));
  EXPECT_EQ(ReceiveBytes(two.fd, 70000).size(), 65507u);
}
TEST(Udp, BadDestinations) {
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(SendBytes(fd, "x"), FailsWith(EDESTADDRREQ));
  EXPECT_THAT(SendBytesTo(fd, InetAddress(kLo, 0), "x"), FailsWith(EINVAL));
  InetAddress to(kLo, 9);
  EXPECT_THAT(Call(SYS_sendto, fd, "x", 1, 0, to.get(), 8), FailsWith(EINVAL));
  to.storage.ss_family = AF_UNIX;
  EXPECT_THAT(SendBytesTo(fd, to, "x"), FailsWith(EAFNOSUPPORT));
  EXPECT_THAT(SendBytesTo(fd, InetAddress(kLo, 9), "x", MSG_OOB), FailsWith(EOPNOTSUPP));
}
TEST(Udp, UnreachableNetworks) {
  WithOnlyLoopback([] {
    const ScopedFd fd = UdpSocket();
    for (const char* ip : {"10.0.0.1", "255.255.255.255", "224.0.0.1"}) {
      EXPECT_THAT(SendBytesTo(fd, InetAddress(ip, 9), "x"), FailsWith(ENETUNREACH)) << ip;
      EXPECT_THAT(ConnectTo(fd, InetAddress(ip, 9)), FailsWith(ENETUNREACH)) << ip;
    }
  });
}
TEST(Udp, ListenAndAcceptAreNotForIt) {
  const UdpEnd end;
  EXPECT_THAT(Call(SYS_listen, end.fd, 1), FailsWith(EOPNOTSUPP));
  EXPECT_THAT(Call(SYS_accept, end.fd, nullptr, nullptr), FailsWith(EOPNOTSUPP));
}
TEST(Udp, BlockedReceiveWakes) {
  const UdpEnd one, two;
  ScopedThread reader([&] { EXPECT_EQ(ReceiveBytes(two.fd), "wake"); });
  WaitUntilAsleep(reader.tid());
  EXPECT_THAT(SendBytesTo(one.fd, two.address, "wake"), SucceedsWith(4));
}
TEST(Udp, ReceiveTimeout) {
  const UdpEnd end;
  const timeval timeout{0, 30'000};
  EXPECT_THAT(Call(SYS_setsockopt, end.fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), SucceedsWith(0));
  EXPECT_THAT(ReceiveResult(end.fd, 10, 0), FailsWith(EAGAIN));
}
TEST(Udp, FullReceiverLosesWhatComes) {
  const UdpEnd one, two;
  EXPECT_THAT(SetOption(two.fd, SOL_SOCKET, SO_RCVBUF, 1), SucceedsWith(0));
  for (int i = 0; i < 100; ++i) EXPECT_THAT(SendBytesTo(one.fd, two.address, std::string(500, 'x')), SucceedsWith(500));
  int count = 0;
  while (ReceiveResult(two.fd) > 0) ++count;
  EXPECT_GE(count, 1);
  EXPECT_LT(count, 10);
}
TEST(Udp, QueueSizes) {
  const UdpEnd one, two;
  int value = -1;
  EXPECT_THAT(Call(SYS_ioctl, two.fd, SIOCINQ, &value), SucceedsWith(0));
  EXPECT_EQ(value, 0);
  EXPECT_THAT(SendBytesTo(one.fd, two.address, "12345"), SucceedsWith(5));
  EXPECT_THAT(SendBytesTo(one.fd, two.address, "123"), SucceedsWith(3));
  EXPECT_THAT(Call(SYS_ioctl, two.fd, SIOCINQ, &value), SucceedsWith(0));
  EXPECT_EQ(value, 5);
  EXPECT_THAT(Call(SYS_ioctl, one.fd, SIOCOUTQ, &value), SucceedsWith(0));
  EXPECT_EQ(value, 0);
}
TEST(Udp, MmsgCalls) {
  const UdpEnd one, two;
  EXPECT_THAT(ConnectTo(one.fd, two.address), SucceedsWith(0));
  char out[3][4] = {"aa", "bbb", "c"}, in[4][8];
  iovec parts[4];
  mmsghdr messages[4] = {};
  for (int i = 0; i < 3; ++i) {
    parts[i] = {out[i], strlen(out[i])};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  EXPECT_THAT(Call(SYS_sendmmsg, one.fd, messages, 3, 0), SucceedsWith(3));
  for (int i = 0; i < 4; ++i) {
    parts[i] = {in[i], 8};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  EXPECT_THAT(Call(SYS_recvmmsg, two.fd, messages, 4, MSG_WAITFORONE, nullptr), SucceedsWith(3));
  EXPECT_EQ(messages[0].msg_len, 2u);
  EXPECT_EQ(messages[1].msg_len, 3u);
  EXPECT_EQ(messages[2].msg_len, 1u);
}

// ---- connect(2) ----

TEST(UdpConnect, SendsWithoutAnAddress) {
  const UdpEnd to;
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(ConnectTo(fd, to.address), SucceedsWith(0));
  EXPECT_EQ(NameOf(fd).ip(), kLo);
  EXPECT_NE(NameOf(fd).port(), 0);
  EXPECT_EQ(PeerOf(fd).port(), to.address.port());
  EXPECT_THAT(Call(SYS_write, fd, "x", 1), SucceedsWith(1));
  EXPECT_EQ(ReceiveBytes(to.fd), "x");
}
TEST(UdpConnect, TakesOnlyItsPeersDatagrams) {
  const UdpEnd one, two, other;
  EXPECT_THAT(ConnectTo(one.fd, two.address), SucceedsWith(0));
  EXPECT_THAT(SendBytesTo(other.fd, one.address, "other"), SucceedsWith(5));
  EXPECT_THAT(SendBytesTo(two.fd, one.address, "peer"), SucceedsWith(4));
  EXPECT_EQ(ReceiveBytes(one.fd), "peer");
  EXPECT_THAT(ReceiveResult(one.fd), FailsWith(EAGAIN));
}
TEST(UdpConnect, AnotherDestinationForOneDatagram) {
  const UdpEnd one, two, other;
  EXPECT_THAT(ConnectTo(one.fd, two.address), SucceedsWith(0));
  EXPECT_THAT(SendBytesTo(one.fd, other.address, "x"), SucceedsWith(1));
  EXPECT_EQ(ReceiveBytes(other.fd), "x");
}
TEST(UdpConnect, AgainChangesThePeer) {
  const UdpEnd one, two, other;
  EXPECT_THAT(ConnectTo(one.fd, two.address), SucceedsWith(0));
  EXPECT_THAT(ConnectTo(one.fd, other.address), SucceedsWith(0));
  EXPECT_EQ(PeerOf(one.fd).port(), other.address.port());
}
TEST(UdpConnect, UnspecDissolvesIt) {
  const UdpEnd one;
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(ConnectTo(fd, one.address), SucceedsWith(0));
  sockaddr unspec = {};
  EXPECT_THAT(Call(SYS_connect, fd, &unspec, sizeof unspec), SucceedsWith(0));
  EXPECT_EQ(PeerOf(fd).length, 0u);
  EXPECT_EQ(NameOf(fd).port(), 0);
  EXPECT_EQ(NameOf(fd).ip(), "0.0.0.0");
  EXPECT_THAT(SendBytes(fd, "x"), FailsWith(EDESTADDRREQ));
}
TEST(UdpConnect, UnspecKeepsABoundAddress) {
  const UdpEnd peer;
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(BindTo(fd, InetAddress("127.0.0.3", FreePort(SOCK_DGRAM))), SucceedsWith(0));
  const InetAddress name = NameOf(fd);
  EXPECT_THAT(ConnectTo(fd, peer.address), SucceedsWith(0));
  sockaddr unspec = {};
  EXPECT_THAT(Call(SYS_connect, fd, &unspec, sizeof unspec), SucceedsWith(0));
  EXPECT_EQ(NameOf(fd).ip(), "127.0.0.3");
  EXPECT_EQ(NameOf(fd).port(), name.port());
}
TEST(UdpConnect, RefusalComesWithTheNextCall) {
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(ConnectTo(fd, InetAddress(kLo, FreePort(SOCK_DGRAM))), SucceedsWith(0));
  EXPECT_THAT(SendBytes(fd, "x"), SucceedsWith(1));
  EXPECT_EQ(PollFor(fd, POLLERR) & POLLERR, POLLERR);
  EXPECT_THAT(SendBytes(fd, "x"), FailsWith(ECONNREFUSED));
  EXPECT_THAT(SendBytes(fd, "x"), SucceedsWith(1));
  PollFor(fd, POLLERR);
  EXPECT_THAT(ReceiveResult(fd), FailsWith(ECONNREFUSED));
  EXPECT_THAT(ReceiveResult(fd), FailsWith(EAGAIN));
}
TEST(UdpConnect, RefusalBySoError) {
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(ConnectTo(fd, InetAddress(kLo, FreePort(SOCK_DGRAM))), SucceedsWith(0));
  EXPECT_THAT(SendBytes(fd, "x"), SucceedsWith(1));
  PollFor(fd, POLLERR);
  EXPECT_THAT(PendingError(fd), SucceedsWith(ECONNREFUSED));
  EXPECT_THAT(PendingError(fd), SucceedsWith(0));
  EXPECT_EQ(PollNow(fd), POLLOUT);
}
TEST(UdpConnect, RefusalWakesABlockedReceive) {
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(ConnectTo(fd, InetAddress(kLo, FreePort(SOCK_DGRAM))), SucceedsWith(0));
  ScopedThread reader([&] { EXPECT_THAT(ReceiveResult(fd, 10, 0), FailsWith(ECONNREFUSED)); });
  WaitUntilAsleep(reader.tid());
  EXPECT_THAT(SendBytes(fd, "x"), SucceedsWith(1));
}
TEST(UdpConnect, UnconnectedSocketsHearNothingOfIt) {
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(SendBytesTo(fd, InetAddress(kLo, FreePort(SOCK_DGRAM)), "x"), SucceedsWith(1));
  SleepMs(5);
  EXPECT_EQ(PollNow(fd), POLLOUT);
  EXPECT_THAT(ReceiveResult(fd), FailsWith(EAGAIN));
}
TEST(UdpConnect, ToABroadcastAddressNeedsPermission) {
  const ScopedFd fd = UdpSocket();
  const InetAddress to("127.255.255.255", 9);
  EXPECT_THAT(ConnectTo(fd, to), FailsWith(EACCES));
  EXPECT_THAT(SendBytesTo(fd, to, "x"), FailsWith(EACCES));
  EXPECT_THAT(SetOption(fd, SOL_SOCKET, SO_BROADCAST, 1), SucceedsWith(0));
  EXPECT_THAT(ConnectTo(fd, to), SucceedsWith(0));
  EXPECT_THAT(SendBytes(fd, "x"), SucceedsWith(1));
}
TEST(UdpShutdown, Connected) {
  const UdpEnd peer;
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(ConnectTo(fd, peer.address), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_shutdown, fd, SHUT_RDWR), SucceedsWith(0));
  EXPECT_EQ(PollNow(fd), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
  EXPECT_THAT(SendBytes(fd, "x"), FailsWith(EPIPE));
  EXPECT_THAT(ReceiveResult(fd), FailsWith(EAGAIN));
}
TEST(UdpShutdown, UnconnectedIsAnErrorAndWorks) {
  const UdpEnd end;
  EXPECT_THAT(Call(SYS_shutdown, end.fd, SHUT_RD), FailsWith(ENOTCONN));
  EXPECT_EQ(PollNow(end.fd), POLLIN | POLLOUT | POLLRDHUP);
  EXPECT_THAT(ReceiveResult(end.fd, 10, 0), SucceedsWith(0));
}
TEST(UdpShutdown, WakesABlockedReceive) {
  const UdpEnd peer;
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(ConnectTo(fd, peer.address), SucceedsWith(0));
  ScopedThread reader([&] { EXPECT_THAT(ReceiveResult(fd, 10, 0), SucceedsWith(0)); });
  WaitUntilAsleep(reader.tid());
  EXPECT_THAT(Call(SYS_shutdown, fd, SHUT_RD), SucceedsWith(0));
}

// ---- control messages ----

TEST(UdpControl, PacketInfo) {
  const UdpEnd sender;
  const UdpEnd end("0.0.0.0");
  EXPECT_THAT(SetOption(end.fd, IPPROTO_IP, IP_PKTINFO, 1), SucceedsWith(0));
  EXPECT_THAT(SendBytesTo(sender.fd, InetAddress("127.0.0.5", end.address.port()), "x"), SucceedsWith(1));
  Received got = ReceiveMessage(end.fd);
  const void* data = got.Find(IPPROTO_IP, IP_PKTINFO);
  ASSERT_NE(data, nullptr);
  in_pktinfo info;
  memcpy(&info, data, sizeof info);
  EXPECT_EQ(info.ipi_ifindex, static_cast<int>(if_nametoindex("lo")));
  EXPECT_EQ(ntohl(info.ipi_addr.s_addr), 0x7f000005u);
  EXPECT_EQ(ntohl(info.ipi_spec_dst.s_addr), 0x7f000005u);
}
TEST(UdpControl, TtlAndTos) {
  const UdpEnd sender, end;
  EXPECT_THAT(SetOption(end.fd, IPPROTO_IP, IP_RECVTTL, 1), SucceedsWith(0));
  EXPECT_THAT(SetOption(end.fd, IPPROTO_IP, IP_RECVTOS, 1), SucceedsWith(0));
  EXPECT_THAT(SetOption(sender.fd, IPPROTO_IP, IP_TTL, 33), SucceedsWith(0));
  EXPECT_THAT(SetOption(sender.fd, IPPROTO_IP, IP_TOS, 0x10), SucceedsWith(0));
  EXPECT_THAT(SendBytesTo(sender.fd, end.address, "x"), SucceedsWith(1));
  Received got = ReceiveMessage(end.fd);
  EXPECT_EQ(got.Number(IPPROTO_IP, IP_TTL), 33);
  const void* tos = got.Find(IPPROTO_IP, IP_TOS);
  ASSERT_NE(tos, nullptr);
  EXPECT_EQ(*static_cast<const unsigned char*>(tos), 0x10);
}
TEST(UdpControl, TtlOfOneDatagram) {
  const UdpEnd sender, end;
  EXPECT_THAT(SetOption(end.fd, IPPROTO_IP, IP_RECVTTL, 1), SucceedsWith(0));
  EXPECT_THAT(SendWithControl(sender.fd, end.address, "x", IPPROTO_IP, IP_TTL, 7), SucceedsWith(1));
  EXPECT_EQ(ReceiveMessage(end.fd).Number(IPPROTO_IP, IP_TTL), 7);
  EXPECT_THAT(SendWithControl(sender.fd, end.address, "x", IPPROTO_IP, IP_TTL, 256), FailsWith(EINVAL));
}
TEST(UdpControl, SourceOfOneDatagram) {
  const UdpEnd end;
  const ScopedFd sender = UdpSocket();
  in_pktinfo info = {};
  info.ipi_spec_dst.s_addr = htonl(0x7f000009);
  EXPECT_THAT(SendWithControl(sender, end.address, "x", IPPROTO_IP, IP_PKTINFO, info), SucceedsWith(1));
  EXPECT_EQ(ReceiveMessage(end.fd).from.ip(), "127.0.0.9");
}
TEST(UdpControl, UnknownMessage) {
  const UdpEnd sender, end;
  EXPECT_THAT(SendWithControl(sender.fd, end.address, "x", IPPROTO_IP, 99, 7), FailsWith(EINVAL));
  EXPECT_THAT(SendWithControl(sender.fd, end.address, "x", SOL_SOCKET, 99, 7), FailsWith(EINVAL));
}
TEST(UdpControl, RightsAreNotForIt) {
  const UdpEnd sender, end;
  EXPECT_THAT(SendWithControl(sender.fd, end.address, "x", SOL_SOCKET, SCM_RIGHTS, 1), SucceedsWith(1));
  EXPECT_EQ(ReceiveMessage(end.fd).control_length, 0u);
}
TEST(UdpControl, NoRoomIsToldByCtrunc) {
  const UdpEnd sender, end;
  EXPECT_THAT(SetOption(end.fd, IPPROTO_IP, IP_PKTINFO, 1), SucceedsWith(0));
  EXPECT_THAT(SendBytesTo(sender.fd, end.address, "x"), SucceedsWith(1));
  EXPECT_EQ(ReceiveMessage(end.fd, MSG_DONTWAIT, 10, 0).flags, MSG_CTRUNC);
}
TEST(UdpControl, TimeStamps) {
  const UdpEnd sender, end;
  EXPECT_THAT(SetOption(end.fd, SOL_SOCKET, SO_TIMESTAMP, 1), SucceedsWith(0));
  EXPECT_THAT(GetOption(end.fd, SOL_SOCKET, SO_TIMESTAMP), SucceedsWith(1));
  const long before = NowNs(CLOCK_REALTIME);
  EXPECT_THAT(SendBytesTo(sender.fd, end.address, "x"), SucceedsWith(1));
  Received got = ReceiveMessage(end.fd);
  const void* data = got.Find(SOL_SOCKET, SO_TIMESTAMP);
  ASSERT_NE(data, nullptr);
  timeval when;
  memcpy(&when, data, sizeof when);
  const long ns = when.tv_sec * 1'000'000'000L + when.tv_usec * 1000;
  EXPECT_GE(ns, before - 1'000'000);
  EXPECT_LE(ns, NowNs(CLOCK_REALTIME));
}
TEST(UdpControl, TimeStampsInNanoseconds) {
  const UdpEnd sender, end;
  EXPECT_THAT(SetOption(end.fd, SOL_SOCKET, SO_TIMESTAMPNS, 1), SucceedsWith(0));
  EXPECT_THAT(GetOption(end.fd, SOL_SOCKET, SO_TIMESTAMP), SucceedsWith(0));
  EXPECT_THAT(SendBytesTo(sender.fd, end.address, "x"), SucceedsWith(1));
  EXPECT_NE(ReceiveMessage(end.fd).Find(SOL_SOCKET, SO_TIMESTAMPNS), nullptr);
}

// ---- IP_RECVERR ----

TEST(UdpErrorQueue, TellsWhoRefusedWhat) {
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(SetOption(fd, IPPROTO_IP, IP_RECVERR, 1), SucceedsWith(0));
  const InetAddress to(kLo, FreePort(SOCK_DGRAM));
  EXPECT_THAT(SendBytesTo(fd, to, "lost"), SucceedsWith(4));
  EXPECT_EQ(PollFor(fd, POLLERR) & POLLERR, POLLERR);
  Received got = ReceiveMessage(fd, MSG_ERRQUEUE);
  EXPECT_EQ(got.bytes, "lost");
  EXPECT_EQ(got.flags, MSG_ERRQUEUE);
  EXPECT_EQ(got.from.port(), to.port());
  const void* data = got.Find(IPPROTO_IP, IP_RECVERR);
  ASSERT_NE(data, nullptr);
  sock_extended_err error;
  memcpy(&error, data, sizeof error);
  EXPECT_EQ(error.ee_errno, static_cast<unsigned>(ECONNREFUSED));
  EXPECT_EQ(error.ee_origin, SO_EE_ORIGIN_ICMP);
  EXPECT_EQ(error.ee_type, 3);
  EXPECT_EQ(error.ee_code, 3);
  sockaddr_in offender;
  memcpy(&offender, static_cast<const char*>(data) + sizeof error, sizeof offender);
  EXPECT_EQ(ntohl(offender.sin_addr.s_addr), INADDR_LOOPBACK);
  EXPECT_THAT(ReceiveMessage(fd, MSG_ERRQUEUE).result, FailsWith(EAGAIN));
}
TEST(UdpErrorQueue, PendingErrorToo) {
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(SetOption(fd, IPPROTO_IP, IP_RECVERR, 1), SucceedsWith(0));
  EXPECT_THAT(SendBytesTo(fd, InetAddress(kLo, FreePort(SOCK_DGRAM)), "x"), SucceedsWith(1));
  PollFor(fd, POLLERR);
  EXPECT_THAT(ReceiveResult(fd), FailsWith(ECONNREFUSED));
  // The queue keeps it.
  EXPECT_EQ(PollNow(fd) & POLLERR, POLLERR);
  EXPECT_THAT(ReceiveMessage(fd, MSG_ERRQUEUE).result, SucceedsWith(1));
  EXPECT_EQ(PollNow(fd), POLLOUT);
}
TEST(UdpErrorQueue, EmptyGivesEagain) {
  const UdpEnd end;
  EXPECT_THAT(ReceiveMessage(end.fd, MSG_ERRQUEUE).result, FailsWith(EAGAIN));
}

// ---- corking, segments ----

TEST(UdpCork, MoreJoinsIntoOneDatagram) {
  const UdpEnd one, two;
  EXPECT_THAT(SendBytesTo(one.fd, two.address, "ab", MSG_MORE), SucceedsWith(2));
  EXPECT_THAT(ReceiveResult(two.fd), FailsWith(EAGAIN));
  EXPECT_THAT(SendBytesTo(one.fd, two.address, "cd"), SucceedsWith(2));
  EXPECT_EQ(ReceiveBytes(two.fd), "abcd");
}
TEST(UdpCork, OptionHoldsUntilItIsSwitchedOff) {
  const UdpEnd one, two;
  EXPECT_THAT(ConnectTo(one.fd, two.address), SucceedsWith(0));
  EXPECT_THAT(SetOption(one.fd, IPPROTO_UDP, UDP_CORK, 1), SucceedsWith(0));
  EXPECT_THAT(SendBytes(one.fd, "ab"), SucceedsWith(2));
  EXPECT_THAT(SendBytes(one.fd, "cd"), SucceedsWith(2));
  EXPECT_THAT(ReceiveResult(two.fd), FailsWith(EAGAIN));
  EXPECT_THAT(SetOption(one.fd, IPPROTO_UDP, UDP_CORK, 0), SucceedsWith(0));
  EXPECT_EQ(ReceiveBytes(two.fd), "abcd");
}
TEST(UdpSegment, OneSendManyDatagrams) {
  const UdpEnd one, two;
  if (SetOption(one.fd, IPPROTO_UDP, 103 /* UDP_SEGMENT */, 4) != 0) GTEST_SKIP() << "no UDP_SEGMENT";
  EXPECT_THAT(SendBytesTo(one.fd, two.address, "0123456789"), SucceedsWith(10));
  EXPECT_EQ(ReceiveBytes(two.fd), "0123");
  EXPECT_EQ(ReceiveBytes(two.fd), "4567");
  EXPECT_EQ(ReceiveBytes(two.fd), "89");
}

// ---- udplite(7) ----

TEST(UdpLite, HasPortsOfItsOwn) {
  const ScopedFd one(Call(SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE)), two(Call(SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE));
  if (!one.valid()) GTEST_SKIP() << "no UDP-Lite";
  const UdpEnd udp;
  EXPECT_THAT(BindTo(one, udp.address), SucceedsWith(0));
  EXPECT_THAT(GetOption(one, SOL_SOCKET, SO_PROTOCOL), SucceedsWith(IPPROTO_UDPLITE));
  EXPECT_THAT(SendBytesTo(two, udp.address, "lite"), SucceedsWith(4));
  EXPECT_EQ(ReceiveBytes(one), "lite");
  EXPECT_THAT(ReceiveResult(udp.fd), FailsWith(EAGAIN));
}
TEST(UdpLite, Coverage) {
  const ScopedFd fd(Call(SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE));
  if (!fd.valid()) GTEST_SKIP() << "no UDP-Lite";
  EXPECT_THAT(SetOption(fd, IPPROTO_UDPLITE, 10 /* UDPLITE_SEND_CSCOV */, 20), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, IPPROTO_UDPLITE, 10), SucceedsWith(20));
  EXPECT_THAT(SetOption(UdpSocket(), IPPROTO_UDP, 10, 20), FailsWith(ENOPROTOOPT));
}

// ---- broadcast and multicast ----

TEST(UdpBroadcast, ReachesAllOnThePort) {
  const ScopedFd one = UdpSocket(), two = UdpSocket();
  EXPECT_THAT(SetOption(one, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(SetOption(two, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(one, InetAddress("0.0.0.0", 0)), SucceedsWith(0));
  EXPECT_THAT(BindTo(two, NameOf(one)), SucceedsWith(0));
  const ScopedFd sender = UdpSocket();
  EXPECT_THAT(SetOption(sender, SOL_SOCKET, SO_BROADCAST, 1), SucceedsWith(0));
  EXPECT_THAT(SendBytesTo(sender, InetAddress("127.255.255.255", NameOf(one).port()), "all"), SucceedsWith(3));
  PollFor(one, POLLIN);
  PollFor(two, POLLIN);
  EXPECT_EQ(ReceiveBytes(one, 10, MSG_DONTWAIT), "all");
  EXPECT_EQ(ReceiveBytes(two, 10, MSG_DONTWAIT), "all");
}

static long Membership(const ScopedFd& fd, int option, const char* group, const char* interface, int index = 0) {
  ip_mreqn request = {};
  inet_pton(AF_INET, group, &request.imr_multiaddr);
  inet_pton(AF_INET, interface, &request.imr_address);
  request.imr_ifindex = index;
  return Call(SYS_setsockopt, fd, IPPROTO_IP, option, &request, sizeof request);
}
static long SendOnLoopback(const ScopedFd& fd) {
  const in_addr address{htonl(INADDR_LOOPBACK)};
  return Call(SYS_setsockopt, fd, IPPROTO_IP, IP_MULTICAST_IF, &address, sizeof address);
}

TEST(UdpMulticast, MembersReceive) {
  const ScopedFd member = UdpSocket(), sender = UdpSocket();
  EXPECT_THAT(BindTo(member, InetAddress("0.0.0.0", 0)), SucceedsWith(0));
  EXPECT_THAT(Membership(member, IP_ADD_MEMBERSHIP, "239.255.77.1", kLo), SucceedsWith(0));
  EXPECT_THAT(SendOnLoopback(sender), SucceedsWith(0));
  EXPECT_THAT(SendBytesTo(sender, InetAddress("239.255.77.1", NameOf(member).port()), "group"), SucceedsWith(5));
  PollFor(member, POLLIN);
  const Received got = ReceiveMessage(member);
  EXPECT_EQ(got.bytes, "group");
  EXPECT_EQ(got.from.ip(), kLo);
}
TEST(UdpMulticast, OnlyAMembersGroupIfAllIsOff) {
  const ScopedFd member = UdpSocket(), bystander = UdpSocket(), sender = UdpSocket();
  for (const ScopedFd* fd : {&member, &bystander}) EXPECT_THAT(SetOption(*fd, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(member, InetAddress("0.0.0.0", 0)), SucceedsWith(0));
  EXPECT_THAT(BindTo(bystander, NameOf(member)), SucceedsWith(0));
  EXPECT_THAT(Membership(member, IP_ADD_MEMBERSHIP, "239.255.77.2", kLo), SucceedsWith(0));
  EXPECT_THAT(SetOption(bystander, IPPROTO_IP, IP_MULTICAST_ALL, 0), SucceedsWith(0));
  EXPECT_THAT(SendOnLoopback(sender), SucceedsWith(0));
  EXPECT_THAT(SendBytesTo(sender, InetAddress("239.255.77.2", NameOf(member).port()), "x"), SucceedsWith(1));
  PollFor(member, POLLIN);
  EXPECT_EQ(ReceiveBytes(member, 10, MSG_DONTWAIT), "x");
  EXPECT_THAT(ReceiveResult(bystander), FailsWith(EAGAIN));
}
TEST(UdpMulticast, MembershipErrors) {
  const ScopedFd fd = UdpSocket();
  EXPECT_THAT(Membership(fd, IP_ADD_MEMBERSHIP, "10.0.0.1", kLo), FailsWith(EINVAL));
  EXPECT_THAT(Membership(fd, IP_ADD_MEMBERSHIP, "239.255.77.3", kLo), SucceedsWith(0));
  EXPECT_THAT(Membership(fd, IP_ADD_MEMBERSHIP, "239.255.77.3", kLo), FailsWith(EADDRINUSE));
  EXPECT_THAT(Membership(fd, IP_DROP_MEMBERSHIP, "239.255.77.3", kLo), SucceedsWith(0));
  EXPECT_THAT(Membership(fd, IP_DROP_MEMBERSHIP, "239.255.77.3", kLo), FailsWith(EADDRNOTAVAIL));
  EXPECT_THAT(Membership(fd, IP_ADD_MEMBERSHIP, "239.255.77.3", "0.0.0.0", 9999), FailsWith(ENODEV));
  EXPECT_THAT(Call(SYS_setsockopt, fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, "x", 1), FailsWith(EINVAL));
}
TEST(UdpMulticast, InterfaceErrors) {
  const ScopedFd fd = UdpSocket();
  const in_addr foreign{htonl(0x0a010203)};
  EXPECT_THAT(Call(SYS_setsockopt, fd, IPPROTO_IP, IP_MULTICAST_IF, &foreign, sizeof foreign), FailsWith(EADDRNOTAVAIL));
  EXPECT_THAT(Call(SYS_setsockopt, fd, IPPROTO_IP, IP_MULTICAST_IF, &foreign, 1), FailsWith(EINVAL));
}

}  // namespace tests
