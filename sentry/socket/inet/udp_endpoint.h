// UdpEndpoint: a UDP socket below its open file: its peer, what has come in, and errors that came back (udp(7)).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "sentry/mm/io_buffer.h"
#include "sentry/socket/inet/endpoint.h"
#include "sentry/socket/payload.h"

namespace ringwall::socket::inet {

struct Datagram {
  RefPtr<Payload> payload;  // null: no bytes
  uint32_t offset = 0, length = 0;
  Name from, to;
  int32_t ttl = 64, traffic_class = 0;
  abi::Timespec arrived;
  uint32_t dropped_before = 0;
  absl::Span<const std::byte> bytes() const {
    return length == 0 ? absl::Span<const std::byte>() : absl::Span<const std::byte>(payload->data() + offset, length);
  }
};

// A datagram that could not be delivered, for IP_RECVERR's queue: the datagram, and who says what about it.
struct Objection {
  Datagram datagram;
  abi::SockExtendedErr error;
};

class UdpEndpoint final : public Endpoint {
 public:
  static constexpr uint32_t kBuffer = 212992;

  // `lite`: udplite(7), the same with ports of its own.
  UdpEndpoint(Ref<Network> network, int32_t family, uint32_t user, bool lite)
      : Endpoint(network, lite ? network->udplite() : network->udp(), family, false, user) {}

  Result<void> Connect(const Address& address, bool broadcast, uint32_t multicast_interface);
  Result<void> Shutdown(bool reading, bool writing);
  void Close();
  Result<Address> PeerName() const;

  // ---- udp_transfer.cc ----
  struct SendOptions {
    uint32_t flags = 0;
    bool broadcast = false;
    uint32_t multicast_interface = 0;
    // By control messages, for this datagram only.
    std::optional<IpAddress> source;
    std::optional<int32_t> ttl, traffic_class;
    uint32_t segment = 0;  // UDP_SEGMENT: cut into datagrams of this size
  };
  // Empty address: the peer.
  Result<size_t> Send(Context& ctx, mm::IoSource& source, const Address& to, const SendOptions& options);
  // UDP_CORK switched off: what was held back goes out.
  Result<void> Uncork(Context& ctx);
  // The next datagram; null: the end, after shutdown(2), for who would wait. EAGAIN; a pending error.
  Result<std::optional<Datagram>> Take(bool peek, bool nonblocking);
  // EAGAIN when there is none.
  Result<Objection> TakeObjection(bool peek);

  // ---- state ----
  wait::EventMask Readiness(wait::EventMask mask);
  Errno TakeError();
  size_t NextSize() const;
  void SetReceiveBuffer(uint32_t bytes);
  Result<void> Join(const IpAddress& group);
  Result<void> Leave(const IpAddress& group);
  struct Row {
    Name local, peer;
    bool connected = false;
    uint64_t receive = 0;
    uint32_t drops = 0;
  };
  Row row() const;

 private:
  struct Corked {
    Name to;
    SendOptions options;
    std::vector<std::byte> bytes;
  };

  ~UdpEndpoint() override = default;
  bool MayBindLocked() const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return true; }
  void Disconnect();
  Result<void> CheckSend();
  Result<Name> Destination(const Address& to) const;
  Result<Route> RouteFor(const Name& to, const SendOptions& options) const;
  Result<void> Transmit(Context& ctx, RefPtr<Payload> payload, uint32_t length, const Name& to, const SendOptions& options);
  Result<void> TransmitOne(Context& ctx, Datagram datagram, const Route& route);
  // How well the packet fits this socket; 0: not at all.
  int ScoreFor(const Binding& binding, const Datagram& datagram) const;
  bool WantsGroup(const Binding& binding, const Datagram& datagram) const;
  // Into this socket's queue, if there is room.
  void Deliver(const Datagram& datagram);
  // Nobody has the port: what ICMP would have told.
  void OnUnreachable(const Datagram& datagram);
  static uint64_t CostOf(const Datagram& datagram);

  std::atomic<uint32_t> receive_buffer_{kBuffer};
  bool connected_ ABSL_GUARDED_BY(mu_) = false;
  bool receive_shut_ ABSL_GUARDED_BY(mu_) = false, send_shut_ ABSL_GUARDED_BY(mu_) = false;
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
  Errno error_ ABSL_GUARDED_BY(mu_) = static_cast<Errno>(0);
  uint64_t charge_ ABSL_GUARDED_BY(mu_) = 0;
  uint32_t drops_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<Datagram> inbox_ ABSL_GUARDED_BY(mu_);
  std::deque<Objection> objections_ ABSL_GUARDED_BY(mu_);
  std::vector<IpAddress> groups_ ABSL_GUARDED_BY(mu_);
  std::optional<Corked> corked_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ringwall::socket::inet
