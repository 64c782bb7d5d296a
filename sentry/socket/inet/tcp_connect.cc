// listen(2), connect(2), accept(2), shutdown(2), close(2) of TCP. A handshake is one step here: it succeeds, is refused, or the client
// waits for room in the listener's queue.
#include <utility>
#include <vector>

#include "abi/poll.h"
#include "sentry/socket/inet/loopback_stream.h"
#include "sentry/socket/inet/tcp_endpoint.h"

namespace ringwall::socket::inet {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM, kOut = abi::kPOLLOUT | abi::kPOLLWRNORM;
constexpr wait::EventMask kAll = kIn | kOut | abi::kPOLLRDHUP | abi::kPOLLHUP | abi::kPOLLERR;
constexpr Errno kNoError = static_cast<Errno>(0);

}  // namespace

// ---- listening ----

Result<void> TcpEndpoint::Listen(uint32_t backlog) {
  {
    MutexLock lock(mu_);
    if (state_ == State::kListening) {
      backlog_ = backlog;
      return {};
    }
    if (state_ != State::kClosed || untold_ || gone_) return Errno::kEINVAL;
  }
  TRY(AutoBind());
  uint16_t port;
  {
    MutexLock lock(mu_);
    port = local_.port;
  }
  TRY(ports_.StartListening(*this, port));
  {
    MutexLock lock(mu_);
    if (state_ == State::kClosed && !untold_ && !gone_) {
      state_ = State::kListening;
      backlog_ = backlog;
      failed_ = receive_shut_ = send_shut_ = false;
      SetListening(true);
    }
  }
  AdmitWaiting();
  return {};
}

// Everything that came and was not accepted is reset; who still waits is refused.
void TcpEndpoint::StopListening() {
  std::deque<Ref<TcpEndpoint>> unaccepted;
  std::map<uint64_t, Ref<TcpEndpoint>> waiting;
  uint16_t port;
  {
    MutexLock lock(mu_);
    if (state_ != State::kListening) return;
    state_ = State::kClosed;
    SetListening(false);
    unaccepted.swap(queue_);
    waiting.swap(waiting_);
    port = local_.port;
  }
  ports_.StopListening(*this, port);
  for (const Ref<TcpEndpoint>& connection : unaccepted) connection->Close(true);
  for (const auto& [ticket, client] : waiting) client->Refuse(Errno::kECONNREFUSED);
  events_->waiters.Notify(kAll);
}

void TcpEndpoint::RemoveWaiting(uint64_t ticket) {
  RefPtr<TcpEndpoint> removed;  // dies outside the lock
  MutexLock lock(mu_);
  const auto it = waiting_.find(ticket);
  if (it == waiting_.end()) return;
  removed = it->second;
  waiting_.erase(it);
}

void TcpEndpoint::AdmitWaiting() {
  for (;;) {
    RefPtr<TcpEndpoint> client;
    {
      MutexLock lock(mu_);
      if (state_ != State::kListening || waiting_.empty() || queue_.size() > backlog_) return;
      client = waiting_.begin()->second;
      waiting_.erase(waiting_.begin());
    }
    const Offer offer = Take(*client);
    if (offer == Offer::kRefused) client->Refuse(Errno::kECONNREFUSED);
    if (offer == Offer::kFull) return;
  }
}

TcpEndpoint::Offer TcpEndpoint::Take(TcpEndpoint& client) {
  Tuple reverse;
  {
    MutexLock lock(client.mu_);
    reverse = {.local = client.peer_, .peer = client.local_};
  }
  const Ref<TcpEndpoint> served = MakeRef<TcpEndpoint>(network_, family_, user_);
  served->options_.CopyFrom(options_);
  served->v6_only_ = v6_only_.load();
  served->device_ = device_.load();
  served->SetReuseAddress(reuse_address());
  served->SetReusePort(reuse_port());
  served->send_buffer_ = std::max(send_buffer_.load(), kGrownSendBuffer);
  served->receive_buffer_ = receive_buffer_.load();
  // In the table before anybody can close it again.
  ports_.Adopt(served, served->BindingFor(reverse.local, false));
  const bool unique = ports_.AddTuple(reverse);
  auto [near, far] =
      LoopbackStream::Connect({.events = client.events_, .send_buffer = client.send_buffer_, .receive_buffer = client.receive_buffer_},
                              {.events = served->events_, .send_buffer = served->send_buffer_, .receive_buffer = served->receive_buffer_});
  {
    MutexLock lock(served->mu_);
    served->state_ = State::kConnected;
    served->bound_ = true;
    served->has_tuple_ = unique;
    served->local_ = reverse.local;
    served->peer_ = reverse.peer;
    served->stream_ = far;
  }
  Offer offer = Offer::kTaken;
  {
    MutexLock lock(mu_);
    // One that connects never listens, so this order has no circle.
    MutexLockNested other(client.mu_);
    if (client.state_ != State::kConnecting && client.state_ != State::kWaiting) {
      offer = Offer::kGone;
    } else if (state_ != State::kListening) {
      offer = Offer::kRefused;
    } else if (queue_.size() > backlog_) {
      client.state_ = State::kWaiting;
      client.waits_at_ = RefPtr<TcpEndpoint>::Share(this);
      client.ticket_ = next_ticket_++;
      waiting_.emplace(client.ticket_, Ref<TcpEndpoint>(client));
      offer = Offer::kFull;
    } else {
      client.state_ = State::kConnected;
      client.stream_ = near;
      client.waits_at_ = nullptr;
      queue_.push_back(served);
    }
  }
  if (offer != Offer::kTaken) {
    served->Close(true);
    return offer;
  }
  network_->Count(3 * 60, 3);  // what a handshake is
  events_->waiters.Notify(kIn);
  client.events_->waiters.Notify(kOut);
  return offer;
}

