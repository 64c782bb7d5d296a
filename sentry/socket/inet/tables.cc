// Text of /proc/net/{tcp,udp,tcp6,udp6,dev,route,if_inet6,ipv6_route,sockstat...}.
#include "sentry/socket/inet/tables.h"

#include <vector>

#include "absl/strings/str_format.h"
#include "sentry/socket/inet/tcp_endpoint.h"
#include "sentry/socket/inet/udp_endpoint.h"

namespace ringwall::socket::inet {

namespace {

constexpr std::string_view kTcp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
constexpr std::string_view kUdp =
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops";
constexpr std::string_view kTcp6 =
    "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  "
    "timeout inode";
constexpr std::string_view kUdp6 =
    "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  "
    "timeout inode ref pointer drops";
constexpr std::string_view kRoute = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
constexpr size_t kTcpWidth = 149, kUdpWidth = 127;

// IPv4 tables have lines of one width.
void AddLine(std::string& text, std::string line, int32_t family, size_t width) {
  if (family == abi::kAF_INET && line.size() < width) line.append(width - line.size(), ' ');
  text += line;
  text += '\n';
}

std::string Pair(const Name& name, int32_t family) { return absl::StrFormat("%s:%04X", name.ip.Hex(family), name.port); }

std::string TcpLine(size_t number, const TcpEndpoint::Row& row, int32_t family, uint32_t user, uint64_t inode) {
  return absl::StrFormat("%4d: %s %s %02X %08X:%08X 00:00000000 00000000 %5u        0 %u 1 0000000000000000 20 4 0 10 -1", number,
                         Pair(row.local, family), Pair(row.peer, family), row.state, row.transmit, row.receive, user, inode);
}

std::string TcpText(Network& network, int32_t family) {
  std::string text;
  AddLine(text, std::string(family == abi::kAF_INET ? kTcp : kTcp6), family, kTcpWidth);
  size_t number = 0;
  for (const Ref<PortOwner>& owner : network.tcp().Owners()) {
    const auto& endpoint = static_cast<const TcpEndpoint&>(*owner);
    if (endpoint.family() != family) continue;
    TcpEndpoint::Row row = endpoint.row();
    if (row.state == abi::kTCP_CLOSE) continue;
    if (row.state == abi::kTCP_LISTEN) row.peer.ip = IpAddress::Any(family);
    AddLine(text, TcpLine(number++, row, family, endpoint.user(), endpoint.inode()), family, kTcpWidth);
  }
  for (const PortTable::Waiting& waiting : network.tcp().TimeWaits()) {
    if (waiting.family != family) continue;
    const TcpEndpoint::Row row{.local = waiting.tuple.local, .peer = waiting.tuple.peer, .state = abi::kTCP_TIME_WAIT};
    AddLine(text, TcpLine(number++, row, family, 0, 0), family, kTcpWidth);
  }
  return text;
}

std::string UdpText(Network& network, int32_t family) {
  std::string text;
  AddLine(text, std::string(family == abi::kAF_INET ? kUdp : kUdp6), family, kUdpWidth);
  size_t number = 0;
  for (const Ref<PortOwner>& owner : network.udp().Owners()) {
    const auto& endpoint = static_cast<const UdpEndpoint&>(*owner);
    if (endpoint.family() != family) continue;
    UdpEndpoint::Row row = endpoint.row();
    if (!row.connected) row.peer.ip = IpAddress::Any(family);
    const uint8_t state = row.connected ? abi::kTCP_ESTABLISHED : abi::kTCP_CLOSE;
    AddLine(text,
            absl::StrFormat("%5d: %s %s %02X %08X:%08X 00:00000000 00000000 %5u        0 %u 2 0000000000000000 %u", number++,
                            Pair(row.local, family), Pair(row.peer, family), state, 0, row.receive, endpoint.user(), endpoint.inode(),
                            row.drops),
            family, kUdpWidth);
  }
  return text;
}

size_t CountOwners(const PortTable& ports, int32_t family) {
  size_t count = 0;
  for (const Ref<PortOwner>& owner : ports.Owners()) count += static_cast<const Endpoint&>(*owner).family() == family;
  return count;
}

std::string DevText(const Network& network) {
  constexpr std::string_view kHead =
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n";
  return absl::StrFormat("%s    lo: %7u %7u    0    0    0     0          0         0 %8u %7u    0    0    0     0       0          0\n",
                         kHead, network.bytes(), network.packets(), network.bytes(), network.packets());
}

std::string SockstatText(Network& network) {
  const size_t tcp = CountOwners(network.tcp(), abi::kAF_INET), udp = CountOwners(network.udp(), abi::kAF_INET);
  return absl::StrFormat(
      "sockets: used %u\nTCP: inuse %u orphan 0 tw %u alloc %u mem 0\nUDP: inuse %u mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 "
      "memory "
      "0\n",
      tcp + udp, tcp, network.tcp().TimeWaits().size(), tcp, udp);
}

}  // namespace

Result<std::string> TableText(Network& network, int32_t family, std::string_view name) {
  if (family == abi::kAF_INET) {
    if (name == "tcp") return TcpText(network, family);
    if (name == "udp") return UdpText(network, family);
    if (name == "dev") return DevText(network);
    if (name == "sockstat") return SockstatText(network);
    // Routes of the main table; those to ourselves are in the local one.
    if (name == "route") {
      std::string text;
      AddLine(text, std::string(kRoute), family, kUdpWidth);
      return text;
    }
    return Errno::kENOENT;
  }
  if (name == "tcp6") return TcpText(network, family);
  if (name == "udp6") return UdpText(network, family);
  if (name == "if_inet6") return std::string("00000000000000000000000000000001 01 80 10 80       lo\n");
  if (name == "ipv6_route") {
    constexpr std::string_view kNone = "00000000000000000000000000000000";
    return absl::StrFormat(
        "00000000000000000000000000000001 80 %s 00 %s 00000000 00000002 00000000 80200001       lo\n%s 00 %s 00 %s ffffffff "
        "00000001 00000000 00200200       lo\n",
        kNone, kNone, kNone, kNone, kNone);
  }
  if (name == "sockstat6") {
    return absl::StrFormat("TCP6: inuse %u\nUDP6: inuse %u\nUDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n",
                           CountOwners(network.tcp(), family), CountOwners(network.udp(), family));
  }
  return Errno::kENOENT;
}

}  // namespace ringwall::socket::inet
