// The open file of a TCP socket (tcp(7)).
#pragma once

#include <utility>
#include <vector>

#include "sentry/socket/inet/inet_socket.h"
#include "sentry/socket/inet/tcp_endpoint.h"

namespace ringwall::socket::inet {

class TcpSocket final : public InetSocket {
 public:
  TcpSocket(Context& ctx, int32_t protocol, Ref<TcpEndpoint> endpoint);

  Result<void> Listen(Context&, int32_t backlog) override { return endpoint_->Listen(static_cast<uint32_t>(backlog)); }
  Result<void> Connect(Context& ctx, const Address& address, const Caller& caller, BlockOn& block) override;
  Result<Ref<Socket>> Accept(Context& ctx, Address& peer) override;
  Result<void> Shutdown(Context& ctx, int32_t how) override;
  Result<Address> PeerName(Context&) override { return endpoint_->PeerName(); }
  Result<size_t> SendMsg(Context& ctx, mm::IoSource& source, SendRequest& request, BlockOn& block) override;
  Result<size_t> ReceiveMsg(Context& ctx, mm::IoSink& sink, uint32_t flags, ReceiveResult& result) override;
  wait::EventMask Readiness(wait::EventMask mask) override { return endpoint_->Readiness(mask, receive_low_water()); }

 protected:
  Errno TakeError() override { return endpoint_->TakeError(); }
  bool listening() const override { return endpoint_->is_listener(); }
  void OnBufferChanged() override { endpoint_->SetBuffers(send_buffer(), receive_buffer()); }
  Result<std::vector<std::byte>> GetProtocolOption(Context& ctx, int32_t name) override;
  Result<void> SetProtocolOption(Context& ctx, int32_t name, absl::Span<const std::byte> value) override;
  Result<int32_t> Count(uint32_t command) override;

 private:
  ~TcpSocket() override;
  abi::TcpInfo Info() const;
  Result<void> SetCongestion(absl::Span<const std::byte> value);

  const Ref<TcpEndpoint> endpoint_;
  std::atomic<bool> reno_{false};
};

}  // namespace ringwall::socket::inet