Result<Ref<TcpEndpoint>> TcpEndpoint::Accept() {
  RefPtr<TcpEndpoint> connection;
  {
    MutexLock lock(mu_);
    if (state_ != State::kListening) return Errno::kEINVAL;
    if (queue_.empty()) return Errno::kEAGAIN;
    connection = queue_.front();
    queue_.pop_front();
  }
  AdmitWaiting();
  return std::move(connection).ToRef();
}

// ---- connecting ----

Result<void> TcpEndpoint::Connect(const Address& address, bool nonblocking) {
  if (address.size() < sizeof(uint16_t)) return Errno::kEINVAL;
  if (address.family() == abi::kAF_UNSPEC) return Disconnect();
  {
    MutexLock lock(mu_);
    if (state_ == State::kListening) return Errno::kEISCONN;
    if (untold_) {
      if (state_ == State::kConnecting || state_ == State::kWaiting) return nonblocking ? Errno::kEALREADY : Errno::kEAGAIN;
      untold_ = false;
      if (state_ == State::kConnected) return {};
      failed_ = false;
      // SO_ERROR may have been asked before (connect(2)).
      const Errno error = std::exchange(error_, kNoError);
      return error == kNoError ? Errno::kECONNABORTED : error;
    }
    if (state_ != State::kClosed || gone_) return Errno::kEISCONN;
  }
  Name to = TRY(ParsePeer(address, false));
  if (to.ip.has_scope() && to.scope == 0 && !to.ip.is_multicast()) return Errno::kEINVAL;
  const Route route = TRY(Network::RouteTo(to.ip, device() != 0));
  if (route.kind != Route::Kind::kLocal) return Errno::kENETUNREACH;
  to.ip = route.destination;
  {
    MutexLock lock(mu_);
    if (state_ != State::kClosed || untold_ || binding_) return Errno::kEALREADY;
    state_ = State::kConnecting;
    untold_ = true;
    failed_ = receive_shut_ = send_shut_ = false;
    error_ = kNoError;
    peer_ = to;
    if (local_.ip.is_any()) local_.ip = route.source;
  }
  Result<void> started = StartConnecting(to);
  if (!started.ok() && started.error() != Errno::kECONNREFUSED) {
    Refuse(kNoError);
    MutexLock lock(mu_);
    untold_ = failed_ = false;
    return started;
  }
  if (!started.ok()) Refuse(Errno::kECONNREFUSED);
  if (nonblocking) return Errno::kEINPROGRESS;
  // Tells the outcome, or that there is none yet.
  return Connect(address, false);
}

Result<void> TcpEndpoint::StartConnecting(const Name& to) {
  Name local;
  bool bound;
  {
    MutexLock lock(mu_);
    local = local_;
    bound = bound_;
  }
  if (local.ip.is_v4() != to.ip.is_v4()) return Errno::kENETUNREACH;
  if (!bound) {
    const uint16_t port = TRY(ports_.BindForConnect(*this, BindingFor(local, false), to));
    MutexLock lock(mu_);
    bound_ = has_tuple_ = true;
    local_.port = port;
  } else {
    if (!ports_.AddTuple({.local = local, .peer = to})) return Errno::kEADDRNOTAVAIL;
    ports_.SetLocal(*this, local.port, local.ip);
    MutexLock lock(mu_);
    has_tuple_ = true;
  }
  {
    MutexLock lock(mu_);
    local = local_;
  }
  const RefPtr<PortOwner> found = ports_.FindListener(to, device(), local);
  if (!found || found.get() == this) return Errno::kECONNREFUSED;
  // Only TcpEndpoints own TCP ports.
  if (static_cast<TcpEndpoint&>(*found).Take(*this) == Offer::kRefused) return Errno::kECONNREFUSED;
  return {};
}

