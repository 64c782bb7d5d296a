// Endpoint: what a TCP and a UDP socket have in common below their open file: address, port, options, who waits. The port table holds it
// as long as it has a port.
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/context/context.h"
#include "sentry/socket/inet/ip_options.h"
#include "sentry/socket/inet/name.h"
#include "sentry/socket/inet/network.h"
#include "sentry/socket/inet/ports.h"
#include "sentry/socket/inet/stream.h"

namespace ringwall::socket::inet {

class Endpoint : public PortOwner {
 public:
  int32_t family() const { return family_; }
  Network& network() const { return *network_; }
  EventQueue& events() const { return *events_; }
  OptionValues& options() { return options_; }
  const OptionValues& options() const { return options_; }
  bool v6_only() const { return v6_only_.load(std::memory_order_relaxed); }
  // EINVAL once there is a port.
  Result<void> SetV6Only(bool on);
  uint32_t device() const { return device_.load(std::memory_order_relaxed); }
  void SetDevice(uint32_t index) { device_.store(index, std::memory_order_relaxed); }
  uint32_t user() const { return user_; }
  uint64_t inode() const { return inode_.load(std::memory_order_relaxed); }
  void SetInode(uint64_t inode) { inode_.store(inode, std::memory_order_relaxed); }

  Result<void> Bind(Context& ctx, const Address& address);
  Address LocalName() const;

 protected:
  Endpoint(Ref<Network> network, PortTable& ports, int32_t family, bool stream, uint32_t user)
      : network_(std::move(network)),
        ports_(ports),
        family_(family),
        stream_kind_(stream),
        user_(user),
        local_{IpAddress::Any(family)},
        bound_ip_(local_.ip) {}
  ~Endpoint() override = default;

  // An address of connect(2) or sendto(2) in this socket's family: EINVAL, EAFNOSUPPORT; ENETUNREACH for IPv4 on an IPv6-only socket.
  Result<Name> ParsePeer(const Address& address, bool other_family) const;
  bool free_to_bind() const;
  Binding BindingFor(const Name& local, bool by_bind) const;
  // An ephemeral port on the wildcard, if there is none yet (listen(2), sendto(2)). EADDRINUSE; EAGAIN as udp(7) says.
  Result<void> AutoBind();
  // May bind(2) be called in this state?
  virtual bool MayBindLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) = 0;
  // Gives the port back.
  void Unbind();

  const Ref<Network> network_;
  PortTable& ports_;
  const int32_t family_;
  const bool stream_kind_;
  const uint32_t user_;
  const Ref<EventQueue> events_ = MakeRef<EventQueue>();
  OptionValues options_;
  std::atomic<bool> v6_only_{false};
  std::atomic<uint32_t> device_{0};
  std::atomic<uint64_t> inode_{0};

  // The port table's lock comes before this one, a listener's before that of who connects to it, a stream's after it.
  mutable Mutex<LockRank::kSocket> mu_;
  Name local_ ABSL_GUARDED_BY(mu_);
  Name peer_ ABSL_GUARDED_BY(mu_);
  bool binding_ ABSL_GUARDED_BY(mu_) = false;  // bind(2) is under way
  bool bound_ ABSL_GUARDED_BY(mu_) = false;    // has a port in the table
  bool by_bind_ ABSL_GUARDED_BY(mu_) = false;  // to a port of the caller's choice: it stays over connections
  IpAddress bound_ip_ ABSL_GUARDED_BY(mu_);    // what bind(2) said: stays over connections as well
};

}  // namespace ringwall::socket::inet
