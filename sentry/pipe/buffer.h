// The bytes in a pipe: buffers that refer to shared chunks, so that splice(2) and tee(2) move them without copying.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/types/span.h"
#include "base/ref/ref.h"

namespace ringwall::pipe {

// Written only by its maker, before others see it, and by merging into the tail of a buffer that alone refers to it.
class Chunk final : public RefCounted {
 public:
  explicit Chunk(size_t capacity) : capacity_(capacity), bytes_(new std::byte[capacity]) {}
  std::byte* data() const { return bytes_.get(); }
  size_t capacity() const { return capacity_; }

 private:
  ~Chunk() override = default;
  const size_t capacity_;
  const std::unique_ptr<std::byte[]> bytes_;
};

// One slot of the ring: at most a page of bytes.
struct Buffer {
  Ref<Chunk> chunk;
  uint32_t offset = 0;
  uint32_t length = 0;
  bool mergeable = false;  // the chunk is ours alone and has room behind the bytes
  bool packet = false;     // O_DIRECT: one read takes at most this buffer and drops its rest
  absl::Span<const std::byte> bytes() const { return {chunk->data() + offset, length}; }
};

}  // namespace ringwall::pipe
