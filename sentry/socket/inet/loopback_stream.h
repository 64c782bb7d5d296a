// A TCP connection whose both ends are in this sandbox: two byte queues and what each end has said. No segments, no timers.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/sync/mutex.h"
#include "sentry/socket/inet/byte_queue.h"
#include "sentry/socket/inet/stream.h"

namespace ringwall::socket::inet {

class LoopbackStream final : public Stream {
 public:
  struct End {
    Ref<EventQueue> events;
    uint32_t send_buffer = 0, receive_buffer = 0;
  };
  static std::pair<Ref<Stream>, Ref<Stream>> Connect(End one, End two);

  Result<size_t> Send(mm::IoSource& source, uint32_t flags) override;
  Result<size_t> Receive(mm::IoSink& sink, const ReceiveOptions& options, ReceiveResult& result) override;
  Result<void> Shutdown(bool reading, bool writing) override;
  Leaves Close(bool reset) override;
  void Abort() override { Reset(); }
  wait::EventMask Readiness(wait::EventMask mask, size_t low_water) override;
  Errno TakeError() override;
  void SetBuffers(uint32_t send, uint32_t receive) override;
  Status status(bool urgent_inline) override;

 private:
  enum class Urgent : uint8_t { kNone, kWaiting, kRead };
  // One end: what came in for it, and what it and the network have done to it.
  struct Side {
    explicit Side(End end) : events(std::move(end.events)), send_buffer(end.send_buffer), receive_buffer(end.receive_buffer) {}
    const Ref<EventQueue> events;
    ByteQueue inbox;
    uint64_t read = 0;            // bytes taken out of the inbox since the beginning
    bool finished = false;        // has sent its FIN
    bool finished_first = false;  // before the other end did
    bool receive_shut = false;
    bool reset = false;
    bool closed = false;
    bool wants_room = false;  // has been told that nothing fits: to be woken when something does
    Errno error = static_cast<Errno>(0);
    Urgent urgent = Urgent::kNone;
    uint64_t urgent_at = 0;  // its place in the inbox's bytes, counted like `read`
    std::byte urgent_byte{};
    uint64_t send_buffer, receive_buffer;
    uint64_t sends = 0, sent = 0;
    int64_t last_send_ns = 0;
  };
  struct Connection final : public RefCounted {
    Connection(End one, End two) : sides{Side(std::move(one)), Side(std::move(two))} {}
    Mutex<LockRank::kSocket> mu;
    std::array<Side, 2> sides;  // guarded by mu, but for `events`
  };
  LoopbackStream(Ref<Connection> connection, size_t side) : connection_(std::move(connection)), side_(side) {}
  ~LoopbackStream() override = default;
  template <typename T, typename... Args>
  friend Ref<T> ringwall::MakeRef(Args&&... args);

  Side& own() const { return connection_->sides[side_]; }
  Side& peer() const { return connection_->sides[1 - side_]; }
  void Reset();
  Result<void> CheckSendLocked();
  uint64_t ReadableLocked(bool urgent_inline) const;
  Result<size_t> ReceiveUrgent(mm::IoSink& sink, const ReceiveOptions& options, ReceiveResult& result);
  uint8_t StateLocked() const;
  // Of a side's sending direction.
  static uint64_t Unsent(const Side& to);
  static uint64_t Room(const Side& from, const Side& to);
  static bool Writable(const Side& from, const Side& to);
  static void Reset(Side& side, Errno error);

  const Ref<Connection> connection_;
  const size_t side_;
};

}  // namespace ringwall::socket::inet
