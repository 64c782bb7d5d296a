// InetSocket: the open file of an AF_INET or AF_INET6 socket: what its options and ioctls at socket(7), ip(7) and ipv6(7) do.
#pragma once

#include <cstdint>
#include <vector>

#include "sentry/socket/inet/endpoint.h"
#include "sentry/socket/socket.h"

namespace ringwall::socket::inet {

class InetSocket : public Socket {
 public:
  Result<void> Bind(Context& ctx, const Address& address, const Caller&) override { return endpoint_.Bind(ctx, address); }
  Result<Address> LocalName(Context&) override { return endpoint_.LocalName(); }
  Result<std::vector<std::byte>> GetOption(Context& ctx, int32_t level, int32_t name) override;
  Result<void> SetOption(Context& ctx, int32_t level, int32_t name, absl::Span<const std::byte> value) override;
  Result<int64_t> Ioctl(Context& ctx, uint32_t command, uint64_t argument) override;
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override {
    endpoint_.events().waiters.Add(waiter, mask, exclusive);
  }
  void RemoveWaiter(wait::Waiter& waiter) override { endpoint_.events().waiters.Remove(waiter); }

 protected:
  // The derived socket keeps `endpoint` alive.
  InetSocket(Context& ctx, int32_t type, int32_t protocol, Endpoint& endpoint)
      : Socket(ctx, endpoint.family(), type, protocol), endpoint_(endpoint) {
    endpoint.SetInode(inode());
  }
  // Options of the protocol itself (SOL_TCP, SOL_UDP), and of groups. ENOPROTOOPT.
  virtual Result<std::vector<std::byte>> GetProtocolOption(Context& ctx, int32_t name) = 0;
  virtual Result<void> SetProtocolOption(Context& ctx, int32_t name, absl::Span<const std::byte> value) = 0;
  virtual Result<void> ChangeMembership(int32_t level, int32_t name, absl::Span<const std::byte> value) {
    (void)level, (void)name, (void)value;
    return Errno::kEPROTO;
  }
  // SIOCINQ, SIOCOUTQ, SIOCATMARK.
  virtual Result<int32_t> Count(uint32_t command) = 0;
  // Which interface multicast goes out by (IP_MULTICAST_IF, IPV6_MULTICAST_IF), 0 for none chosen.
  uint32_t multicast_interface() const { return multicast_interface_.load(std::memory_order_relaxed); }
  bool privileged(Context& ctx) const;
  int32_t protocol_level() const;

 private:
  Result<std::vector<std::byte>> GetSocketOption(Context& ctx, int32_t name);
  Result<std::vector<std::byte>> GetIpOption(Context& ctx, int32_t name);
  Result<std::vector<std::byte>> GetIpv6Option(Context& ctx, int32_t name);
  Result<void> SetSocketOption(Context& ctx, int32_t name, absl::Span<const std::byte> value);
  Result<void> SetIpOption(Context& ctx, int32_t name, absl::Span<const std::byte> value);
  Result<void> SetIpv6Option(Context& ctx, int32_t name, absl::Span<const std::byte> value);
  Result<void> BindToDevice(Context& ctx, int32_t name, absl::Span<const std::byte> value);
  Result<void> SetMulticastInterface(absl::Span<const std::byte> value);

  Endpoint& endpoint_;
  std::atomic<uint32_t> multicast_interface_{0};
  std::atomic<uint32_t> unicast_interface_{0};
};

// The bytes of an option's value.
template <typename T>
std::vector<std::byte> OptionBytes(const T& value) {
  std::vector<std::byte> bytes(sizeof(T));
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

}  // namespace ringwall::socket::inet