void TcpEndpoint::Refuse(Errno error) {
  {
    MutexLock lock(mu_);
    if (state_ != State::kConnecting && state_ != State::kWaiting) return;
    state_ = State::kClosed;
    error_ = error;
    failed_ = true;
    waits_at_ = nullptr;
  }
  ReleaseTuple();
  events_->waiters.Notify(kAll);
}

void TcpEndpoint::ReleaseTuple() {
  Tuple tuple;
  bool had_tuple, keeps_port;
  IpAddress ip;
  uint16_t port;
  {
    MutexLock lock(mu_);
    tuple = {.local = local_, .peer = peer_};
    had_tuple = std::exchange(has_tuple_, false);
    keeps_port = by_bind_;
    ip = local_.ip = bound_ip_;
    port = local_.port;
    peer_ = {};
  }
  if (had_tuple) ports_.RemoveTuple(tuple);
  if (keeps_port) {
    ports_.SetLocal(*this, port, ip);
  } else {
    Unbind();
  }
}

// connect(2) with AF_UNSPEC, and shutdown(2) of what is not connected yet.
Result<void> TcpEndpoint::Disconnect() {
  RefPtr<Stream> stream;
  RefPtr<TcpEndpoint> waited_at;
  uint64_t ticket = 0;
  bool listener;
  {
    MutexLock lock(mu_);
    listener = state_ == State::kListening;
    stream = std::move(stream_);
    waited_at = std::move(waits_at_);
    ticket = ticket_;
    error_ = kNoError;
    if (waited_at) error_ = Errno::kECONNRESET;
    if (!listener) state_ = State::kClosed;
    untold_ = failed_ = receive_shut_ = send_shut_ = false;
  }
  if (listener) StopListening();
  if (waited_at) waited_at->RemoveWaiting(ticket);
  if (stream) {
    const bool open = stream->status(false).state != abi::kTCP_CLOSE;
    stream->Abort();
    MutexLock lock(mu_);
    if (open) error_ = Errno::kECONNRESET;
  }
  ReleaseTuple();
  events_->waiters.Notify(kAll);
  return {};
}

// ---- the end ----

Result<void> TcpEndpoint::Shutdown(bool reading, bool writing) {
  RefPtr<Stream> stream;
  State state;
  {
    MutexLock lock(mu_);
    state = state_;
    stream = stream_;
    if (state == State::kClosed || (stream && !stream_)) {
      receive_shut_ = receive_shut_ || reading;
      send_shut_ = send_shut_ || writing;
    }
  }
  switch (state) {
    case State::kConnected: return stream->Shutdown(reading, writing);
    case State::kListening:
      if (reading) return Disconnect();
      return {};
    case State::kConnecting:
    case State::kWaiting: return Disconnect();
    case State::kClosed: break;
  }
  events_->waiters.Notify(kAll);
  return Errno::kENOTCONN;
}

void TcpEndpoint::Close(bool reset) {
  RefPtr<Stream> stream;
  RefPtr<TcpEndpoint> waited_at;
  uint64_t ticket = 0;
  Tuple tuple;
  bool had_tuple;
  {
    MutexLock lock(mu_);
    if (gone_) return;
    gone_ = true;
    if (state_ != State::kListening) state_ = State::kClosed;  // no handshake under way can finish any more
    stream = std::move(stream_);
    waited_at = std::move(waits_at_);
    ticket = ticket_;
    tuple = {.local = local_, .peer = peer_};
    had_tuple = std::exchange(has_tuple_, false);
  }
  StopListening();
  if (waited_at) waited_at->RemoveWaiting(ticket);
  if (stream) {
    const Stream::Leaves leaves = stream->Close(reset);
    if (leaves == Stream::Leaves::kTimeWait) ports_.AddTimeWait(tuple, family_, reuse_address(), reuse_port(), user_);
    if (leaves == Stream::Leaves::kReset) ports_.RemoveTimeWait({.local = tuple.peer, .peer = tuple.local});
  }
  if (had_tuple) ports_.RemoveTuple(tuple);
  Unbind();
}

}  // namespace ringwall::socket::inet
