// ByteQueue: the bytes of one direction of a stream, as references to shared payloads. Nothing here touches guest memory or locks.
#pragma once

#include <cstdint>
#include <deque>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "sentry/socket/payload.h"

namespace ringwall::socket::inet {

struct Segment {
  Ref<Payload> payload;
  uint32_t offset = 0;
  uint32_t length = 0;
  absl::Span<const std::byte> bytes() const { return {payload->data() + offset, length}; }
};
using Segments = absl::InlinedVector<Segment, 4>;

class ByteQueue {
 public:
  ByteQueue() = default;
  ByteQueue(const ByteQueue&) = delete;
  ByteQueue& operator=(const ByteQueue&) = delete;
  ~ByteQueue();
  uint64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Memory that the queue keeps: payloads count whole, with what their bookkeeping costs.
  uint64_t charge() const { return charge_; }
  // All queues of the sandbox together.
  static uint64_t TotalCharge();

  void Append(Segment segment);
  // Few bytes: behind those of the last payload, where there is room.
  void AppendCopy(absl::Span<const std::byte> bytes);
  // References to bytes [skip, skip + max) from the front; they stay.
  Segments Peek(uint64_t skip, uint64_t max) const;
  // The same with skip 0, taken out.
  Segments Take(uint64_t max);
  void Drop(uint64_t count);
  // Back to the front: what Take gave and a fault left over.
  void PutBack(Segments segments);
  // Everything out, for its references to die outside the caller's lock.
  std::deque<Segment> Clear();

 private:
  static uint64_t CostOf(const Segment& segment);
  void Charge(const Segment& segment);
  void Uncharge(const Segment& segment);
  std::deque<Segment> segments_;
  uint64_t size_ = 0, charge_ = 0;
};

}  // namespace ringwall::socket::inet
