// UDP sockets as files: transfers with their control messages, the options of udp(7), multicast groups.
#include "sentry/socket/inet/udp_socket.h"

#include <algorithm>
#include <cstring>

#include "abi/ioctl.h"
#include "abi/time.h"

namespace ringwall::socket::inet {

namespace {

template <typename T>
Result<T> Decode(const ControlMessage& message) {
  if (message.data.size() < sizeof(T)) return Errno::kEINVAL;
  T value;
  std::memcpy(&value, message.data.data(), sizeof(T));
  return value;
}

Result<int32_t> DecodeBounded(const ControlMessage& message, int32_t low, int32_t high, bool single_byte) {
  const int32_t value = TRY(DecodeNumber(message.data, single_byte));
  if (value < low || value > high) return Errno::kEINVAL;
  return value;
}

ControlMessage TimestampControl(Timestamps kind, const abi::Timespec& when) {
  switch (kind) {
    case Timestamps::kNanoOld: return MakeControl(abi::kSOL_SOCKET, abi::kSO_TIMESTAMPNS_OLD, when);
    case Timestamps::kNanoNew: return MakeControl(abi::kSOL_SOCKET, abi::kSO_TIMESTAMPNS_NEW, when);
    default: break;
  }
  const abi::Timeval micro{.tv_sec = when.tv_sec, .tv_usec = when.tv_nsec / 1000};
  return MakeControl(abi::kSOL_SOCKET, kind == Timestamps::kMicroNew ? abi::kSO_TIMESTAMP_NEW : abi::kSO_TIMESTAMP_OLD, micro);
}

}  // namespace

Result<void> UdpSocket::Connect(Context&, const Address& address, const Caller&, BlockOn&) {
  return endpoint_->Connect(address, Remembers(abi::kSO_BROADCAST), multicast_interface());
}

Result<void> UdpSocket::Shutdown(Context&, int32_t how) { return endpoint_->Shutdown(how != abi::kSHUT_WR, how != abi::kSHUT_RD); }

// ---- sending ----

// ip(7) and ipv6(7): what may be said about one datagram.
Result<void> UdpSocket::ReadControl(const SendControl& control, UdpEndpoint::SendOptions& options) const {
  for (const ControlMessage& message : control.others) {
    if (message.level == abi::kSOL_IP) {
      switch (message.type) {
        case abi::kIP_PKTINFO: {
          const auto info = TRY(Decode<abi::InPktinfo>(message));
          TRY(Network::CheckInterface(info.ipi_ifindex));
          const IpAddress source = IpAddress::FromWire(info.ipi_spec_dst);
          if (!source.is_any() && !source.is_loopback()) return Errno::kEINVAL;
          if (!source.is_any()) options.source = source;
          if (info.ipi_ifindex != 0) options.multicast_interface = static_cast<uint32_t>(info.ipi_ifindex);
          break;
        }
        case abi::kIP_TTL: options.ttl = TRY(DecodeBounded(message, 1, 255, false)); break;
        case abi::kIP_TOS: options.traffic_class = TRY(DecodeBounded(message, 0, 255, true)); break;
        default: return Errno::kEINVAL;
      }
    } else if (message.level == abi::kSOL_IPV6 && family() == abi::kAF_INET6) {
      switch (message.type) {
        case abi::kIPV6_PKTINFO:
        case abi::kIPV6_2292PKTINFO: {
          const auto info = TRY(Decode<abi::In6Pktinfo>(message));
          TRY(Network::CheckInterface(info.ipi6_ifindex));
          const IpAddress source = IpAddress::FromWire(info.ipi6_addr);
          if (!source.is_any() && !source.is_loopback()) return Errno::kEINVAL;
          if (!source.is_any()) options.source = source;
          break;
        }
        case abi::kIPV6_HOPLIMIT:
        case abi::kIPV6_2292HOPLIMIT: {
          const int32_t hops = TRY(DecodeBounded(message, -1, 255, false));
          if (hops >= 0) options.ttl = hops;
          break;
        }
        case abi::kIPV6_TCLASS: {
          const int32_t value = TRY(DecodeBounded(message, -1, 255, false));
          if (value >= 0) options.traffic_class = value;
          break;
        }
        case abi::kIPV6_DONTFRAG: break;
        default: return Errno::kEINVAL;
      }
    } else if (message.level == abi::kSOL_UDP) {
      if (message.type != abi::kUDP_SEGMENT || message.data.size() != sizeof(uint16_t)) return Errno::kEINVAL;
      options.segment = TRY(Decode<uint16_t>(message));
    }
  }
  return {};
}

Result<size_t> UdpSocket::SendMsg(Context& ctx, mm::IoSource& source, SendRequest& request, BlockOn&) {
  UdpEndpoint::SendOptions options{.flags = request.flags,
                                   .broadcast = Remembers(abi::kSO_BROADCAST),
                                   .multicast_interface = multicast_interface(),
                                   .segment = static_cast<uint32_t>(endpoint_->options().Get<abi::kSOL_UDP, abi::kUDP_SEGMENT>())};
  TRY(ReadControl(request.control, options));
  return endpoint_->Send(ctx, source, request.to, options);
}

// ---- receiving ----

bool UdpSocket::asked(int32_t v4_option, int32_t v6_option) const {
  const int v4 = FindOption(abi::kSOL_IP, v4_option), v6 = FindOption(abi::kSOL_IPV6, v6_option);
  const int index = v6_option != 0 ? v6 : v4;
  return index >= 0 && endpoint_->options().At(index) != 0;
}

void UdpSocket::TellControl(const Datagram& datagram, ReceiveResult& result) const {
  if (timestamps() != Timestamps::kNone) result.control.push_back(TimestampControl(timestamps(), datagram.arrived));
  if (Remembers(abi::kSO_RXQ_OVFL) && datagram.dropped_before != 0) {
    result.control.push_back(MakeControl(abi::kSOL_SOCKET, abi::kSO_RXQ_OVFL, datagram.dropped_before));
  }
  const bool v4 = datagram.to.ip.is_v4();
  if (v4) {
    if (asked(abi::kIP_PKTINFO, 0)) {
      const IpAddress here = datagram.to.ip.is_multicast() || datagram.to.ip.is_broadcast() ? IpAddress::LoopbackV4() : datagram.to.ip;
      const abi::InPktinfo info{
          .ipi_ifindex = static_cast<int32_t>(kLoopbackIndex), .ipi_spec_dst = here.wire_v4(), .ipi_addr = datagram.to.ip.wire_v4()};
      result.control.push_back(MakeControl(abi::kSOL_IP, abi::kIP_PKTINFO, info));
    }
    if (asked(abi::kIP_RECVTTL, 0)) result.control.push_back(MakeControl(abi::kSOL_IP, abi::kIP_TTL, datagram.ttl));
    if (asked(abi::kIP_RECVTOS, 0)) {
      result.control.push_back(MakeControl(abi::kSOL_IP, abi::kIP_TOS, static_cast<uint8_t>(datagram.traffic_class)));
    }
    if (asked(abi::kIP_RECVORIGDSTADDR, 0)) {
      const Address to = AddressOf(datagram.to, abi::kAF_INET);
      result.control.push_back({abi::kSOL_IP, abi::kIP_RECVORIGDSTADDR, {to.bytes().begin(), to.bytes().end()}});
    }
  }
  if (family() != abi::kAF_INET6) return;
  if (asked(0, abi::kIPV6_RECVPKTINFO)) {
    const abi::In6Pktinfo info{.ipi6_addr = datagram.to.ip.wire_v6(), .ipi6_ifindex = static_cast<int32_t>(kLoopbackIndex)};
    result.control.push_back(MakeControl(abi::kSOL_IPV6, abi::kIPV6_PKTINFO, info));
  }
  if (v4) return;
  if (asked(0, abi::kIPV6_RECVHOPLIMIT)) result.control.push_back(MakeControl(abi::kSOL_IPV6, abi::kIPV6_HOPLIMIT, datagram.ttl));
  if (asked(0, abi::kIPV6_RECVTCLASS)) result.control.push_back(MakeControl(abi::kSOL_IPV6, abi::kIPV6_TCLASS, datagram.traffic_class));
}

// MSG_ERRQUEUE: the datagram comes back with who objected to it (ip(7), IP_RECVERR).
Result<size_t> UdpSocket::ReceiveObjection(mm::IoSink& sink, bool peek, ReceiveResult& result) {
  const Objection objection = TRY(endpoint_->TakeObjection(peek));
  const Datagram& datagram = objection.datagram;
  const bool v4 = datagram.to.ip.is_v4() && family() == abi::kAF_INET;
  result.from = AddressOf(datagram.to, family());
  result.flags |= abi::kMSG_ERRQUEUE;
  ControlMessage message = MakeControl(v4 ? abi::kSOL_IP : abi::kSOL_IPV6, v4 ? abi::kIP_RECVERR : abi::kIPV6_RECVERR, objection.error);
  const Address offender = AddressOf(Name{.ip = datagram.to.ip}, family());
  message.data.insert(message.data.end(), offender.bytes().begin(), offender.bytes().end());
  result.control.push_back(std::move(message));
  const size_t length = std::min<size_t>(datagram.length, sink.remaining());
  if (length != 0) {
    const size_t put = TRY(sink.Put(datagram.bytes().first(length)));
    if (put < length) return Errno::kEFAULT;
  }
  if (length < datagram.length) result.flags |= abi::kMSG_TRUNC;
  return length;
}

Result<size_t> UdpSocket::ReceiveMsg(Context&, mm::IoSink& sink, uint32_t flags, ReceiveResult& result) {
  const bool peek = (flags & abi::kMSG_PEEK) != 0;
  if ((flags & abi::kMSG_ERRQUEUE) != 0) return ReceiveObjection(sink, peek, result);
  const std::optional<Datagram> datagram = TRY(endpoint_->Take(peek, nonblocking() || (flags & abi::kMSG_DONTWAIT) != 0));
  if (!datagram) return size_t{0};
  const size_t length = std::min<size_t>(datagram->length, sink.remaining());
  if (length != 0) {
    // A fault loses the datagram, as on Linux.
    const size_t put = TRY(sink.Put(datagram->bytes().first(length)));
    if (put < length) return Errno::kEFAULT;
  }
  result.from = AddressOf(datagram->from, family());
  if (length < datagram->length) result.flags |= abi::kMSG_TRUNC;
  TellControl(*datagram, result);
  return (flags & abi::kMSG_TRUNC) != 0 ? datagram->length : length;
}

Result<int32_t> UdpSocket::Count(uint32_t command) {
  switch (command) {
    case abi::kSIOCINQ: return static_cast<int32_t>(endpoint_->NextSize());
    case abi::kSIOCOUTQ: return 0;  // what was sent has arrived
    default: return Errno::kENOTTY;
  }
}

// ---- options ----

// Checksums never fail here, but udplite(7) lets one say how much they cover.
bool UdpSocket::IsForOthers(int32_t name) const {
  const bool lite = name == abi::kUDPLITE_SEND_CSCOV || name == abi::kUDPLITE_RECV_CSCOV;
  return lite && protocol() != abi::kIPPROTO_UDPLITE;
}

Result<std::vector<std::byte>> UdpSocket::GetProtocolOption(Context&, int32_t name) {
  if (IsForOthers(name)) return Errno::kENOPROTOOPT;
  if (name == abi::kUDP_ENCAP) return OptionBytes(int32_t{0});
  const int index = FindOption(abi::kSOL_UDP, name);
  if (index < 0) return Errno::kENOPROTOOPT;
  return OptionBytes(endpoint_->options().At(index));
}

Result<void> UdpSocket::SetProtocolOption(Context& ctx, int32_t name, absl::Span<const std::byte> value) {
  if (IsForOthers(name)) return Errno::kENOPROTOOPT;
  const int index = FindOption(abi::kSOL_UDP, name);
  if (index < 0) return Errno::kENOPROTOOPT;
  TRY(endpoint_->options().Set(index, value, privileged(ctx)));
  if (name == abi::kUDP_CORK && endpoint_->options().At(index) == 0) return endpoint_->Uncork(ctx);
  return {};
}

// The group and the interface of the three ways to say them. An interface has to be named: no route of ours leads to a group.
Result<void> UdpSocket::ChangeMembership(int32_t level, int32_t name, absl::Span<const std::byte> value) {
  IpAddress group;
  int32_t index = 0;
  bool join = name == abi::kMCAST_JOIN_GROUP;
  if (name == abi::kMCAST_JOIN_GROUP || name == abi::kMCAST_LEAVE_GROUP) {
    abi::GroupReq request;
    if (value.size() < sizeof(request)) return Errno::kEINVAL;
    std::memcpy(&request, value.data(), sizeof(request));
    const auto* bytes = reinterpret_cast<const std::byte*>(request.gr_group);
    const Address address = TRY(Address::From({bytes, sizeof(request.gr_group)}));
    const Name named = TRY(ParseName(address));
    group = named.ip;
    index = static_cast<int32_t>(request.gr_interface);
    if (group.is_v4() != (level == abi::kSOL_IP)) return Errno::kEADDRNOTAVAIL;
  } else if (level == abi::kSOL_IP) {
    abi::IpMreqn request;
    if (value.size() >= sizeof(request)) {
      std::memcpy(&request, value.data(), sizeof(request));
    } else {
      abi::IpMreq old;
      if (value.size() < sizeof(old)) return Errno::kEINVAL;
      std::memcpy(&old, value.data(), sizeof(old));
      request.imr_multiaddr = old.imr_multiaddr;
      request.imr_address = old.imr_interface;
    }
    group = IpAddress::FromWire(request.imr_multiaddr);
    index = request.imr_ifindex;
    if (index == 0 && IpAddress::FromWire(request.imr_address).is_loopback()) index = static_cast<int32_t>(kLoopbackIndex);
    join = name == abi::kIP_ADD_MEMBERSHIP;
  } else {
    abi::Ipv6Mreq request;
    if (value.size() < sizeof(request)) return Errno::kEINVAL;
    std::memcpy(&request, value.data(), sizeof(request));
    group = IpAddress::FromWire(request.ipv6mr_multiaddr);
    index = request.ipv6mr_ifindex;
    join = name == abi::kIPV6_ADD_MEMBERSHIP;
    if (group.is_v4()) return Errno::kEINVAL;
  }
  if (!group.is_multicast()) return Errno::kEINVAL;
  const bool has_interface = index == static_cast<int32_t>(kLoopbackIndex);
  if (join && !has_interface) return Errno::kENODEV;
  if (join) return endpoint_->Join(group);
  const Result<void> left = endpoint_->Leave(group);
  if (!left.ok() && !has_interface) return Errno::kENODEV;
  return left;
}

}  // namespace ringwall::socket::inet
