// TcpEndpoint: a TCP socket below its open file: closed, listening, connecting or one end of a Stream (tcp(7)).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <utility>

#include "sentry/socket/inet/endpoint.h"

namespace ringwall::socket::inet {

class TcpEndpoint final : public Endpoint {
 public:
  // What a socket has before it is connected (net.ipv4.tcp_wmem, tcp_rmem), and what sending grows to.
  static constexpr uint32_t kFirstSendBuffer = 16384, kReceiveBuffer = 131072, kGrownSendBuffer = 2626560;

  TcpEndpoint(Ref<Network> network, int32_t family, uint32_t user) : Endpoint(network, network->tcp(), family, true, user) {}

  // ---- tcp_connect.cc ----
  Result<void> Listen(uint32_t backlog);
  // EAGAIN: a blocking caller waits for POLLOUT and calls again; a non-blocking one gets EINPROGRESS, whatever has happened already.
  Result<void> Connect(const Address& address, bool nonblocking);
  Result<Ref<TcpEndpoint>> Accept();
  Result<void> Shutdown(bool reading, bool writing);
  // The last descriptor is gone; `reset`: SO_LINGER with no time.
  void Close(bool reset);

  // ---- tcp_state.cc ----
  // The connection to send into; EPIPE or the pending error without one, EAGAIN while connecting.
  Result<Ref<Stream>> ForSending();
  // The connection to receive from; null: the end. ENOTCONN or the pending error without one, EAGAIN while connecting.
  Result<RefPtr<Stream>> ForReceiving();
  RefPtr<Stream> stream() const;
  Result<Address> PeerName() const;
  wait::EventMask Readiness(wait::EventMask mask, size_t low_water);
  Errno TakeError();
  bool is_listener() const { return listening(); }
  void SetBuffers(uint32_t send, uint32_t receive);
  // Its line of /proc/net/tcp.
  struct Row {
    Name local, peer;
    uint8_t state = 0;
    uint64_t transmit = 0, receive = 0;
  };
  Row row() const;

 private:
  enum class State : uint8_t { kClosed, kConnecting, kWaiting /* for room at a listener */, kListening, kConnected };
  enum class Offer : uint8_t { kTaken, kFull, kRefused, kGone /* the client has changed its mind */ };

  ~TcpEndpoint() override = default;
  bool MayBindLocked() const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return state_ == State::kClosed; }
  Result<void> StartConnecting(const Name& to);
  // Of a listener: makes the connection with `client`, or lets it wait.
  Offer Take(TcpEndpoint& client);
  void AdmitWaiting();
  void RemoveWaiting(uint64_t ticket);
  void StopListening();
  void Refuse(Errno error);
  Result<void> Disconnect();
  // Forgets tuple and, unless bind(2) chose it, the port.
  void ReleaseTuple();

  std::atomic<uint32_t> send_buffer_{kFirstSendBuffer}, receive_buffer_{kReceiveBuffer};
  State state_ ABSL_GUARDED_BY(mu_) = State::kClosed;
  // connect(2) has been called and its outcome not been told yet.
  bool untold_ ABSL_GUARDED_BY(mu_) = false;
  bool failed_ ABSL_GUARDED_BY(mu_) = false;  // a connection that was refused: both directions are over
  bool receive_shut_ ABSL_GUARDED_BY(mu_) = false, send_shut_ ABSL_GUARDED_BY(mu_) = false;
  bool has_tuple_ ABSL_GUARDED_BY(mu_) = false;
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
  Errno error_ ABSL_GUARDED_BY(mu_) = static_cast<Errno>(0);
  RefPtr<Stream> stream_ ABSL_GUARDED_BY(mu_);
  // While waiting.
  RefPtr<TcpEndpoint> waits_at_ ABSL_GUARDED_BY(mu_);
  uint64_t ticket_ ABSL_GUARDED_BY(mu_) = 0;
  // Of a listener: connections to accept, and clients that found the queue full, in the order in which they came.
  std::deque<Ref<TcpEndpoint>> queue_ ABSL_GUARDED_BY(mu_);
  std::map<uint64_t, Ref<TcpEndpoint>> waiting_ ABSL_GUARDED_BY(mu_);
  uint64_t next_ticket_ ABSL_GUARDED_BY(mu_) = 1;
  uint32_t backlog_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace ringwall::socket::inet
