// Appending, sharing and taking bytes of a stream.
#include "sentry/socket/inet/byte_queue.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

namespace ringwall::socket::inet {

namespace {

std::atomic<uint64_t> g_total{0};
constexpr uint64_t kOverhead = 256;
// Payloads for bytes that come in small pieces: the first is as small as they are, the next has room for more.
constexpr size_t kSmallest = 256, kShared = 4096;

}  // namespace

ByteQueue::~ByteQueue() { g_total.fetch_sub(charge_, std::memory_order_relaxed); }

uint64_t ByteQueue::TotalCharge() { return g_total.load(std::memory_order_relaxed); }

// A segment is charged by its bytes: one payload in two segments must not be charged twice, and its unused rest is at most kShared.
uint64_t ByteQueue::CostOf(const Segment& segment) { return segment.length + kOverhead; }

void ByteQueue::Charge(const Segment& segment) {
  charge_ += CostOf(segment);
  g_total.fetch_add(CostOf(segment), std::memory_order_relaxed);
}

void ByteQueue::Uncharge(const Segment& segment) {
  charge_ -= CostOf(segment);
  g_total.fetch_sub(CostOf(segment), std::memory_order_relaxed);
}

void ByteQueue::Append(Segment segment) {
  if (segment.length == 0) return;
  size_ += segment.length;
  Charge(segment);
  segments_.push_back(std::move(segment));
}

void ByteQueue::AppendCopy(absl::Span<const std::byte> bytes) {
  if (bytes.empty()) return;
  if (!segments_.empty()) {
    Segment& last = segments_.back();
    const size_t end = last.offset + last.length;
    // While nobody else refers to the payload: a reader may hold a part of it that lies behind this one.
    if (last.payload->capacity() - end >= bytes.size() && last.payload->ref_count() == 1) {
      std::memcpy(last.payload->data() + end, bytes.data(), bytes.size());
      last.length += static_cast<uint32_t>(bytes.size());
      size_ += bytes.size();
      charge_ += bytes.size();
      g_total.fetch_add(bytes.size(), std::memory_order_relaxed);
      return;
    }
  }
  Segment segment{MakeRef<Payload>(std::max(bytes.size(), segments_.empty() ? kSmallest : kShared))};
  segment.length = static_cast<uint32_t>(bytes.size());
  std::memcpy(segment.payload->data(), bytes.data(), bytes.size());
  Append(std::move(segment));
}

Segments ByteQueue::Peek(uint64_t skip, uint64_t max) const {
  Segments found;
  for (const Segment& segment : segments_) {
    if (max == 0) break;
    if (skip >= segment.length) {
      skip -= segment.length;
      continue;
    }
    Segment part = segment;
    part.offset += static_cast<uint32_t>(skip);
    part.length = static_cast<uint32_t>(std::min<uint64_t>(segment.length - skip, max));
    skip = 0;
    max -= part.length;
    found.push_back(std::move(part));
  }
  return found;
}

Segments ByteQueue::Take(uint64_t max) {
  Segments taken;
  while (max != 0 && !segments_.empty()) {
    Segment& front = segments_.front();
    if (front.length <= max) {
      max -= front.length;
      size_ -= front.length;
      Uncharge(front);
      taken.push_back(std::move(front));
      segments_.pop_front();
      continue;
    }
    Segment part = front;
    part.length = static_cast<uint32_t>(max);
    front.offset += part.length;
    front.length -= part.length;
    size_ -= max;
    charge_ -= max;
    g_total.fetch_sub(max, std::memory_order_relaxed);
    taken.push_back(std::move(part));
    break;
  }
  return taken;
}

void ByteQueue::Drop(uint64_t count) { (void)Take(count); }

void ByteQueue::PutBack(Segments segments) {
  while (!segments.empty()) {
    Segment& last = segments.back();
    if (last.length != 0) {
      size_ += last.length;
      Charge(last);
      segments_.push_front(std::move(last));
    }
    segments.pop_back();
  }
}

std::deque<Segment> ByteQueue::Clear() {
  g_total.fetch_sub(charge_, std::memory_order_relaxed);
  size_ = charge_ = 0;
  return std::exchange(segments_, {});
}

}  // namespace ringwall::socket::inet
