// Network: what sockets of one network namespace share. It has one interface, lo: every route ends in this sandbox or nowhere.
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/socket/inet/name.h"
#include "sentry/socket/inet/ports.h"

namespace ringwall::socket::inet {

inline constexpr uint32_t kLoopbackIndex = 1, kLoopbackMtu = 65536;

// Where a packet goes, and as whose. The seam for an external interface is here: a route that is not ours would name it, and its engine
// would make the Stream or take the datagram (docs/adr/0007).
struct Route {
  enum class Kind : uint8_t { kLocal, kBroadcast, kMulticast };
  Kind kind = Kind::kLocal;
  IpAddress destination;  // never the wildcard
  IpAddress source;       // for a socket without an address of its own
};

class Network final : public RefCounted {
 public:
  Network() = default;

  // ENETUNREACH. `via_loopback`: the sender has chosen the interface, by an option or by its own address.
  static Result<Route> RouteTo(const IpAddress& destination, bool via_loopback);
  // bind(2): EADDRNOTAVAIL, EINVAL for a scoped address without an interface.
  static Result<void> CheckLocal(const Name& name, bool any_address, bool stream);
  // An interface index that exists, or 0; ENODEV.
  static Result<uint32_t> CheckInterface(int32_t index);

  PortTable& tcp() { return tcp_; }
  PortTable& udp() { return udp_; }
  PortTable& udplite() { return udplite_; }

  // Multicast groups that sockets have joined on lo: nothing else is taken there.
  void JoinGroup(const IpAddress& group);
  void LeaveGroup(const IpAddress& group);
  bool HasMembers(const IpAddress& group) const;

  // Traffic of lo for /proc/net/dev: each packet is sent and received.
  void Count(uint64_t bytes, uint64_t packets = 1) {
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
    packets_.fetch_add(packets, std::memory_order_relaxed);
  }
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint64_t packets() const { return packets_.load(std::memory_order_relaxed); }

 private:
  ~Network() override = default;
  PortTable tcp_{false}, udp_{true}, udplite_{true};
  mutable Mutex<LockRank::kSocketAddress> groups_mu_;
  absl::flat_hash_map<IpAddress, size_t> groups_ ABSL_GUARDED_BY(groups_mu_);  // members of multicast groups on lo
  std::atomic<uint64_t> bytes_{0}, packets_{0};
};

}  // namespace ringwall::socket::inet
