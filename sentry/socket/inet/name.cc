// sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)).
#include "sentry/socket/inet/name.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

namespace ringwall::socket::inet {

namespace {

constexpr size_t kV4Offset = 12;
// sockaddr_in6 without its scope id, as RFC 2133 had it; still taken.
constexpr size_t kShortSockaddrIn6 = 24;

}  // namespace

IpAddress IpAddress::V4(uint32_t host_order) {
  IpAddress made;
  made.bytes_[10] = made.bytes_[11] = 0xff;
  for (size_t i = 0; i < 4; ++i) made.bytes_[kV4Offset + i] = static_cast<uint8_t>(host_order >> (24 - 8 * i));
  return made;
}

IpAddress IpAddress::FromWire(const abi::InAddr& address) {
  IpAddress made = AnyV4();
  std::memcpy(made.bytes_.data() + kV4Offset, &address, sizeof(address));
  return made;
}

IpAddress IpAddress::FromWire(const abi::In6Addr& address) {
  IpAddress made;
  std::memcpy(made.bytes_.data(), address.bytes, sizeof(address.bytes));
  return made;
}

IpAddress IpAddress::LoopbackV6() {
  IpAddress made;
  made.bytes_[15] = 1;
  return made;
}

bool IpAddress::is_v4() const {
  const bool zeros = std::all_of(bytes_.begin(), bytes_.begin() + 10, [](uint8_t b) { return b == 0; });
  return zeros && bytes_[10] == 0xff && bytes_[11] == 0xff;
}

uint32_t IpAddress::v4() const {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | bytes_[kV4Offset + i];
  return value;
}

bool IpAddress::is_any() const { return *this == IpAddress() || *this == AnyV4(); }

abi::In6Addr IpAddress::wire_v6() const {
  abi::In6Addr wire;
  std::memcpy(wire.bytes, bytes_.data(), sizeof(wire.bytes));
  return wire;
}

abi::InAddr IpAddress::wire_v4() const {
  abi::InAddr wire;
  std::memcpy(&wire, bytes_.data() + kV4Offset, sizeof(wire));
  return wire;
}

std::string IpAddress::Hex(int32_t family) const {
  if (family == abi::kAF_INET) return absl::StrFormat("%08X", wire_v4().addr);
  std::string text;
  for (size_t i = 0; i < bytes_.size(); i += 4) {
    uint32_t word;
    std::memcpy(&word, bytes_.data() + i, sizeof(word));
    absl::StrAppendFormat(&text, "%08X", word);
  }
  return text;
}

Result<Name> ParseName(const Address& address) {
  if (address.size() < sizeof(uint16_t)) return Errno::kEINVAL;
  if (address.family() == abi::kAF_INET) {
    abi::SockaddrIn wire;
    if (address.size() < sizeof(wire)) return Errno::kEINVAL;
    std::memcpy(&wire, address.bytes().data(), sizeof(wire));
    return Name{.ip = IpAddress::FromWire(wire.sin_addr), .port = SwapBytes(wire.sin_port)};
  }
  if (address.family() == abi::kAF_INET6) {
    abi::SockaddrIn6 wire;
    if (address.size() < kShortSockaddrIn6) return Errno::kEINVAL;
    std::memcpy(&wire, address.bytes().data(), std::min(address.size(), sizeof(wire)));
    Name name{.ip = IpAddress::FromWire(wire.sin6_addr), .port = SwapBytes(wire.sin6_port)};
    if (name.ip.has_scope()) name.scope = wire.sin6_scope_id;
    return name;
  }
  return Errno::kEAFNOSUPPORT;
}

Address AddressOf(const Name& name, int32_t family) {
  if (family == abi::kAF_INET) {
    const abi::SockaddrIn wire{.sin_family = abi::kAF_INET, .sin_port = SwapBytes(name.port), .sin_addr = name.ip.wire_v4()};
    return std::move(Address::From({reinterpret_cast<const std::byte*>(&wire), sizeof(wire)})).value();
  }
  const abi::SockaddrIn6 wire{
      .sin6_family = abi::kAF_INET6, .sin6_port = SwapBytes(name.port), .sin6_addr = name.ip.wire_v6(), .sin6_scope_id = name.scope};
  return std::move(Address::From({reinterpret_cast<const std::byte*>(&wire), sizeof(wire)})).value();
}

}  // namespace ringwall::socket::inet
