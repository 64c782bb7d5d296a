// Payload: bytes under way between sockets of any family, shared by all queues and readers that refer to them.
#pragma once

#include <cstddef>
#include <memory>

#include "base/ref/ref.h"

namespace ringwall::socket {

// Bytes that others have seen are never written again; behind them its only queue may add more.
class Payload final : public RefCounted {
 public:
  explicit Payload(size_t capacity) : capacity_(capacity), bytes_(new std::byte[capacity]) {}
  std::byte* data() const { return bytes_.get(); }
  size_t capacity() const { return capacity_; }

 private:
  ~Payload() override = default;
  const size_t capacity_;
  const std::unique_ptr<std::byte[]> bytes_;
};

}  // namespace ringwall::socket
