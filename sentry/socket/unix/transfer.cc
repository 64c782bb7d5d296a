// Messages through unix(7) sockets. Bytes are copied in before a lock is taken and out after it is dropped.
#include <algorithm>
#include <utility>

#include "abi/poll.h"
#include "sentry/cred/credentials.h"
#include "sentry/socket/unix/endpoint.h"

namespace ringwall::socket::unix_domain {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM, kOut = abi::kPOLLOUT | abi::kPOLLWRNORM;
// The most bytes of a stream in one message.
constexpr size_t kMaxPart = 32 << 10;
// What a message costs its sender besides its bytes, so that tiny ones are bounded too.
constexpr size_t kOverhead = 768;
// Of the send buffer, never available to a datagram.
constexpr size_t kReserve = 32;

bool SameSender(const Message& a, const Message& b) {
  return a.credentials.pid == b.credentials.pid && a.credentials.uid == b.credentials.uid && a.credentials.gid == b.credentials.gid;
}

// What a reader gets of a message that stays: the bytes are shared, the rest of it is not.
Message Share(const Message& message, size_t length) {
  return {
      .payload = message.payload, .offset = message.offset, .length = length, .sender = message.sender, .credentials = message.credentials};
}

void TellSender(const Message& message, bool with_credentials, ReceiveResult& result) {
  if (message.sender && message.sender->named()) result.from = message.sender->LocalName();
  result.has_credentials = with_credentials;
  result.credentials = message.credentials;
}

}  // namespace

// ---- sending ----

Result<Charge> Endpoint::Reserve(size_t bytes) {
  size_t held = charged_.load();
  do {
    if (held >= send_limit_.load(std::memory_order_relaxed)) return Errno::kEAGAIN;
  } while (!charged_.compare_exchange_weak(held, held + bytes + kOverhead));
  return Charge(RefPtr<Endpoint>::Share(this), bytes + kOverhead);
}

Result<Message> Endpoint::MakeMessage(Context& ctx, mm::IoSource& source, size_t length, const SendRequest& request, const Endpoint& to) {
  Message message;
  message.charge = TRY(Reserve(length));
  message.rights = TRY(Rights::Take(ctx.creds().uid, request.control.files));
  message.sender = RefPtr<Endpoint>::Share(this);
  if (request.control.has_credentials) {
    message.credentials = request.control.credentials;
  } else if (pass_credentials() || to.pass_credentials() || !to.accepted_.load(std::memory_order_relaxed)) {
    message.credentials = {.pid = ctx.tgid(), .uid = ctx.creds().uid, .gid = ctx.creds().gid};
  }
  if (length != 0) {
    Ref<Payload> payload = MakeRef<Payload>(length);
    message.length = TRY(source.Peek({payload->data(), length}));
    if (message.length == 0) return Errno::kEFAULT;
    message.payload = std::move(payload);
  }
  return message;
}

Result<size_t> Endpoint::SendPart(Context& ctx, mm::IoSource& source, const SendRequest& request, Endpoint& to) {
  // At least two parts fit, so that sender and receiver can work at the same time.
  const size_t limit = std::max<size_t>(send_limit_.load(std::memory_order_relaxed) / 2, 2 * kReserve) - kReserve;
  Message message = TRY(MakeMessage(ctx, source, std::min({source.remaining(), kMaxPart, limit}), request, to));
  const size_t length = message.length;
  {
    MutexLock lock(to.mu_);
    if (to.closed_ || to.receive_shut_) return Errno::kEPIPE;
    to.inbox_.push_back(std::move(message));
  }
  source.Skip(length);
  to.queue_.Notify(kIn);
  return length;
}

