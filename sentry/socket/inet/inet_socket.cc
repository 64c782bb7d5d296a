// getsockopt(2), setsockopt(2) and ioctl(2) of inet sockets, below their protocol.
#include "sentry/socket/inet/inet_socket.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "abi/ioctl.h"
#include "sentry/cred/credentials.h"
#include "sentry/mm/user_memory.h"
#include "sentry/socket/interfaces.h"

namespace ringwall::socket::inet {

namespace {

constexpr std::string_view kLoopbackName = "lo";

// Options that are lists and are empty here: IP options and extension headers.
bool IsEmptyList(int32_t level, int32_t name) {
  if (level == abi::kSOL_IP) return name == abi::kIP_OPTIONS || name == abi::kIP_PKTOPTIONS;
  return name == 54 || name == 55 || name == 57 || name == 59;  // IPV6_HOPOPTS, RTHDRDSTOPTS, RTHDR, DSTOPTS
}

}  // namespace

bool InetSocket::privileged(Context& ctx) const { return ctx.creds().Has(abi::kCAP_NET_ADMIN) || ctx.creds().Has(abi::kCAP_NET_RAW); }

int32_t InetSocket::protocol_level() const { return type() == abi::kSOCK_STREAM ? abi::kSOL_TCP : abi::kSOL_UDP; }

Result<std::vector<std::byte>> InetSocket::GetOption(Context& ctx, int32_t level, int32_t name) {
  if (level == abi::kSOL_SOCKET) return GetSocketOption(ctx, name);
  if (level == protocol_level() || level == protocol()) return GetProtocolOption(ctx, name);
  if (level == abi::kSOL_IP) return GetIpOption(ctx, name);
  if (level == abi::kSOL_IPV6 && family() == abi::kAF_INET6) return GetIpv6Option(ctx, name);
  return Errno::kEOPNOTSUPP;
}

Result<void> InetSocket::SetOption(Context& ctx, int32_t level, int32_t name, absl::Span<const std::byte> value) {
  if (level == abi::kSOL_SOCKET) return SetSocketOption(ctx, name, value);
  if (level == protocol_level() || level == protocol()) return SetProtocolOption(ctx, name, value);
  if (level == abi::kSOL_IP) return SetIpOption(ctx, name, value);
  if (level == abi::kSOL_IPV6 && family() == abi::kAF_INET6) return SetIpv6Option(ctx, name, value);
  return Errno::kENOPROTOOPT;
}

// ---- SOL_SOCKET ----

Result<std::vector<std::byte>> InetSocket::GetSocketOption(Context& ctx, int32_t name) {
  switch (name) {
    case abi::kSO_BINDTODEVICE: {
      if (endpoint_.device() == 0) return std::vector<std::byte>();
      char text[abi::kIFNAMSIZ] = {};
      std::memcpy(text, kLoopbackName.data(), kLoopbackName.size());
      const auto* bytes = reinterpret_cast<const std::byte*>(text);
      return std::vector<std::byte>(bytes, bytes + kLoopbackName.size() + 1);
    }
    case abi::kSO_BINDTOIFINDEX: return OptionBytes(static_cast<int32_t>(endpoint_.device()));
    // Nobody: credentials are unix(7)'s.
    case abi::kSO_PEERCRED: return OptionBytes(abi::Ucred{.pid = 0, .uid = ~0u, .gid = ~0u});
    case abi::kSO_PASSCRED:
    case abi::kSO_PASSSEC:
    case abi::kSO_PASSPIDFD: return Errno::kEOPNOTSUPP;
    case abi::kSO_PEERGROUPS: return Errno::kENODATA;
    case abi::kSO_PEERNAME: {
      const Address peer = TRY(PeerName(ctx));
      return std::vector<std::byte>(peer.bytes().begin(), peer.bytes().end());
    }
    case abi::kSO_BUSY_POLL:
    case abi::kSO_INCOMING_NAPI_ID:
    case abi::kSO_ZEROCOPY: return OptionBytes(int32_t{0});
    case abi::kSO_MAX_PACING_RATE: return OptionBytes(~uint64_t{0});
    default: return Socket::GetOption(ctx, abi::kSOL_SOCKET, name);
  }
}

Result<void> InetSocket::SetSocketOption(Context& ctx, int32_t name, absl::Span<const std::byte> value) {
  switch (name) {
    case abi::kSO_BINDTODEVICE:
    case abi::kSO_BINDTOIFINDEX: return BindToDevice(ctx, name, value);
    case abi::kSO_PASSCRED:
    case abi::kSO_PASSSEC:
    case abi::kSO_PASSPIDFD: return Errno::kEOPNOTSUPP;
    default: break;
  }
  TRY(Socket::SetOption(ctx, abi::kSOL_SOCKET, name, value));
  if (name == abi::kSO_REUSEADDR) endpoint_.SetReuseAddress(Remembers(name));
  if (name == abi::kSO_REUSEPORT) endpoint_.SetReusePort(Remembers(name));
  return {};
}

Result<void> InetSocket::BindToDevice(Context& ctx, int32_t name, absl::Span<const std::byte> value) {
  int32_t index = 0;
  if (name == abi::kSO_BINDTOIFINDEX) {
    index = TRY(DecodeNumber(value, false));
    if (index < 0) return Errno::kEINVAL;
  } else {
    std::string_view text(reinterpret_cast<const char*>(value.data()), std::min<size_t>(value.size(), abi::kIFNAMSIZ - 1));
    text = text.substr(0, text.find('\0'));
    if (!text.empty() && text != kLoopbackName) return Errno::kENODEV;
    index = text.empty() ? 0 : static_cast<int32_t>(kLoopbackIndex);
  }
  // Once bound, only the privileged may change it (socket(7)).
  if (endpoint_.device() != 0 && !ctx.creds().Has(abi::kCAP_NET_RAW)) return Errno::kEPERM;
  const uint32_t device = TRY(Network::CheckInterface(index));
  endpoint_.SetDevice(device);
  return {};
}

// ---- SOL_IP ----

Result<std::vector<std::byte>> InetSocket::GetIpOption(Context& ctx, int32_t name) {
  switch (name) {
    case abi::kIP_MTU: {
      TRY(PeerName(ctx));
      return OptionBytes(int32_t{65535});
    }
    case abi::kIP_MULTICAST_IF: return OptionBytes(abi::InAddr{});
    case abi::kIP_UNICAST_IF: return OptionBytes(unicast_interface_.load());
    case abi::kIP_HDRINCL:
    case abi::kIP_NODEFRAG:
    case abi::kIP_RECVFRAGSIZE: return OptionBytes(int32_t{0});
    default: break;
  }
  if (IsEmptyList(abi::kSOL_IP, name)) return std::vector<std::byte>();
  const int index = FindOption(abi::kSOL_IP, name);
  if (index < 0) return Errno::kENOPROTOOPT;
  return OptionBytes(endpoint_.options().At(index));
}

Result<void> InetSocket::SetIpOption(Context& ctx, int32_t name, absl::Span<const std::byte> value) {
  const bool stream = type() == abi::kSOCK_STREAM;
  switch (name) {
    case abi::kIP_MULTICAST_IF: return stream ? Errno::kEINVAL : SetMulticastInterface(value);
    case abi::kIP_UNICAST_IF: {
      const int32_t number = TRY(DecodeNumber(value, false));
      const auto wire = static_cast<uint32_t>(number);  // network byte order
      TRY(Network::CheckInterface(static_cast<int32_t>(__builtin_bswap32(wire))));
      unicast_interface_.store(wire);
      return {};
    }
    case abi::kIP_OPTIONS: return value.empty() ? Result<void>() : Result<void>(Errno::kEINVAL);
    case abi::kIP_MULTICAST_TTL:
      if (stream) return Errno::kEINVAL;
      break;
    case abi::kIP_TOS: {
      // The two lowest bits of a connection's are not the application's (RFC 3168).
      const int32_t tos = TRY(DecodeNumber(value, true));
      endpoint_.options().Put<abi::kSOL_IP, abi::kIP_TOS>((stream ? tos & ~3 : tos) & 0xff);
      return {};
    }
    case abi::kIP_ADD_MEMBERSHIP:
    case abi::kIP_DROP_MEMBERSHIP:
    case abi::kMCAST_JOIN_GROUP:
    case abi::kMCAST_LEAVE_GROUP: return ChangeMembership(abi::kSOL_IP, name, value);
    default: break;
  }
  const int index = FindOption(abi::kSOL_IP, name);
  if (index < 0) return Errno::kENOPROTOOPT;
  return endpoint_.options().Set(index, value, privileged(ctx));
}

// An address, or a structure with an interface index in it.
Result<void> InetSocket::SetMulticastInterface(absl::Span<const std::byte> value) {
  abi::IpMreqn wire;
  if (value.size() >= sizeof(wire)) {
    std::memcpy(&wire, value.data(), sizeof(wire));
  } else if (value.size() >= sizeof(abi::IpMreq)) {
    abi::IpMreq old;
    std::memcpy(&old, value.data(), sizeof(old));
    wire.imr_address = old.imr_interface;
  } else if (value.size() >= sizeof(abi::InAddr)) {
    std::memcpy(&wire.imr_address, value.data(), sizeof(abi::InAddr));
  } else {
    return Errno::kEINVAL;
  }
  const IpAddress address = IpAddress::FromWire(wire.imr_address);
  if (wire.imr_ifindex == 0 && !address.is_any()) {
    if (!address.is_loopback()) return Errno::kEADDRNOTAVAIL;
    wire.imr_ifindex = static_cast<int32_t>(kLoopbackIndex);
  }
  const auto index = Network::CheckInterface(wire.imr_ifindex);
  if (!index.ok()) return Errno::kEADDRNOTAVAIL;
  multicast_interface_.store(*index, std::memory_order_relaxed);
  return {};
}

// ---- SOL_IPV6 ----

Result<std::vector<std::byte>> InetSocket::GetIpv6Option(Context& ctx, int32_t name) {
  constexpr int32_t kDefaultPreferences = 0x500;
  switch (name) {
    case abi::kIPV6_V6ONLY: return OptionBytes(int32_t{endpoint_.v6_only()});
    case abi::kIPV6_MTU: {
      TRY(PeerName(ctx));
      return OptionBytes(static_cast<int32_t>(kLoopbackMtu));
    }
    case abi::kIPV6_MULTICAST_IF: return OptionBytes(static_cast<int32_t>(multicast_interface()));
    case abi::kIPV6_UNICAST_IF: return OptionBytes(unicast_interface_.load());
    case abi::kIPV6_ADDR_PREFERENCES: return OptionBytes(kDefaultPreferences);
    case abi::kIPV6_ROUTER_ALERT:
    case abi::kIPV6_RECVFRAGSIZE: return OptionBytes(int32_t{0});
    case abi::kIPV6_ADDRFORM:
    case 61: return Errno::kENOTCONN;  // IPV6_PATHMTU
    default: break;
  }
  if (IsEmptyList(abi::kSOL_IPV6, name)) return std::vector<std::byte>();
  const int index = FindOption(abi::kSOL_IPV6, name);
  if (index < 0) return Errno::kENOPROTOOPT;
  return OptionBytes(endpoint_.options().At(index));
}

Result<void> InetSocket::SetIpv6Option(Context& ctx, int32_t name, absl::Span<const std::byte> value) {
  const bool stream = type() == abi::kSOCK_STREAM;
  switch (name) {
    case abi::kIPV6_V6ONLY: {
      const int32_t on = TRY(DecodeNumber(value, false));
      return endpoint_.SetV6Only(on != 0);
    }
    case abi::kIPV6_MULTICAST_IF: {
      if (stream) return Errno::kENOPROTOOPT;
      const int32_t number = TRY(DecodeNumber(value, false));
      const uint32_t index = TRY(Network::CheckInterface(number));
      multicast_interface_.store(index, std::memory_order_relaxed);
      return {};
    }
    case abi::kIPV6_UNICAST_IF: {
      const int32_t number = TRY(DecodeNumber(value, false));
      const auto wire = static_cast<uint32_t>(number);  // network byte order
      TRY(Network::CheckInterface(static_cast<int32_t>(__builtin_bswap32(wire))));
      unicast_interface_.store(wire);
      return {};
    }
    case abi::kIPV6_MULTICAST_HOPS:
      if (stream) return Errno::kENOPROTOOPT;
      break;
    case abi::kIPV6_ADD_MEMBERSHIP:
    case abi::kIPV6_DROP_MEMBERSHIP:
    case abi::kMCAST_JOIN_GROUP:
    case abi::kMCAST_LEAVE_GROUP: return ChangeMembership(abi::kSOL_IPV6, name, value);
    case abi::kIPV6_ADDR_PREFERENCES: {
      TRY(DecodeNumber(value, false));
      return {};
    }
    case abi::kIPV6_ADDRFORM: return Errno::kENOTCONN;
    default: break;
  }
  const int index = FindOption(abi::kSOL_IPV6, name);
  if (index < 0) return Errno::kENOPROTOOPT;
  return endpoint_.options().Set(index, value, privileged(ctx));
}

// ---- ioctl(2) ----

Result<int64_t> InetSocket::Ioctl(Context& ctx, uint32_t command, uint64_t argument) {
  switch (command) {
    case abi::kSIOCINQ:
    case abi::kSIOCOUTQ:
    case abi::kSIOCATMARK: {
      const int32_t count = TRY(Count(command));
      TRY(ctx.memory().WriteValue(argument, count));
      return int64_t{0};
    }
    default: return InterfaceIoctl(ctx, command, argument, family() == abi::kAF_INET);
  }
}

}  // namespace ringwall::socket::inet
