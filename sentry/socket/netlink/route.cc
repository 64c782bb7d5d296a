// Dumps and look-ups of rtnetlink(7).
#include "sentry/socket/netlink/route.h"

#include <array>

#include "abi/socket.h"
#include "sentry/cred/credentials.h"
#include "sentry/socket/inet/of_caller.h"

namespace ringwall::socket::netlink {

namespace {

constexpr uint16_t kLastType = 127;
constexpr std::string_view kLoopback = "lo";
constexpr uint32_t kIfFlags = abi::kIFF_UP | abi::kIFF_LOOPBACK | abi::kIFF_RUNNING | abi::kIFF_LOWER_UP;
constexpr uint32_t kForever = ~0u;
constexpr int32_t kRtaUid = 25, kFraTable = 15, kFraPriority = 6, kFraSuppressPrefixlen = 14, kFraProtocol = 21, kIfaProtocol = 11;
constexpr uint32_t kClonedLocal = 0x80000200;  // RTM_F_CLONED, RTCF_LOCAL
constexpr std::array<std::byte, 6> kNoAddress{};

struct Dump {
  Writer& writer;
  const Request& request;
  uint16_t flags = abi::kNLM_F_MULTI;
  template <typename T>
  void Start(uint16_t type, const T& body) {
    writer.Start(type, flags, request.header.nlmsg_seq, body);
  }
};

void AddLink(Dump dump, const inet::Network& network) {
  dump.Start(abi::kRTM_NEWLINK,
             abi::Ifinfomsg{.ifi_type = abi::kARPHRD_LOOPBACK, .ifi_index = inet::kLoopbackIndex, .ifi_flags = kIfFlags});
  Writer& w = dump.writer;
  w.AddString(abi::kIFLA_IFNAME, kLoopback);
  w.AddValue(abi::kIFLA_TXQLEN, uint32_t{1000});
  w.AddValue(abi::kIFLA_OPERSTATE, abi::kIF_OPER_UNKNOWN);
  w.AddValue(abi::kIFLA_LINKMODE, uint8_t{0});
  w.AddValue(abi::kIFLA_MTU, inet::kLoopbackMtu);
  w.AddValue(abi::kIFLA_MIN_MTU, uint32_t{0});
  w.AddValue(abi::kIFLA_MAX_MTU, uint32_t{0});
  w.AddValue(abi::kIFLA_GROUP, uint32_t{0});
  w.AddValue(abi::kIFLA_PROMISCUITY, uint32_t{0});
  w.AddValue(abi::kIFLA_NUM_TX_QUEUES, uint32_t{1});
  w.AddValue(abi::kIFLA_NUM_RX_QUEUES, uint32_t{1});
  w.AddValue(abi::kIFLA_CARRIER, uint8_t{1});
  w.AddValue(abi::kIFLA_CARRIER_CHANGES, uint32_t{0});
  w.AddString(abi::kIFLA_QDISC, "noqueue");
  w.AddValue(abi::kIFLA_MAP, std::array<uint64_t, 4>{});
  w.Add(abi::kIFLA_ADDRESS, kNoAddress);
  w.Add(abi::kIFLA_BROADCAST, kNoAddress);
  // struct rtnl_link_stats64 and its 32-bit form start with packets in and out, bytes in and out.
  std::array<uint64_t, 25> wide{network.packets(), network.packets(), network.bytes(), network.bytes()};
  std::array<uint32_t, 24> narrow{};
  for (size_t i = 0; i < 4; ++i) narrow[i] = static_cast<uint32_t>(wide[i]);
  w.AddValue(abi::kIFLA_STATS64, wide);
  w.AddValue(abi::kIFLA_STATS, narrow);
}

void AddAddress(Dump dump, int32_t family) {
  const bool v4 = family == abi::kAF_INET;
  dump.Start(abi::kRTM_NEWADDR, abi::Ifaddrmsg{.ifa_family = static_cast<uint8_t>(family),
                                               .ifa_prefixlen = static_cast<uint8_t>(v4 ? 8 : 128),
                                               .ifa_flags = abi::kIFA_F_PERMANENT,
                                               .ifa_scope = abi::kRT_SCOPE_HOST,
                                               .ifa_index = inet::kLoopbackIndex});
  Writer& w = dump.writer;
  const abi::IfaCacheinfo forever{.ifa_prefered = kForever, .ifa_valid = kForever};
  if (v4) {
    const abi::InAddr address = inet::IpAddress::LoopbackV4().wire_v4();
    w.AddValue(abi::kIFA_ADDRESS, address);
    w.AddValue(abi::kIFA_LOCAL, address);
    w.AddString(abi::kIFA_LABEL, kLoopback);
  } else {
    w.AddValue(abi::kIFA_ADDRESS, inet::IpAddress::LoopbackV6().wire_v6());
  }
  w.AddValue(abi::kIFA_CACHEINFO, forever);
  w.AddValue(abi::kIFA_FLAGS, abi::kIFA_F_PERMANENT);
  if (!v4) w.AddValue(kIfaProtocol, uint8_t{1});
}

void AddRoute4(Dump dump, uint32_t destination, uint8_t length, uint8_t type, uint8_t scope) {
  dump.Start(abi::kRTM_NEWROUTE, abi::Rtmsg{.rtm_family = abi::kAF_INET,
                                            .rtm_dst_len = length,
                                            .rtm_table = abi::kRT_TABLE_LOCAL,
                                            .rtm_protocol = abi::kRTPROT_KERNEL,
                                            .rtm_scope = scope,
                                            .rtm_type = type});
  dump.writer.AddValue(abi::kRTA_TABLE, uint32_t{abi::kRT_TABLE_LOCAL});
  dump.writer.AddValue(abi::kRTA_DST, inet::IpAddress::V4(destination).wire_v4());
  dump.writer.AddValue(abi::kRTA_PREFSRC, inet::IpAddress::LoopbackV4().wire_v4());
  dump.writer.AddValue(abi::kRTA_OIF, inet::kLoopbackIndex);
}

void AddRoute6(Dump dump) {
  dump.Start(abi::kRTM_NEWROUTE, abi::Rtmsg{.rtm_family = abi::kAF_INET6,
                                            .rtm_dst_len = 128,
                                            .rtm_table = abi::kRT_TABLE_LOCAL,
                                            .rtm_protocol = abi::kRTPROT_KERNEL,
                                            .rtm_type = abi::kRTN_LOCAL});
  dump.writer.AddValue(abi::kRTA_TABLE, uint32_t{abi::kRT_TABLE_LOCAL});
  dump.writer.AddValue(abi::kRTA_DST, inet::IpAddress::LoopbackV6().wire_v6());
  dump.writer.AddValue(abi::kRTA_PRIORITY, uint32_t{0});
  dump.writer.AddValue(abi::kRTA_OIF, inet::kLoopbackIndex);
  dump.writer.AddValue(abi::kRTA_CACHEINFO, std::array<uint32_t, 8>{});
  dump.writer.AddValue(abi::kRTA_PREF, uint8_t{0});
}

// The rules every machine starts with: local, main, and for IPv4 default.
void AddRule(Dump dump, int32_t family, uint8_t table, uint32_t priority) {
  dump.Start(abi::kRTM_NEWRULE, abi::Rtmsg{.rtm_family = static_cast<uint8_t>(family), .rtm_table = table, .rtm_type = abi::kRTN_UNICAST});
  dump.writer.AddValue(kFraTable, uint32_t{table});
  dump.writer.AddValue(kFraSuppressPrefixlen, kForever);
  dump.writer.AddValue(kFraProtocol, uint8_t{abi::kRTPROT_KERNEL});
  if (priority != 0) dump.writer.AddValue(kFraPriority, priority);
}

Result<void> DumpAll(Dump dump, const inet::Network& network, uint8_t family) {
  const bool v4 = family != abi::kAF_INET6, v6 = family != abi::kAF_INET;
  switch (dump.request.header.nlmsg_type) {
    case abi::kRTM_GETLINK: AddLink(dump, network); return {};
    case abi::kRTM_GETADDR:
      if (v4) AddAddress(dump, abi::kAF_INET);
      if (v6) AddAddress(dump, abi::kAF_INET6);
      return {};
    case abi::kRTM_GETROUTE:
      if (v4) {
        AddRoute4(dump, 0x7f000000, 8, abi::kRTN_LOCAL, abi::kRT_SCOPE_HOST);
        AddRoute4(dump, abi::kINADDR_LOOPBACK, 32, abi::kRTN_LOCAL, abi::kRT_SCOPE_HOST);
        AddRoute4(dump, 0x7fffffff, 32, abi::kRTN_BROADCAST, abi::kRT_SCOPE_LINK);
      }
      if (v6) AddRoute6(dump);
      return {};
    case abi::kRTM_GETRULE:
      for (const int32_t each : {abi::kAF_INET, abi::kAF_INET6}) {
        if (!(each == abi::kAF_INET ? v4 : v6)) continue;
        AddRule(dump, each, abi::kRT_TABLE_LOCAL, 0);
        AddRule(dump, each, abi::kRT_TABLE_MAIN, 32766);
        if (each == abi::kAF_INET) AddRule(dump, each, abi::kRT_TABLE_DEFAULT, 32767);
      }
      return {};
    case abi::kRTM_GETNEIGH:
    case abi::kRTM_GETNEIGHTBL:
    case abi::kRTM_GETQDISC: return {};
    default: return Errno::kEOPNOTSUPP;
  }
}

Result<void> GetLink(Dump dump, const inet::Network& network) {
  const auto asked = dump.request.Read<abi::Ifinfomsg>();
  if (asked.ifi_index < 0) return Errno::kEINVAL;
  if (asked.ifi_index == 0) {
    const auto name = dump.request.Attribute(sizeof(asked), abi::kIFLA_IFNAME);
    if (!name) return Errno::kEINVAL;
    std::string_view text(reinterpret_cast<const char*>(name->data()), name->size());
    if (text.substr(0, text.find('\0')) != kLoopback) return Errno::kENODEV;
  } else if (asked.ifi_index != static_cast<int32_t>(inet::kLoopbackIndex)) {
    return Errno::kENODEV;
  }
  AddLink(dump, network);
  return {};
}

// The route that a packet to RTA_DST would take.
Result<void> GetRoute(Dump dump) {
  const auto asked = dump.request.Read<abi::Rtmsg>();
  const bool v4 = asked.rtm_family == abi::kAF_INET;
  if (!v4 && asked.rtm_family != abi::kAF_INET6) return Errno::kEOPNOTSUPP;
  const auto wanted = dump.request.Attribute(sizeof(asked), abi::kRTA_DST);
  inet::IpAddress destination = inet::IpAddress::Any(v4 ? abi::kAF_INET : abi::kAF_INET6);
  if (wanted) {
    if (wanted->size() < (v4 ? sizeof(abi::InAddr) : sizeof(abi::In6Addr))) return Errno::kEINVAL;
    if (v4) {
      abi::InAddr wire;
      std::memcpy(&wire, wanted->data(), sizeof(wire));
      destination = inet::IpAddress::FromWire(wire);
    } else {
      abi::In6Addr wire;
      std::memcpy(&wire, wanted->data(), sizeof(wire));
      destination = inet::IpAddress::FromWire(wire);
    }
  }
  const inet::Route route = TRY(inet::Network::RouteTo(destination, false));
  const bool broadcast = route.kind == inet::Route::Kind::kBroadcast;
  dump.Start(abi::kRTM_NEWROUTE, abi::Rtmsg{.rtm_family = asked.rtm_family,
                                            .rtm_dst_len = static_cast<uint8_t>(v4 ? 32 : 128),
                                            .rtm_table = v4 ? abi::kRT_TABLE_MAIN : abi::kRT_TABLE_LOCAL,
                                            .rtm_type = broadcast ? abi::kRTN_BROADCAST : abi::kRTN_LOCAL,
                                            .rtm_flags = v4 ? kClonedLocal : 0});
  Writer& w = dump.writer;
  w.AddValue(abi::kRTA_TABLE, uint32_t{v4 ? abi::kRT_TABLE_MAIN : abi::kRT_TABLE_LOCAL});
  if (v4) {
    w.AddValue(abi::kRTA_DST, destination.wire_v4());
    w.AddValue(abi::kRTA_OIF, inet::kLoopbackIndex);
    w.AddValue(abi::kRTA_PREFSRC, route.source.wire_v4());
    w.AddValue(kRtaUid, uint32_t{0});
  } else {
    w.AddValue(abi::kRTA_DST, destination.wire_v6());
    w.AddValue(abi::kRTA_OIF, inet::kLoopbackIndex);
    w.AddValue(abi::kRTA_PREFSRC, route.source.wire_v6());
  }
  w.AddValue(abi::kRTA_CACHEINFO, std::array<uint32_t, 8>{});
  return {};
}

// lo is up and has its addresses; to be told so again is all that can be done to it.
// Differs from Linux: lo of a new network namespace is up and has its addresses from the start; whoever sets it up is told that it is done.
Result<void> Change(const Request& request, bool new_network) {
  if (request.header.nlmsg_type == abi::kRTM_NEWADDR) {
    const auto asked = request.Read<abi::Ifaddrmsg>();
    if (asked.ifa_index != inet::kLoopbackIndex) return Errno::kENODEV;
    const bool loopback = asked.ifa_family == abi::kAF_INET ? asked.ifa_prefixlen == 8 : asked.ifa_prefixlen == 128;
    if (loopback && new_network) return {};
    if (loopback && (request.header.nlmsg_flags & abi::kNLM_F_EXCL) != 0) return Errno::kEEXIST;
  }
  if (request.header.nlmsg_type == abi::kRTM_NEWLINK || request.header.nlmsg_type == abi::kRTM_SETLINK) {
    const auto asked = request.Read<abi::Ifinfomsg>();
    const bool named = request.Attribute(sizeof(asked), abi::kIFLA_IFNAME).has_value();
    if (asked.ifi_index != static_cast<int32_t>(inet::kLoopbackIndex)) return named ? Errno::kEOPNOTSUPP : Errno::kENODEV;
    const bool stays_up = (asked.ifi_change & abi::kIFF_UP) == 0 || (asked.ifi_flags & abi::kIFF_UP) != 0;
    if (stays_up) return {};
  }
  // Differs from Linux: the network is what it is, also for the privileged.
  return Errno::kEOPNOTSUPP;
}

}  // namespace

Result<Answer> AnswerRoute(Context& ctx, const inet::Network& network, const Request& request, uint32_t port) {
  Answer answer;
  const uint16_t type = request.header.nlmsg_type;
  if (type > kLastType) return Errno::kEOPNOTSUPP;
  if (request.body.empty()) return answer;
  constexpr uint16_t kKindMask = 3, kGet = 2;
  if ((type & kKindMask) != kGet) {
    if (!inet::HasOverNetwork(ctx, abi::kCAP_NET_ADMIN)) return Errno::kEPERM;
    TRY(Change(request, !inet::InInitialNetwork(ctx)));
    return answer;
  }
  Writer writer(port);
  if ((request.header.nlmsg_flags & abi::kNLM_F_DUMP) != 0) {
    TRY(DumpAll({writer, request}, network, static_cast<uint8_t>(request.body[0])));
    if (!writer.empty()) answer.datagrams.push_back(writer.Take());
    writer.Start(abi::kNLMSG_DONE, abi::kNLM_F_MULTI, request.header.nlmsg_seq, int32_t{0});
    answer.datagrams.push_back(writer.Take());
    answer.dumped = true;
    return answer;
  }
  switch (type) {
    case abi::kRTM_GETLINK: TRY(GetLink({writer, request, 0}, network)); break;
    case abi::kRTM_GETROUTE: TRY(GetRoute({writer, request, 0})); break;
    default: return Errno::kEOPNOTSUPP;
  }
  answer.datagrams.push_back(writer.Take());
  return answer;
}

}  // namespace ringwall::socket::netlink