Result<size_t> Endpoint::SendStream(Context& ctx, mm::IoSource& source, const SendRequest& request) {
  if ((request.flags & abi::kMSG_OOB) != 0) return Errno::kEOPNOTSUPP;
  RefPtr<Endpoint> peer;
  {
    MutexLock lock(mu_);
    if (!request.to.empty()) return state_ == State::kConnected ? Errno::kEISCONN : Errno::kEOPNOTSUPP;
    if (!peer_) return Errno::kENOTCONN;
    if (send_shut_) return Errno::kEPIPE;
    peer = peer_;
  }
  size_t done = 0;
  SendRequest plain;  // the files went with the first part
  plain.control.has_credentials = request.control.has_credentials;
  plain.control.credentials = request.control.credentials;
  while (source.remaining() != 0) {
    const Result<size_t> part = SendPart(ctx, source, done == 0 ? request : plain, *peer);
    if (!part.ok()) {
      if (done == 0) return part.error();
      break;
    }
    done += *part;
  }
  return done;
}

Result<void> Endpoint::DeliverDatagram(Endpoint& to, Message& message, BlockOn& block) {
  const bool seqpacket = connection_oriented();
  {
    MutexLock lock(to.mu_);
    if (to.closed_) return seqpacket ? Errno::kEPIPE : Errno::kECONNREFUSED;
    if (!seqpacket && to.peer_ && to.peer_.get() != this) return Errno::kEPERM;
    if (to.receive_shut_) return Errno::kEPIPE;
    if (&to != this && to.peer_.get() != this && to.FullLocked()) {
      block = {&to.gate_, kOut, RefPtr<RefCounted>::Share(&to)};
      return Errno::kEAGAIN;
    }
    to.inbox_.push_back(std::move(message));
  }
  to.queue_.Notify(kIn);
  return {};
}

Result<size_t> Endpoint::SendDatagram(Context& ctx, mm::IoSource& source, const SendRequest& request, BlockOn& block) {
  if ((request.flags & abi::kMSG_OOB) != 0) return Errno::kEOPNOTSUPP;
  RefPtr<Endpoint> to;
  RefPtr<Endpoint> peer;
  {
    MutexLock lock(mu_);
    if (connection_oriented() && state_ != State::kConnected) {
      if (static_cast<int32_t>(error_) != 0) return std::exchange(error_, static_cast<Errno>(0));
      return Errno::kENOTCONN;
    }
    peer = peer_;
  }
  // A connection has one receiver, whatever address is given.
  const bool addressed = !connection_oriented() && !request.to.empty();
  if (addressed) {
    to = TRY(Find(ctx, request.to, request.caller));
  } else {
    to = peer;
  }
  if (!to) return Errno::kENOTCONN;
  TRY(AutoBindIfNeeded());
  const size_t length = source.remaining();
  if (length + kReserve > send_limit_.load(std::memory_order_relaxed)) return Errno::kEMSGSIZE;
  {
    MutexLock lock(mu_);
    if (static_cast<int32_t>(error_) != 0) return std::exchange(error_, static_cast<Errno>(0));
    if (send_shut_) return Errno::kEPIPE;
  }
  Message message = TRY(MakeMessage(ctx, source, length, request, *to));
  if (message.length != length) return Errno::kEFAULT;
  const Result<void> delivered = DeliverDatagram(*to, message, block);
  if (!delivered.ok()) {
    // A datagram socket forgets a peer that has gone.
    if (delivered.error() == Errno::kECONNREFUSED && to == peer) SetPeer(nullptr);
    return delivered.error();
  }
  source.Skip(length);
  return length;
}

// ---- receiving ----

// The parts of up to `max` bytes, taken out or (peek) shared. Ends behind a message with files, and before one of another sender when the
// reader wants credentials.
std::vector<Message> Endpoint::CollectLocked(size_t max, bool peek, ReceiveResult& result) {
  std::vector<Message> parts;
  size_t taken = 0;
  size_t index = 0;
  while (taken < max && index < inbox_.size()) {
    Message& front = inbox_[index];
    if (!parts.empty() && pass_credentials() && !SameSender(parts.front(), front)) break;
    const size_t n = std::min(front.length, max - taken);
    const bool files = !front.rights.empty();
    taken += n;
    if (peek) {
      if (files) result.files = front.rights.Copy();
      parts.push_back(Share(front, n));
      ++index;
    } else if (n == front.length) {
      parts.push_back(std::move(front));
      inbox_.pop_front();
    } else {
      Message part = Share(front, n);
      part.rights = std::move(front.rights);
      parts.push_back(std::move(part));
      front.offset += n;
      front.length -= n;
    }
    if (files) break;
  }
  return parts;
}

