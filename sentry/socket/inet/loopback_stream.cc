// Bytes and states of a loopback connection (tcp(7)). Guest memory is copied before the connection's lock is taken or after it is dropped.
#include "sentry/socket/inet/loopback_stream.h"

#include <algorithm>

#include "abi/inet.h"
#include "abi/poll.h"
#include "sentry/time/clock.h"

namespace ringwall::socket::inet {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM, kOut = abi::kPOLLOUT | abi::kPOLLWRNORM;
constexpr wait::EventMask kAll = kIn | kOut | abi::kPOLLRDHUP | abi::kPOLLHUP | abi::kPOLLERR;
constexpr Errno kNoError = static_cast<Errno>(0);

// The most bytes that one payload takes.
constexpr size_t kMaxPayload = 64 << 10;
// Up to here bytes go behind those that are there.
constexpr size_t kSmall = 2048;
// Beyond this much in all queues (net.ipv4.tcp_mem), a connection keeps this little; that much is always possible, so nobody starves.
constexpr uint64_t kPressure = 256 << 20, kUnderPressure = 32 << 10;

}  // namespace

std::pair<Ref<Stream>, Ref<Stream>> LoopbackStream::Connect(End one, End two) {
  const Ref<Connection> connection = MakeRef<Connection>(std::move(one), std::move(two));
  return {MakeRef<LoopbackStream>(connection, size_t{0}), MakeRef<LoopbackStream>(connection, size_t{1})};
}

// ---- how full it is ----

// What the other end's window has no room for still lies in our send buffer. Half of a receive buffer is window, as on Linux.
uint64_t LoopbackStream::Unsent(const Side& to) {
  const uint64_t window = to.receive_buffer / 2, charge = to.inbox.charge();
  return charge > window ? charge - window : 0;
}

uint64_t LoopbackStream::Room(const Side& from, const Side& to) {
  const uint64_t limit = from.send_buffer + to.receive_buffer / 2, charge = to.inbox.charge();
  if (ByteQueue::TotalCharge() > kPressure && charge >= kUnderPressure) return 0;
  return charge < limit ? limit - charge : 0;
}

// A third of the send buffer has to be free, so that writers are not woken for every byte.
bool LoopbackStream::Writable(const Side& from, const Side& to) { return Room(from, to) != 0 && Unsent(to) * 3 <= from.send_buffer * 2; }

uint64_t LoopbackStream::ReadableLocked(bool urgent_inline) const {
  const Side& me = own();
  const uint64_t size = me.inbox.size();
  if (me.urgent == Urgent::kNone || urgent_inline || me.urgent_at < me.read || me.urgent_at >= me.read + size) return size;
  // Up to the mark; at the mark, behind the byte that is not part of the stream.
  return me.urgent_at > me.read ? me.urgent_at - me.read : size - 1;
}

// ---- sending ----

Result<void> LoopbackStream::CheckSendLocked() {
  Side& me = own();
  if (me.error != kNoError) return std::exchange(me.error, kNoError);
  if (me.finished || me.reset) return Errno::kEPIPE;
  return {};
}

Result<size_t> LoopbackStream::Send(mm::IoSource& source, uint32_t flags) {
  size_t done = 0;
  const bool urgent = (flags & abi::kMSG_OOB) != 0;
  do {
    uint64_t room;
    bool gone;
    {
      MutexLock lock(connection_->mu);
      const Result<void> allowed = CheckSendLocked();
      if (!allowed.ok()) return done != 0 ? Result<size_t>(done) : Result<size_t>(allowed.error());
      if (source.remaining() == 0) return done;
      gone = peer().closed;
      room = gone ? kMaxPayload : Room(own(), peer());
      if (room == 0) {
        own().wants_room = true;
        return done != 0 ? Result<size_t>(done) : Result<size_t>(Errno::kEAGAIN);
      }
    }
    const size_t wanted = std::min<uint64_t>({source.remaining(), room, kMaxPayload});
    std::byte small[kSmall];
    RefPtr<Payload> payload;
    if (wanted > kSmall) payload = MakeRef<Payload>(wanted);
    const Result<size_t> copied = source.Peek({payload ? payload->data() : small, wanted});
    const size_t n = copied.ok() ? *copied : 0;
    if (n == 0) return done != 0 ? Result<size_t>(done) : Result<size_t>(Errno::kEFAULT);
    {
      MutexLock lock(connection_->mu);
      Side& me = own();
      Side& other = peer();
      const Result<void> allowed = CheckSendLocked();
      if (!allowed.ok()) return done != 0 ? Result<size_t>(done) : Result<size_t>(allowed.error());
      me.sent += n;
      me.last_send_ns = time::MonotonicNs();
      ++me.sends;
      gone = other.closed;
      if (gone) {
        // Nobody takes it: the answer is a reset, which finds an end that was told of the close already.
        Reset(me, other.finished ? Errno::kEPIPE : Errno::kECONNRESET);
      } else {
        if (payload) {
          other.inbox.Append({payload.ToRef(), 0, static_cast<uint32_t>(n)});
        } else {
          other.inbox.AppendCopy({small, n});
        }
        if (urgent && n == source.remaining()) {
          other.urgent = Urgent::kWaiting;
          other.urgent_at = other.read + other.inbox.size() - 1;
          other.urgent_byte = (payload ? payload->data() : small)[n - 1];
        }
      }
    }
    source.Skip(n);
    done += n;
    if (gone) {
      own().events->waiters.Notify(kAll);
    } else {
      peer().events->waiters.Notify(urgent ? kIn | abi::kPOLLPRI : kIn);
    }
    if (n < wanted) break;
  } while (source.remaining() != 0);
  return done;
}

