// The open file of a UDP socket (udp(7)).
#pragma once

#include <utility>
#include <vector>

#include "sentry/socket/inet/inet_socket.h"
#include "sentry/socket/inet/udp_endpoint.h"

namespace ringwall::socket::inet {

class UdpSocket final : public InetSocket {
 public:
  UdpSocket(Context& ctx, int32_t protocol, Ref<UdpEndpoint> endpoint)
      : InetSocket(ctx, abi::kSOCK_DGRAM, protocol, endpoint), endpoint_(std::move(endpoint)) {}

  Result<void> Listen(Context&, int32_t) override { return Errno::kEOPNOTSUPP; }
  Result<void> Connect(Context& ctx, const Address& address, const Caller& caller, BlockOn& block) override;
  Result<Ref<Socket>> Accept(Context&, Address&) override { return Errno::kEOPNOTSUPP; }
  Result<void> Shutdown(Context& ctx, int32_t how) override;
  Result<Address> PeerName(Context&) override { return endpoint_->PeerName(); }
  Result<size_t> SendMsg(Context& ctx, mm::IoSource& source, SendRequest& request, BlockOn& block) override;
  Result<size_t> ReceiveMsg(Context& ctx, mm::IoSink& sink, uint32_t flags, ReceiveResult& result) override;
  wait::EventMask Readiness(wait::EventMask mask) override { return endpoint_->Readiness(mask); }

 protected:
  Errno TakeError() override { return endpoint_->TakeError(); }
  void OnBufferChanged() override { endpoint_->SetReceiveBuffer(receive_buffer()); }
  Result<std::vector<std::byte>> GetProtocolOption(Context& ctx, int32_t name) override;
  Result<void> SetProtocolOption(Context& ctx, int32_t name, absl::Span<const std::byte> value) override;
  Result<void> ChangeMembership(int32_t level, int32_t name, absl::Span<const std::byte> value) override;
  Result<int32_t> Count(uint32_t command) override;

 private:
  ~UdpSocket() override { endpoint_->Close(); }
  Result<void> ReadControl(const SendControl& control, UdpEndpoint::SendOptions& options) const;
  void TellControl(const Datagram& datagram, ReceiveResult& result) const;
  Result<size_t> ReceiveObjection(mm::IoSink& sink, bool peek, ReceiveResult& result);
  bool IsForOthers(int32_t name) const;
  bool asked(int32_t v4_option, int32_t v6_option) const;

  const Ref<UdpEndpoint> endpoint_;
};

}  // namespace ringwall::socket::inet
