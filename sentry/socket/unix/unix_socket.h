// The open file of a unix(7) socket.
#pragma once

#include <utility>
#include <vector>

#include "sentry/socket/socket.h"
#include "sentry/socket/unix/endpoint.h"

namespace ringwall::socket::unix_domain {

class UnixSocket final : public Socket {
 public:
  UnixSocket(Context& ctx, int32_t type, int32_t protocol, Ref<Endpoint> endpoint)
      : Socket(ctx, abi::kAF_UNIX, type, protocol), endpoint_(std::move(endpoint)) {
    endpoint_->MarkAccepted();
    endpoint_->List(inode());
  }

  Result<void> Bind(Context& ctx, const Address& address, const Caller& caller) override { return endpoint_->Bind(ctx, address, caller); }
  Result<void> Listen(Context& ctx, int32_t backlog) override { return endpoint_->Listen(ctx, backlog); }
  Result<void> Connect(Context& ctx, const Address& address, const Caller& caller, BlockOn& block) override {
    return endpoint_->Connect(ctx, address, caller, block);
  }
  Result<Ref<Socket>> Accept(Context& ctx, Address& peer) override;
  Result<void> Shutdown(Context&, int32_t how) override { return endpoint_->Shutdown(how); }
  Result<Address> LocalName(Context&) override { return endpoint_->LocalName(); }
  Result<Address> PeerName(Context&) override { return endpoint_->PeerName(); }
  Result<size_t> SendMsg(Context& ctx, mm::IoSource& source, SendRequest& request, BlockOn& block) override;
  Result<size_t> ReceiveMsg(Context& ctx, mm::IoSink& sink, uint32_t flags, ReceiveResult& result) override;
  Result<std::vector<std::byte>> GetOption(Context& ctx, int32_t level, int32_t name) override;
  Result<void> SetOption(Context& ctx, int32_t level, int32_t name, absl::Span<const std::byte> value) override;
  Result<int64_t> Ioctl(Context& ctx, uint32_t command, uint64_t argument) override;
  wait::EventMask Readiness(wait::EventMask mask) override { return endpoint_->Readiness(mask); }
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override {
    endpoint_->queue().Add(waiter, mask, exclusive);
  }
  void RemoveWaiter(wait::Waiter& waiter) override { endpoint_->queue().Remove(waiter); }

 protected:
  Errno TakeError() override { return endpoint_->TakeError(); }
  bool listening() const override { return endpoint_->listening(); }
  void OnBufferChanged() override { endpoint_->SetSendLimit(send_buffer()); }

 private:
  ~UnixSocket() override { endpoint_->Close(true); }
  const Ref<Endpoint> endpoint_;
};

}  // namespace ringwall::socket::unix_domain