// ---- receiving ----

Result<size_t> LoopbackStream::Receive(mm::IoSink& sink, const ReceiveOptions& options, ReceiveResult& result) {
  if ((options.flags & abi::kMSG_OOB) != 0) return ReceiveUrgent(sink, options, result);
  const bool peek = (options.flags & abi::kMSG_PEEK) != 0, discard = (options.flags & abi::kMSG_TRUNC) != 0;
  Segments parts;
  bool wake_writer = false;
  {
    MutexLock lock(connection_->mu);
    Side& me = own();
    const bool over = me.receive_shut || me.reset || peer().finished;
    uint64_t skip = 0;
    // The urgent byte is left out when the reader comes to it (tcp(7), SO_OOBINLINE).
    const bool marked = me.urgent != Urgent::kNone && me.urgent_at >= me.read && me.urgent_at < me.read + me.inbox.size();
    if (marked && me.urgent_at == me.read && !options.urgent_inline) skip = 1;
    const uint64_t available = marked && me.urgent_at > me.read ? me.urgent_at - me.read : me.inbox.size() - skip;
    if (available == 0) {
      if (!peek && skip != 0) {
        me.inbox.Drop(skip);
        me.read += skip;
        me.urgent = Urgent::kNone;
      }
      if (peer().finished) return size_t{0};
      if (me.error != kNoError) return std::exchange(me.error, kNoError);
      if (over) return size_t{0};
      return Errno::kEAGAIN;
    }
    if (me.inbox.size() - skip < options.low_water && !over && me.error == kNoError && !marked) return Errno::kEAGAIN;
    const uint64_t count = std::min<uint64_t>(available, sink.remaining());
    if (peek) {
      parts = me.inbox.Peek(skip, count);
    } else {
      if (skip != 0) me.inbox.Drop(skip);
      parts = me.inbox.Take(count);
      me.read += skip + count;
      if (me.urgent != Urgent::kNone && me.urgent_at < me.read) me.urgent = Urgent::kNone;
      Side& writer = peer();
      wake_writer = writer.wants_room && Writable(writer, me);
      if (wake_writer) writer.wants_room = false;
    }
  }
  if (wake_writer) peer().events->waiters.Notify(kOut);
  size_t done = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    Segment& part = parts[i];
    const Result<size_t> put = discard ? Result<size_t>(size_t{part.length}) : sink.Put(part.bytes());
    const auto n = static_cast<uint32_t>(put.ok() ? *put : 0);
    done += n;
    if (n == part.length) continue;
    part.offset += n;
    part.length -= n;
    parts.erase(parts.begin(), parts.begin() + static_cast<ptrdiff_t>(i));
    if (!peek) {
      MutexLock lock(connection_->mu);
      for (const Segment& rest : parts) own().read -= rest.length;
      own().inbox.PutBack(std::move(parts));
    }
    if (done == 0) return Errno::kEFAULT;
    break;
  }
  return done;
}

Result<size_t> LoopbackStream::ReceiveUrgent(mm::IoSink& sink, const ReceiveOptions& options, ReceiveResult& result) {
  std::byte byte;
  {
    MutexLock lock(connection_->mu);
    Side& me = own();
    if (options.urgent_inline || me.urgent != Urgent::kWaiting) return Errno::kEINVAL;
    byte = me.urgent_byte;
    if ((options.flags & abi::kMSG_PEEK) == 0) me.urgent = Urgent::kRead;
  }
  result.flags |= abi::kMSG_OOB;
  if (sink.remaining() == 0) {
    result.flags |= abi::kMSG_TRUNC;
    return size_t{0};
  }
  if ((options.flags & abi::kMSG_TRUNC) != 0) return size_t{1};
  return sink.Put({&byte, 1});
}

// ---- the end ----

