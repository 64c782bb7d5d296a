// bind(2) of inet sockets, and their own names.
#include "sentry/socket/inet/endpoint.h"

#include <utility>

#include "sentry/cred/credentials.h"

namespace ringwall::socket::inet {

namespace {

constexpr uint16_t kFirstUnprivileged = 1024;  // net.ipv4.ip_unprivileged_port_start

// bind(2)'s reading of an address: an AF_INET socket takes AF_UNSPEC for the wildcard, for old programs.
Result<Name> ParseLocal(const Address& address, int32_t family) {
  if (family == abi::kAF_INET) {
    abi::SockaddrIn wire;
    if (address.size() < sizeof(wire)) return Errno::kEINVAL;
    std::memcpy(&wire, address.bytes().data(), sizeof(wire));
    const bool wildcard = wire.sin_family == abi::kAF_UNSPEC && wire.sin_addr.addr == abi::kINADDR_ANY;
    if (wire.sin_family != abi::kAF_INET && !wildcard) return Errno::kEAFNOSUPPORT;
    return Name{.ip = IpAddress::FromWire(wire.sin_addr), .port = SwapBytes(wire.sin_port)};
  }
  if (address.size() < 24) return Errno::kEINVAL;
  if (address.family() != abi::kAF_INET6) return Errno::kEAFNOSUPPORT;
  return ParseName(address);
}

}  // namespace

Result<void> Endpoint::SetV6Only(bool on) {
  MutexLock lock(mu_);
  if (bound_ || binding_) return Errno::kEINVAL;
  v6_only_.store(on, std::memory_order_relaxed);
  return {};
}

bool Endpoint::free_to_bind() const {
  return options_.Get<abi::kSOL_IP, abi::kIP_FREEBIND>() != 0 || options_.Get<abi::kSOL_IPV6, abi::kIPV6_FREEBIND>() != 0 ||
         options_.Get<abi::kSOL_IP, abi::kIP_TRANSPARENT>() != 0;
}

Binding Endpoint::BindingFor(const Name& local, bool by_bind) const {
  return {.local = local, .family = family_, .v6_only = v6_only(), .device = device(), .user = user_, .by_bind = by_bind};
}

Result<void> Endpoint::Bind(Context& ctx, const Address& address) {
  Name name = TRY(ParseLocal(address, family_));
  if (family_ == abi::kAF_INET6 && name.ip.is_v4() && v6_only()) return Errno::kEINVAL;
  TRY(Network::CheckLocal(name, free_to_bind(), stream_kind_));
  if (name.port != 0 && name.port < kFirstUnprivileged && !ctx.creds().Has(abi::kCAP_NET_BIND_SERVICE)) return Errno::kEACCES;
  {
    MutexLock lock(mu_);
    if (bound_ || binding_ || !MayBindLocked()) return Errno::kEINVAL;
    binding_ = true;
  }
  // Only the address now; connect(2) finds the port (ip(7), IP_BIND_ADDRESS_NO_PORT).
  const bool numbered = name.port != 0;
  const bool no_port = !numbered && options_.Get<abi::kSOL_IP, abi::kIP_BIND_ADDRESS_NO_PORT>() != 0;
  Result<uint16_t> port = uint16_t{0};
  if (!no_port) port = ports_.Bind(*this, BindingFor(name, true));
  MutexLock lock(mu_);
  binding_ = false;
  if (!port.ok()) return port.error();
  name.port = *port;
  local_ = name;
  bound_ip_ = name.ip;
  bound_ = !no_port;
  by_bind_ = numbered;
  return {};
}

Result<void> Endpoint::AutoBind() {
  Name name;
  {
    MutexLock lock(mu_);
    if (bound_) return {};
    if (binding_) return Errno::kEINVAL;
    binding_ = true;
    name = local_;
    name.port = 0;
  }
  const Result<uint16_t> port = ports_.Bind(*this, BindingFor(name, true));
  MutexLock lock(mu_);
  binding_ = false;
  if (!port.ok()) return port.error();
  local_.port = *port;
  bound_ = true;
  return {};
}

void Endpoint::Unbind() {
  uint16_t port;
  {
    MutexLock lock(mu_);
    if (!bound_) return;
    bound_ = by_bind_ = false;
    port = local_.port;
  }
  ports_.Unbind(*this, port);
}

Address Endpoint::LocalName() const {
  MutexLock lock(mu_);
  return AddressOf(local_, family_);
}

Result<Name> Endpoint::ParsePeer(const Address& address, bool other_family) const {
  if (family_ == abi::kAF_INET) {
    if (address.size() < sizeof(abi::SockaddrIn)) return Errno::kEINVAL;
    if (address.family() != abi::kAF_INET) return Errno::kEAFNOSUPPORT;
    return ParseName(address);
  }
  const bool v4 = address.family() == abi::kAF_INET;
  if (address.size() < (v4 && other_family ? sizeof(abi::SockaddrIn) : 24)) return Errno::kEINVAL;
  if (address.family() != abi::kAF_INET6 && !(v4 && other_family)) return Errno::kEAFNOSUPPORT;
  if (v4 && v6_only()) return Errno::kEAFNOSUPPORT;
  const Name name = TRY(ParseName(address));
  if (name.ip.is_v4() && v6_only()) return Errno::kENETUNREACH;
  return name;
}

}  // namespace ringwall::socket::inet
