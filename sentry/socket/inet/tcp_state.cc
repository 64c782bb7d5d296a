// What a TCP socket's state means to those who read, write, poll and ask (tcp(7), poll(2)).
#include <utility>

#include "abi/poll.h"
#include "sentry/socket/inet/tcp_endpoint.h"

namespace ringwall::socket::inet {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM, kOut = abi::kPOLLOUT | abi::kPOLLWRNORM;
constexpr Errno kNoError = static_cast<Errno>(0);

}  // namespace

RefPtr<Stream> TcpEndpoint::stream() const {
  MutexLock lock(mu_);
  return stream_;
}

Result<Ref<Stream>> TcpEndpoint::ForSending() {
  MutexLock lock(mu_);
  if (stream_) return stream_.ToRef();
  if (error_ != kNoError) return std::exchange(error_, kNoError);
  if (state_ == State::kConnecting || state_ == State::kWaiting) return Errno::kEAGAIN;
  return Errno::kEPIPE;
}

Result<RefPtr<Stream>> TcpEndpoint::ForReceiving() {
  MutexLock lock(mu_);
  if (stream_) return stream_;
  if (state_ == State::kListening) return Errno::kENOTCONN;
  if (error_ != kNoError) return std::exchange(error_, kNoError);
  if (failed_ || receive_shut_) return RefPtr<Stream>();
  if (state_ == State::kConnecting || state_ == State::kWaiting) return Errno::kEAGAIN;
  return Errno::kENOTCONN;
}

Result<Address> TcpEndpoint::PeerName() const {
  RefPtr<Stream> stream;
  Name peer;
  {
    MutexLock lock(mu_);
    stream = stream_;
    peer = peer_;
  }
  if (!stream || stream->status(false).state == abi::kTCP_CLOSE) return Errno::kENOTCONN;
  return AddressOf(peer, family_);
}

wait::EventMask TcpEndpoint::Readiness(wait::EventMask mask, size_t low_water) {
  RefPtr<Stream> stream;
  wait::EventMask ready = 0;
  {
    MutexLock lock(mu_);
    stream = stream_;
    switch (state_) {
      case State::kListening: ready = queue_.empty() ? 0 : kIn; break;
      case State::kConnecting:
      case State::kWaiting: break;
      case State::kConnected:
      case State::kClosed: ready = kOut | abi::kPOLLHUP; break;
    }
    if (error_ != kNoError) ready |= abi::kPOLLERR;
    if (failed_ || receive_shut_) ready |= kIn | abi::kPOLLRDHUP;
  }
  if (stream) return stream->Readiness(mask, low_water);
  return ready & (mask | abi::kPOLLERR | abi::kPOLLHUP);
}

Errno TcpEndpoint::TakeError() {
  RefPtr<Stream> stream;
  {
    MutexLock lock(mu_);
    if (error_ != kNoError) return std::exchange(error_, kNoError);
    stream = stream_;
  }
  return stream ? stream->TakeError() : kNoError;
}

void TcpEndpoint::SetBuffers(uint32_t send, uint32_t receive) {
  send_buffer_.store(send, std::memory_order_relaxed);
  receive_buffer_.store(receive, std::memory_order_relaxed);
  if (const RefPtr<Stream> connected = stream()) connected->SetBuffers(send, receive);
}

TcpEndpoint::Row TcpEndpoint::row() const {
  Row row;
  RefPtr<Stream> stream;
  {
    MutexLock lock(mu_);
    row.local = local_;
    row.peer = peer_;
    stream = stream_;
    row.state = abi::kTCP_CLOSE;
    if (state_ == State::kListening) {
      row.state = abi::kTCP_LISTEN;
      row.receive = queue_.size();
      row.transmit = backlog_;
    }
    if (state_ == State::kConnecting || state_ == State::kWaiting) row.state = abi::kTCP_SYN_SENT;
  }
  if (stream) {
    const Stream::Status status = stream->status(true);
    row.state = status.state;
    row.transmit = status.unread_by_peer;
    row.receive = status.readable;
  }
  return row;
}

}  // namespace ringwall::socket::inet