void LoopbackStream::Reset(Side& side, Errno error) {
  if (side.reset) return;
  side.reset = side.receive_shut = true;
  side.error = error;
}

Result<void> LoopbackStream::Shutdown(bool reading, bool writing) {
  Result<void> result;
  {
    MutexLock lock(connection_->mu);
    Side& me = own();
    if (me.reset || (me.finished && peer().finished)) result = Errno::kENOTCONN;
    me.receive_shut = me.receive_shut || reading;
    if (writing && !me.finished) {
      me.finished = true;
      me.finished_first = !peer().finished;
    }
  }
  own().events->waiters.Notify(kAll);
  if (writing) peer().events->waiters.Notify(kAll);
  return result;
}

// Unread bytes make it a reset, so that the other end learns that they are lost (RFC 2525, section 2.17).
Stream::Leaves LoopbackStream::Close(bool reset) {
  std::deque<Segment> unread;
  Leaves leaves = Leaves::kNothing;
  {
    MutexLock lock(connection_->mu);
    Side& me = own();
    if (me.closed) return leaves;
    me.closed = true;
    reset = reset || !me.inbox.empty();
    unread = me.inbox.Clear();
    if (me.reset) return leaves;
    if (reset) {
      Reset(peer(), Errno::kECONNRESET);
      leaves = Leaves::kReset;
    } else {
      me.finished_first = me.finished_first || (!me.finished && !peer().finished);
      me.finished = true;
      if (me.finished_first) leaves = Leaves::kTimeWait;
    }
  }
  peer().events->waiters.Notify(kAll);
  return leaves;
}

void LoopbackStream::Reset() {
  std::deque<Segment> unread;
  {
    MutexLock lock(connection_->mu);
    Side& me = own();
    me.closed = me.reset = true;
    unread = me.inbox.Clear();
    if (!peer().closed) Reset(peer(), Errno::kECONNRESET);
  }
  peer().events->waiters.Notify(kAll);
}

// ---- what it tells ----

uint8_t LoopbackStream::StateLocked() const {
  const Side& me = own();
  const Side& other = peer();
  if (me.reset || (me.finished && other.finished)) return abi::kTCP_CLOSE;
  if (other.finished) return abi::kTCP_CLOSE_WAIT;
  return me.finished ? abi::kTCP_FIN_WAIT2 : abi::kTCP_ESTABLISHED;
}

wait::EventMask LoopbackStream::Readiness(wait::EventMask mask, size_t low_water) {
  wait::EventMask ready = 0;
  MutexLock lock(connection_->mu);
  Side& me = own();
  const bool no_more = me.receive_shut || peer().finished;
  if (me.error != kNoError) ready |= abi::kPOLLERR;
  if (no_more) ready |= kIn | abi::kPOLLRDHUP;
  if (StateLocked() == abi::kTCP_CLOSE || (no_more && me.finished)) ready |= abi::kPOLLHUP;
  // The readable count never includes an urgent byte that is not part of the stream.
  if (ReadableLocked(false) >= std::max<size_t>(low_water, 1)) ready |= kIn;
  if (me.urgent == Urgent::kWaiting) ready |= abi::kPOLLPRI;
  if (me.finished || me.reset || Writable(own(), peer())) {
    ready |= kOut;
  } else if ((mask & kOut) != 0) {
    me.wants_room = true;
  }
  return ready & (mask | abi::kPOLLERR | abi::kPOLLHUP);
}

Errno LoopbackStream::TakeError() {
  MutexLock lock(connection_->mu);
  return std::exchange(own().error, kNoError);
}

void LoopbackStream::SetBuffers(uint32_t send, uint32_t receive) {
  bool writable;
  bool peer_writable;
  {
    MutexLock lock(connection_->mu);
    own().send_buffer = send;
    own().receive_buffer = receive;
    writable = Writable(own(), peer());
    peer_writable = Writable(peer(), own());
  }
  if (writable) own().events->waiters.Notify(kOut);
  if (peer_writable) peer().events->waiters.Notify(kOut);
}

Stream::Status LoopbackStream::status(bool urgent_inline) {
  MutexLock lock(connection_->mu);
  const Side& me = own();
  const Side& other = peer();
  Status status;
  status.state = StateLocked();
  const uint64_t window = me.receive_buffer / 2;
  status.readable = std::min<uint64_t>(ReadableLocked(urgent_inline), window);
  status.unread_by_peer = Unsent(other);
  status.at_urgent_mark = me.urgent != Urgent::kNone && me.urgent_at == me.read;
  status.bytes_sent = me.sent;
  status.bytes_received = other.sent;
  status.sends = me.sends;
  status.receives = other.sends;
  status.last_send_ns = me.last_send_ns;
  status.last_receive_ns = other.last_send_ns;
  return status;
}

}  // namespace ringwall::socket::inet
