// The open file of a netlink(7) socket. The other side is always the kernel: an answer is there when the request has been sent.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "base/sync/mutex.h"
#include "sentry/socket/inet/network.h"
#include "sentry/socket/netlink/message.h"
#include "sentry/socket/socket.h"

namespace ringwall::socket::netlink {

// Port ids in use, for each protocol.
class Ports final : public RefCounted {
 public:
  Ports() = default;
  bool Take(int32_t protocol, uint32_t port);
  // The process's number, else one above all of them.
  uint32_t TakeAny(int32_t protocol, uint32_t process);
  void Return(int32_t protocol, uint32_t port);

 private:
  ~Ports() override = default;
  Mutex<LockRank::kSocketAddress> mu_;
  absl::flat_hash_set<uint64_t> taken_ ABSL_GUARDED_BY(mu_);
};

class NetlinkSocket final : public Socket {
 public:
  NetlinkSocket(Context& ctx, int32_t type, int32_t protocol, Ref<inet::Network> network, Ref<Ports> ports)
      : Socket(ctx, abi::kAF_NETLINK, type, protocol), network_(std::move(network)), ports_(std::move(ports)) {}

  // A datagram from elsewhere in the kernel: mq_notify(2)'s cookie.
  void Deliver(Bytes datagram) { Push(std::move(datagram)); }

  Result<void> Bind(Context& ctx, const Address& address, const Caller& caller) override;
  Result<void> Listen(Context&, int32_t) override { return Errno::kEOPNOTSUPP; }
  Result<void> Connect(Context& ctx, const Address& address, const Caller& caller, BlockOn& block) override;
  Result<Ref<Socket>> Accept(Context&, Address&) override { return Errno::kEOPNOTSUPP; }
  Result<void> Shutdown(Context&, int32_t) override { return Errno::kEOPNOTSUPP; }
  Result<Address> LocalName(Context&) override;
  Result<Address> PeerName(Context&) override;
  Result<size_t> SendMsg(Context& ctx, mm::IoSource& source, SendRequest& request, BlockOn& block) override;
  Result<size_t> ReceiveMsg(Context& ctx, mm::IoSink& sink, uint32_t flags, ReceiveResult& result) override;
  Result<std::vector<std::byte>> GetOption(Context& ctx, int32_t level, int32_t name) override;
  Result<void> SetOption(Context& ctx, int32_t level, int32_t name, absl::Span<const std::byte> value) override;
  Result<int64_t> Ioctl(Context& ctx, uint32_t command, uint64_t argument) override;
  wait::EventMask Readiness(wait::EventMask mask) override;
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override { waiters_.Add(waiter, mask, exclusive); }
  void RemoveWaiter(wait::Waiter& waiter) override { waiters_.Remove(waiter); }

 protected:
  Errno TakeError() override;

 private:
  ~NetlinkSocket() override;
  Result<void> BindIfNeeded(Context& ctx);
  void Serve(Context& ctx, absl::Span<const std::byte> bytes);
  void Acknowledge(const Request& request, Errno error);
  void Push(Bytes datagram);
  uint32_t port() const;

  const Ref<inet::Network> network_;
  const Ref<Ports> ports_;
  wait::WaitQueue waiters_;
  mutable Mutex<LockRank::kSocket> mu_;
  bool bound_ ABSL_GUARDED_BY(mu_) = false;
  uint32_t port_ ABSL_GUARDED_BY(mu_) = 0;
  uint32_t groups_ ABSL_GUARDED_BY(mu_) = 0;
  uint32_t peer_port_ ABSL_GUARDED_BY(mu_) = 0, peer_groups_ ABSL_GUARDED_BY(mu_) = 0;
  uint32_t switches_ ABSL_GUARDED_BY(mu_) = 0;  // SOL_NETLINK options by their number
  bool pass_credentials_ ABSL_GUARDED_BY(mu_) = false;
  Errno error_ ABSL_GUARDED_BY(mu_) = static_cast<Errno>(0);
  uint64_t charge_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<Bytes> inbox_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ringwall::socket::netlink
