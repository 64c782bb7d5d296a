// Addresses and ports of ip(7) and ipv6(7) in kernel form. An IPv4 address is kept as its IPv4-mapped IPv6 address, so that sockets of
// both families compare.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "abi/inet.h"
#include "base/error/result.h"
#include "sentry/socket/address.h"

namespace ringwall::socket::inet {

class IpAddress {
 public:
  constexpr IpAddress() = default;  // ::
  static IpAddress V4(uint32_t host_order);
  static IpAddress FromWire(const abi::InAddr& address);  // network byte order
  static IpAddress FromWire(const abi::In6Addr& address);
  static IpAddress AnyV4() { return V4(abi::kINADDR_ANY); }
  static IpAddress LoopbackV4() { return V4(abi::kINADDR_LOOPBACK); }
  static IpAddress LoopbackV6();
  // The wildcard of AF_INET or AF_INET6.
  static IpAddress Any(int32_t family) { return family == abi::kAF_INET ? AnyV4() : IpAddress(); }

  bool is_v4() const;
  uint32_t v4() const;  // host byte order; only for IPv4 addresses
  bool is_any() const;  // of either family
  bool is_loopback() const { return is_v4() ? v4() >> 24 == 127 : *this == LoopbackV6(); }
  bool is_multicast() const { return is_v4() ? v4() >> 28 == 0xe : bytes_[0] == 0xff; }
  bool is_link_local() const { return !is_v4() && bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80; }
  // Limited broadcast, or that of 127/8: the only ones on a machine with nothing but a loopback interface.
  bool is_broadcast() const { return is_v4() && (v4() == abi::kINADDR_BROADCAST || v4() == 0x7fffffff); }
  // Multicast or link-local: a scope id says of which interface.
  bool has_scope() const { return is_link_local() || (!is_v4() && is_multicast() && (bytes_[1] & 0xf) <= 2); }
  abi::In6Addr wire_v6() const;
  abi::InAddr wire_v4() const;
  // As /proc/net/tcp and tcp6 write it: words of the machine's byte order.
  std::string Hex(int32_t family) const;

  friend bool operator==(const IpAddress& a, const IpAddress& b) = default;
  template <typename H>
  friend H AbslHashValue(H h, const IpAddress& a) {
    return H::combine(std::move(h), a.bytes_);
  }

 private:
  std::array<uint8_t, 16> bytes_{};
};

struct Name {
  IpAddress ip;
  uint16_t port = 0;   // host byte order
  uint32_t scope = 0;  // interface of a scoped address
  friend bool operator==(const Name&, const Name&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Name& n) {
    return H::combine(std::move(h), n.ip, n.port);
  }
};

// A sockaddr_in or sockaddr_in6, whichever its family says. EINVAL when too short, EAFNOSUPPORT for any other family.
Result<Name> ParseName(const Address& address);
// As a socket of `family` reports it.
Address AddressOf(const Name& name, int32_t family);

constexpr uint16_t SwapBytes(uint16_t v) { return static_cast<uint16_t>(v << 8 | v >> 8); }

// Both ends of a connection, seen from one of them.
struct Tuple {
  Name local, peer;
  friend bool operator==(const Tuple&, const Tuple&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Tuple& t) {
    return H::combine(std::move(h), t.local, t.peer);
  }
};

}  // namespace ringwall::socket::inet
