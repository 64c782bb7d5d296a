// netlink(7), rtnetlink(7): dumps of links, addresses and routes, errors, acknowledgements, names. And /proc/net, which shows the same.
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "tests/syscall/socket/inet.h"

namespace tests {

static ScopedFd Netlink(int type = SOCK_RAW) { return ScopedFd(Call(SYS_socket, AF_NETLINK, type | SOCK_CLOEXEC, NETLINK_ROUTE)); }

struct Answer {
  nlmsghdr header;
  std::string body;
  int error() const {
    int value = 0;
    memcpy(&value, body.data(), std::min(body.size(), sizeof value));
    return value;
  }
  // An attribute behind `skip` bytes.
  std::string Attribute(size_t skip, int type) const {
    for (size_t at = NLMSG_ALIGN(skip); at + sizeof(rtattr) <= body.size();) {
      rtattr head;
      memcpy(&head, body.data() + at, sizeof head);
      if (head.rta_len < sizeof head) break;
      if (head.rta_type == type) return body.substr(at + sizeof head, head.rta_len - sizeof head);
      at += RTA_ALIGN(head.rta_len);
    }
    return "";
  }
};
// Sends a request with this body and collects answers to the end of a dump, or one datagram's.
template <class T>
static std::vector<Answer> Ask(const ScopedFd& fd, int type, int flags, const T& body, const std::string& attributes = "") {
  std::string bytes(sizeof(nlmsghdr), '\0');
  nlmsghdr header = {};
  bytes.append(reinterpret_cast<const char*>(&body), sizeof body);
  bytes += attributes;
  header.nlmsg_len = static_cast<uint32_t>(bytes.size());
  header.nlmsg_type = static_cast<uint16_t>(type);
  header.nlmsg_flags = static_cast<uint16_t>(flags);
  header.nlmsg_seq = 42;
  memcpy(bytes.data(), &header, sizeof header);
  EXPECT_THAT(SendBytes(fd, bytes), SucceedsWith(static_cast<long>(bytes.size())));
  std::vector<Answer> answers;
  for (;;) {
    const std::string datagram = ReceiveBytes(fd, 65536, MSG_DONTWAIT);
    if (datagram.empty()) return answers;
    bool more = false;
    for (size_t at = 0; at + sizeof(nlmsghdr) <= datagram.size();) {
      Answer answer;
      memcpy(&answer.header, datagram.data() + at, sizeof(nlmsghdr));
      if (answer.header.nlmsg_len < sizeof(nlmsghdr)) break;
      answer.body = datagram.substr(at + sizeof(nlmsghdr), answer.header.nlmsg_len - sizeof(nlmsghdr));
      EXPECT_EQ(answer.header.nlmsg_seq, 42u);
      more = (answer.header.nlmsg_flags & NLM_F_MULTI) != 0 && answer.header.nlmsg_type != NLMSG_DONE;
      answers.push_back(answer);
      at += NLMSG_ALIGN(answer.header.nlmsg_len);
    }
    if (!more) return answers;
  }
}

TEST(Netlink, TypesAndProtocols) {
  EXPECT_TRUE(Netlink(SOCK_RAW).valid());
  EXPECT_TRUE(Netlink(SOCK_DGRAM).valid());
  EXPECT_THAT(Call(SYS_socket, AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE), FailsWith(ESOCKTNOSUPPORT));
  EXPECT_THAT(Call(SYS_socket, AF_NETLINK, SOCK_RAW, 32), FailsWith(EPROTONOSUPPORT));
  EXPECT_THAT(Call(SYS_socket, AF_NETLINK, SOCK_RAW, -1), FailsWith(EPROTONOSUPPORT));
}
TEST(Netlink, BindGivesAPort) {
  const ScopedFd one = Netlink(), two = Netlink();
  sockaddr_nl name = {};
  name.nl_family = AF_NETLINK;
  EXPECT_THAT(Call(SYS_bind, one, &name, sizeof name), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_bind, two, &name, sizeof name), SucceedsWith(0));
  sockaddr_nl first = {}, second = {};
  socklen_t length = sizeof first;
  EXPECT_THAT(Call(SYS_getsockname, one, &first, &length), SucceedsWith(0));
  EXPECT_EQ(length, sizeof first);
  EXPECT_EQ(first.nl_family, AF_NETLINK);
  EXPECT_NE(first.nl_pid, 0u);
  EXPECT_THAT(Call(SYS_getsockname, two, &second, &length), SucceedsWith(0));
  EXPECT_NE(first.nl_pid, second.nl_pid);
}
TEST(Netlink, BindErrors) {
  const ScopedFd one = Netlink(), two = Netlink();
  sockaddr_nl name = {};
  name.nl_family = AF_NETLINK;
  EXPECT_THAT(Call(SYS_bind, one, &name, 4), FailsWith(EINVAL));
  name.nl_pid = 0x7a000001;
  EXPECT_THAT(Call(SYS_bind, one, &name, sizeof name), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_bind, two, &name, sizeof name), FailsWith(EADDRINUSE));
  name.nl_pid = 0x7a000002;
  EXPECT_THAT(Call(SYS_bind, one, &name, sizeof name), FailsWith(EINVAL));
  name.nl_family = AF_INET;
  EXPECT_THAT(Call(SYS_bind, two, &name, sizeof name), FailsWith(EINVAL));
}
TEST(Netlink, OtherCalls) {
  const ScopedFd fd = Netlink();
  EXPECT_THAT(Call(SYS_listen, fd, 1), FailsWith(EOPNOTSUPP));
  EXPECT_THAT(Call(SYS_accept, fd, nullptr, nullptr), FailsWith(EOPNOTSUPP));
  EXPECT_THAT(Call(SYS_shutdown, fd, SHUT_RD), FailsWith(EOPNOTSUPP));
  EXPECT_THAT(ReceiveResult(fd), FailsWith(EAGAIN));
  EXPECT_EQ(PollNow(fd), POLLOUT);
  sockaddr_nl peer = {};
  socklen_t length = sizeof peer;
  EXPECT_THAT(Call(SYS_getpeername, fd, &peer, &length), SucceedsWith(0));
  EXPECT_EQ(peer.nl_pid, 0u);
}
TEST(Netlink, LinkDumpHasLo) {
  const ScopedFd fd = Netlink();
  const auto answers = Ask(fd, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, ifinfomsg{});
  ASSERT_GE(answers.size(), 2u);
  EXPECT_EQ(answers.back().header.nlmsg_type, NLMSG_DONE);
  EXPECT_EQ(answers.back().error(), 0);
  const Answer& lo = answers[0];
  EXPECT_EQ(lo.header.nlmsg_type, RTM_NEWLINK);
  EXPECT_EQ(lo.header.nlmsg_flags, NLM_F_MULTI);
  ifinfomsg info;
  memcpy(&info, lo.body.data(), sizeof info);
  EXPECT_EQ(info.ifi_index, 1);
  EXPECT_EQ(info.ifi_type, 772);
  EXPECT_EQ(info.ifi_flags & (IFF_UP | IFF_LOOPBACK), static_cast<unsigned>(IFF_UP | IFF_LOOPBACK));
  EXPECT_EQ(lo.Attribute(sizeof info, IFLA_IFNAME), std::string("lo\0", 3));
  EXPECT_EQ(lo.Attribute(sizeof info, IFLA_ADDRESS), std::string(6, '\0'));
  unsigned mtu = 0;
  memcpy(&mtu, lo.Attribute(sizeof info, IFLA_MTU).data(), sizeof mtu);
  EXPECT_EQ(mtu, 65536u);
}
TEST(Netlink, LinkByIndexAndByName) {
  const ScopedFd fd = Netlink();
  ifinfomsg info = {};
  info.ifi_index = 1;
  auto answers = Ask(fd, RTM_GETLINK, NLM_F_REQUEST, info);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].header.nlmsg_type, RTM_NEWLINK);
  EXPECT_EQ(answers[0].header.nlmsg_flags, 0);
  info.ifi_index = 0;
  const std::string name("\x07\0\x03\0lo\0\0", 8);
  answers = Ask(fd, RTM_GETLINK, NLM_F_REQUEST, info, name);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].header.nlmsg_type, RTM_NEWLINK);
}
TEST(Netlink, UnknownLinkIsAnError) {
  const ScopedFd fd = Netlink();
  ifinfomsg info = {};
  info.ifi_index = 9999;
  const auto answers = Ask(fd, RTM_GETLINK, NLM_F_REQUEST, info);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].header.nlmsg_type, NLMSG_ERROR);
  EXPECT_EQ(answers[0].error(), -ENODEV);
  // The request comes back with it.
  EXPECT_EQ(answers[0].body.size(), sizeof(int) + sizeof(nlmsghdr) + sizeof info);
}
TEST(Netlink, ShortErrorsOnRequest) {
  const ScopedFd fd = Netlink();
  if (SetOption(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1) != 0) GTEST_SKIP() << "no NETLINK_CAP_ACK";
  EXPECT_THAT(GetOption(fd, SOL_NETLINK, NETLINK_CAP_ACK), SucceedsWith(1));
  ifinfomsg info = {};
  info.ifi_index = 9999;
  const auto answers = Ask(fd, RTM_GETLINK, NLM_F_REQUEST, info);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].body.size(), sizeof(int) + sizeof(nlmsghdr));
}
TEST(Netlink, AddressDump) {
  const ScopedFd fd = Netlink();
  ifaddrmsg request = {};
  request.ifa_family = AF_INET;
  const auto answers = Ask(fd, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, request);
  ASSERT_GE(answers.size(), 2u);
  const Answer& lo = answers[0];
  EXPECT_EQ(lo.header.nlmsg_type, RTM_NEWADDR);
  ifaddrmsg info;
  memcpy(&info, lo.body.data(), sizeof info);
  EXPECT_EQ(info.ifa_family, AF_INET);
  EXPECT_EQ(info.ifa_prefixlen, 8);
  EXPECT_EQ(info.ifa_index, 1u);
  EXPECT_EQ(info.ifa_scope, RT_SCOPE_HOST);
  EXPECT_EQ(lo.Attribute(sizeof info, IFA_LOCAL), std::string("\x7f\0\0\x01", 4));
  EXPECT_EQ(lo.Attribute(sizeof info, IFA_LABEL), std::string("lo\0", 3));
  EXPECT_EQ(answers.back().header.nlmsg_type, NLMSG_DONE);
}
TEST(Netlink, Ipv6AddressDump) {
  SKIP_WITHOUT_IPV6();
  const ScopedFd fd = Netlink();
  ifaddrmsg request = {};
  request.ifa_family = AF_INET6;
  const auto answers = Ask(fd, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, request);
  ASSERT_GE(answers.size(), 2u);
  ifaddrmsg info;
  memcpy(&info, answers[0].body.data(), sizeof info);
  EXPECT_EQ(info.ifa_prefixlen, 128);
  EXPECT_EQ(answers[0].Attribute(sizeof info, IFA_ADDRESS), std::string(15, '\0') + '\x01');
}
TEST(Netlink, RouteDumpHasTheLoopbackNetwork) {
  const ScopedFd fd = Netlink();
  rtmsg request = {};
  request.rtm_family = AF_INET;
  const auto answers = Ask(fd, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, request);
  ASSERT_GE(answers.size(), 2u);
  bool found = false;
  for (const Answer& answer : answers) {
    if (answer.header.nlmsg_type != RTM_NEWROUTE) continue;
    rtmsg route;
    memcpy(&route, answer.body.data(), sizeof route);
    if (route.rtm_dst_len != 8 || answer.Attribute(sizeof route, RTA_DST) != std::string("\x7f\0\0\0", 4)) continue;
    found = true;
    EXPECT_EQ(route.rtm_table, RT_TABLE_LOCAL);
    EXPECT_EQ(route.rtm_type, RTN_LOCAL);
    EXPECT_EQ(answer.Attribute(sizeof route, RTA_OIF), std::string("\x01\0\0\0", 4));
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(answers.back().header.nlmsg_type, NLMSG_DONE);
}
TEST(Netlink, RouteToAnAddress) {
  const ScopedFd fd = Netlink();
  rtmsg request = {};
  request.rtm_family = AF_INET;
  request.rtm_dst_len = 32;
  const auto answers = Ask(fd, RTM_GETROUTE, NLM_F_REQUEST, request, std::string("\x08\0\x01\0\x7f\0\0\x05", 8));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].header.nlmsg_type, RTM_NEWROUTE);
  rtmsg route;
  memcpy(&route, answers[0].body.data(), sizeof route);
  EXPECT_EQ(route.rtm_type, RTN_LOCAL);
  EXPECT_EQ(answers[0].Attribute(sizeof route, RTA_OIF), std::string("\x01\0\0\0", 4));
}
TEST(Netlink, RouteToNowhere) {
  WithOnlyLoopback([] {
    const ScopedFd fd = Netlink();
    rtmsg request = {};
    request.rtm_family = AF_INET;
    request.rtm_dst_len = 32;
    const auto answers = Ask(fd, RTM_GETROUTE, NLM_F_REQUEST, request, std::string("\x08\0\x01\0\x0a\0\0\x01", 8));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].header.nlmsg_type, NLMSG_ERROR);
    EXPECT_EQ(answers[0].error(), -ENETUNREACH);
  });
}
TEST(Netlink, NeighbourDumpOfLoIsEmpty) {
  WithOnlyLoopback([] {
    const ScopedFd fd = Netlink();
    const auto answers = Ask(fd, RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, ndmsg{});
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].header.nlmsg_type, NLMSG_DONE);
  });
}
TEST(Netlink, UnknownTypes) {
  const ScopedFd fd = Netlink();
  const auto answers = Ask(fd, 999, NLM_F_REQUEST, ifinfomsg{});
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].error(), -EOPNOTSUPP);
}
TEST(Netlink, WithoutTheRequestFlagNothingIsAnswered) {
  const ScopedFd fd = Netlink();
  EXPECT_TRUE(Ask(fd, RTM_GETLINK, 0, ifinfomsg{}).empty());
}
TEST(Netlink, AcknowledgementOfANoop) {
  const ScopedFd fd = Netlink();
  const auto answers = Ask(fd, NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK, 0);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].header.nlmsg_type, NLMSG_ERROR);
  EXPECT_EQ(answers[0].header.nlmsg_flags, NLM_F_CAPPED);
  EXPECT_EQ(answers[0].error(), 0);
  EXPECT_EQ(answers[0].body.size(), sizeof(int) + sizeof(nlmsghdr));
}
TEST(Netlink, ChangesNeedACapability) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    DropToNobody();
    const ScopedFd fd = Netlink();
    ifinfomsg info = {};
    info.ifi_index = 1;
    const auto answers = Ask(fd, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, info);
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].error(), -EPERM);
  });
}
TEST(Netlink, AnswersComeFromTheKernel) {
  const ScopedFd fd = Netlink();
  nlmsghdr request[2] = {};
  request[0].nlmsg_len = 20;
  request[0].nlmsg_type = RTM_GETADDR;
  request[0].nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  EXPECT_THAT(Call(SYS_sendto, fd, request, 20, 0, nullptr, 0), SucceedsWith(20));
  EXPECT_EQ(PollNow(fd), POLLIN | POLLOUT);
  char bytes[8];
  sockaddr_nl from = {};
  from.nl_pid = 7;
  socklen_t length = sizeof from;
  EXPECT_GT(Call(SYS_recvfrom, fd, bytes, sizeof bytes, MSG_PEEK | MSG_TRUNC, &from, &length), 8);
  EXPECT_EQ(length, sizeof from);
  EXPECT_EQ(from.nl_family, AF_NETLINK);
  EXPECT_EQ(from.nl_pid, 0u);
}
TEST(Netlink, OptionsAndMemberships) {
  const ScopedFd fd = Netlink();
  EXPECT_THAT(SetOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_LINK), SucceedsWith(0));
  EXPECT_THAT(SetOption(fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, RTNLGRP_LINK), SucceedsWith(0));
  EXPECT_THAT(SetOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 0), FailsWith(EINVAL));
  EXPECT_THAT(SetOption(fd, SOL_NETLINK, 9999, 1), FailsWith(ENOPROTOOPT));
  EXPECT_THAT(GetOption(fd, SOL_NETLINK, 9999), FailsWith(ENOPROTOOPT));
  EXPECT_THAT(SetOption(fd, SOL_NETLINK, NETLINK_PKTINFO, 1), SucceedsWith(0));
  EXPECT_THAT(GetOption(fd, SOL_NETLINK, NETLINK_PKTINFO), SucceedsWith(1));
}
TEST(Netlink, GetifaddrsFindsLo) {
  ifaddrs* all = nullptr;
  ASSERT_EQ(getifaddrs(&all), 0);
  int links = 0, addresses = 0;
  for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
    if (strcmp(each->ifa_name, "lo") != 0 || each->ifa_addr == nullptr) continue;
    links += each->ifa_addr->sa_family == AF_PACKET;
    if (each->ifa_addr->sa_family != AF_INET) continue;
    addresses += reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
  }
  freeifaddrs(all);
  EXPECT_EQ(links, 1);
  EXPECT_EQ(addresses, 1);
}