void Endpoint::PutBack(std::vector<Message> rest) {
  {
    MutexLock lock(mu_);
    // An end that closed meanwhile keeps nothing.
    if (!closed_) {
      for (auto it = rest.rbegin(); it != rest.rend(); ++it) inbox_.push_front(std::move(*it));
    }
  }
  queue_.Notify(kIn);
}

Result<size_t> Endpoint::ReceiveStream(mm::IoSink& sink, uint32_t flags, ReceiveResult& result) {
  const bool peek = (flags & abi::kMSG_PEEK) != 0;
  std::vector<Message> parts;
  {
    MutexLock lock(mu_);
    if (state_ != State::kConnected) return Errno::kEINVAL;
    if ((flags & abi::kMSG_OOB) != 0) return Errno::kEOPNOTSUPP;
    if (inbox_.empty()) {
      if (static_cast<int32_t>(error_) != 0) return std::exchange(error_, static_cast<Errno>(0));
      if (receive_shut_) return size_t{0};
      return Errno::kEAGAIN;
    }
    parts = CollectLocked(sink.remaining(), peek, result);
  }
  if (parts.empty()) return size_t{0};
  TellSender(parts.front(), pass_credentials(), result);
  size_t done = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    Message& part = parts[i];
    const Result<size_t> put = sink.Put(part.bytes());
    const size_t n = put.ok() ? *put : 0;
    done += n;
    if (n != 0 && !part.rights.empty()) result.files = part.rights.Release();
    if (n == part.length) continue;
    part.offset += n;
    part.length -= n;
    parts.erase(parts.begin(), parts.begin() + static_cast<ptrdiff_t>(i));
    if (!peek) PutBack(std::move(parts));
    if (done == 0) return Errno::kEFAULT;
    break;
  }
  return done;
}

Result<size_t> Endpoint::ReceiveDatagram(mm::IoSink& sink, uint32_t flags, bool nonblocking, ReceiveResult& result) {
  if ((flags & abi::kMSG_OOB) != 0) return Errno::kEOPNOTSUPP;
  Message message;
  Relays relays;
  {
    MutexLock lock(mu_);
    if (connection_oriented() && state_ != State::kConnected) return Errno::kENOTCONN;
    if (static_cast<int32_t>(error_) != 0) return std::exchange(error_, static_cast<Errno>(0));
    if (inbox_.empty()) {
      // Only a waiting reader of a datagram socket learns of the end.
      if (receive_shut_ && (connection_oriented() || !nonblocking)) return size_t{0};
      return Errno::kEAGAIN;
    }
    if ((flags & abi::kMSG_PEEK) != 0) {
      message = Share(inbox_.front(), inbox_.front().length);
      result.files = inbox_.front().rights.Copy();
    } else {
      message = std::move(inbox_.front());
      inbox_.pop_front();
      if (!FullLocked()) relays.swap(relays_);
    }
  }
  if ((flags & abi::kMSG_PEEK) == 0) gate_.Open();
  Wake(std::move(relays));
  TellSender(message, pass_credentials(), result);
  const size_t length = std::min(message.length, sink.remaining());
  if (length != 0) {
    // A fault loses the message, as on Linux.
    const size_t put = TRY(sink.Put(message.bytes().first(length)));
    if (put < length) return Errno::kEFAULT;
  }
  if (!message.rights.empty()) result.files = message.rights.Release();
  if (length < message.length) result.flags |= abi::kMSG_TRUNC;
  return (flags & abi::kMSG_TRUNC) != 0 ? message.length : length;
}

}  // namespace ringwall::socket::unix_domain
