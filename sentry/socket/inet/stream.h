// Stream: one end of an established TCP connection as tcp(7) shows it, whoever carries the bytes. Loopback connections are queues in memory
// (loopback_stream.h); a connection through an external interface is to implement the same (docs/adr/0007).
#pragma once

#include <cstdint>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/context/context.h"
#include "sentry/mm/io_buffer.h"
#include "sentry/socket/socket.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::socket::inet {

// Who waits for an end's events. It outlives sockets that are closed: the other end may still tell it something.
class EventQueue final : public RefCounted {
 public:
  EventQueue() = default;
  wait::WaitQueue waiters;

 private:
  ~EventQueue() override = default;
};

class Stream : public RefCounted {
 public:
  struct ReceiveOptions {
    uint32_t flags = 0;          // MSG_PEEK, MSG_TRUNC, MSG_OOB
    size_t low_water = 1;        // EAGAIN below it, unless no more will come
    bool urgent_inline = false;  // SO_OOBINLINE
  };
  // Takes what fits. EAGAIN: nothing fits. EPIPE, ECONNRESET and other pending errors. MSG_OOB makes the last byte urgent.
  virtual Result<size_t> Send(mm::IoSource& source, uint32_t flags) = 0;
  // 0: the end. EAGAIN; a pending error.
  virtual Result<size_t> Receive(mm::IoSink& sink, const ReceiveOptions& options, ReceiveResult& result) = 0;
  // ENOTCONN when both ends have finished or the connection was reset.
  virtual Result<void> Shutdown(bool reading, bool writing) = 0;
  // The last descriptor is gone. `reset`: SO_LINGER with no time. What becomes of the connection at this end:
  enum class Leaves : uint8_t { kNothing, kTimeWait, kReset };
  virtual Leaves Close(bool reset) = 0;
  // connect(2) with AF_UNSPEC.
  virtual void Abort() = 0;

  virtual wait::EventMask Readiness(wait::EventMask mask, size_t low_water) = 0;
  virtual Errno TakeError() = 0;
  virtual void SetBuffers(uint32_t send, uint32_t receive) = 0;

  // What SIOCINQ, SIOCOUTQ, SIOCATMARK, TCP_INFO and /proc/net/tcp tell.
  struct Status {
    uint8_t state = 0;  // TCP_ESTABLISHED, ...
    size_t readable = 0, unread_by_peer = 0;
    bool at_urgent_mark = false;
    uint64_t bytes_sent = 0, bytes_received = 0;
    uint64_t sends = 0, receives = 0;  // each stands for a segment
    int64_t last_send_ns = 0, last_receive_ns = 0;
  };
  virtual Status status(bool urgent_inline) = 0;
};

}  // namespace ringwall::socket::inet