// ---- /proc/net ----

static bool HasLine(const std::string& path, const std::string& text) { return ReadFile(path).find(text) != std::string::npos; }
static std::string Hex(int port) {
  char text[8];
  snprintf(text, sizeof text, ":%04X", port);
  return text;
}

TEST(ProcNet, TcpShowsListenersAndConnections) {
  const TcpPair pair;
  const std::string port = Hex(pair.listener.address.port()), client = Hex(NameOf(pair.client).port());
  EXPECT_TRUE(HasLine("/proc/net/tcp", "0100007F" + port + " 00000000:0000 0A"));
  EXPECT_TRUE(HasLine("/proc/net/tcp", "0100007F" + client + " 0100007F" + port + " 01"));
  EXPECT_TRUE(HasLine("/proc/net/tcp", "0100007F" + port + " 0100007F" + client + " 01"));
}
TEST(ProcNet, TcpShowsTheInodeOfTheSocket) {
  const Listener listener;
  char link[64] = {};
  ASSERT_GT(readlink(("/proc/self/fd/" + std::to_string(listener.fd.get())).c_str(), link, sizeof link - 1), 0);
  const std::string text(link);
  ASSERT_EQ(text.compare(0, 8, "socket:["), 0);
  const std::string inode = text.substr(8, text.size() - 9);
  EXPECT_TRUE(HasLine("/proc/net/tcp", " 0 " + inode + " "));
}
TEST(ProcNet, UdpShowsBoundSockets) {
  const UdpEnd end;
  EXPECT_TRUE(HasLine("/proc/net/udp", "0100007F" + Hex(end.address.port()) + " 00000000:0000 07"));
}
TEST(ProcNet, Ipv6Tables) {
  SKIP_WITHOUT_IPV6();
  const Listener listener("::1");
  EXPECT_TRUE(HasLine("/proc/net/tcp6", "00000000000000000000000001000000" + Hex(listener.address.port())));
  EXPECT_TRUE(HasLine("/proc/net/if_inet6", "00000000000000000000000000000001 01 80 10 80       lo"));
}
TEST(ProcNet, DevCountsTraffic) {
  const auto bytes = [] {
    const std::string table = ReadFile("/proc/net/dev");
    unsigned long count = 0;
    const size_t at = table.find("lo:");
    if (at != std::string::npos) sscanf(table.c_str() + at, "lo: %lu", &count);
    return count;
  };
  const unsigned long before = bytes();
  const UdpEnd one, two;
  EXPECT_THAT(SendBytesTo(one.fd, two.address, std::string(1000, 'x')), SucceedsWith(1000));
  EXPECT_GE(bytes(), before + 1000);
}
TEST(ProcNet, UnixShowsNames) {
  const ScopedFd fd(Call(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
  const std::string name = "ringwall-proc-" + std::to_string(getpid());
  std::string address(3, '\0');
  address[0] = AF_UNIX;
  address += name;
  EXPECT_THAT(Call(SYS_bind, fd, address.data(), address.size()), SucceedsWith(0));
  EXPECT_TRUE(HasLine("/proc/net/unix", " @" + name + "\n"));
  EXPECT_THAT(Call(SYS_listen, fd, 1), SucceedsWith(0));
  EXPECT_TRUE(HasLine("/proc/net/unix", ": 00000002 00000000 00010000 0001 01 "));
}
TEST(ProcNet, RouteAndSockstatHaveTheirHeadings) {
  EXPECT_TRUE(HasLine("/proc/net/route", "Iface\tDestination\tGateway"));
  EXPECT_TRUE(HasLine("/proc/net/sockstat", "TCP: inuse "));
}

}  // namespace tests
