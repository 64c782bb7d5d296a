// IoSink and IoSource: cursors over the bytes of one read(2) or write(2), in guest memory (scatter/gather) or in the kernel's own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/types/span.h"
#include "base/error/result.h"

namespace ringwall {
class SharedFd;
}

namespace ringwall::mm {

// Where a read puts its bytes.
class IoSink {
 public:
  virtual ~IoSink() = default;
  // Bytes that still fit.
  virtual size_t remaining() const = 0;
  // Stores up to from.size() bytes and moves on. Fewer than min(from.size(), remaining()) means a fault behind them; EFAULT when not one
  // byte could be stored (and from is not empty).
  virtual Result<size_t> Put(absl::Span<const std::byte> from) = 0;
  // Stores bytes of a host file from `offset` on without a copy through the kernel, and moves on. How many; 0: read and Put().
  virtual size_t PutFile(SharedFd& /*file*/, uint64_t /*offset*/) { return 0; }
};

// Where a write takes its bytes from.
class IoSource {
 public:
  virtual ~IoSource() = default;
  virtual size_t remaining() const = 0;
  // Copies without moving on; same fault rule as Put.
  virtual Result<size_t> Peek(absl::Span<std::byte> to) = 0;
  // Writes up to `limit` bytes to a host file at `offset` without a copy through the kernel, and moves on. How many; 0: Take() and write.
  virtual size_t TakeFile(SharedFd& /*file*/, uint64_t /*offset*/, size_t /*limit*/) { return 0; }
  // Moves on by n <= remaining() bytes.
  virtual void Skip(size_t n) = 0;
  Result<size_t> Take(absl::Span<std::byte> to) {
    const size_t n = TRY(Peek(to));
    Skip(n);
    return n;
  }
};

class KernelSink final : public IoSink {
 public:
  explicit KernelSink(absl::Span<std::byte> to) : to_(to) {}
  size_t remaining() const override { return to_.size() - done_; }
  Result<size_t> Put(absl::Span<const std::byte> from) override {
    const size_t n = std::min(from.size(), remaining());
    if (n != 0) std::memcpy(to_.data() + done_, from.data(), n);
    done_ += n;
    return n;
  }
  size_t done() const { return done_; }

 private:
  absl::Span<std::byte> to_;
  size_t done_ = 0;
};

class KernelSource final : public IoSource {
 public:
  explicit KernelSource(absl::Span<const std::byte> from) : from_(from) {}
  size_t remaining() const override { return from_.size() - done_; }
  Result<size_t> Peek(absl::Span<std::byte> to) override {
    const size_t n = std::min(to.size(), remaining());
    if (n != 0) std::memcpy(to.data(), from_.data() + done_, n);
    return n;
  }
  void Skip(size_t n) override { done_ += n; }

 private:
  absl::Span<const std::byte> from_;
  size_t done_ = 0;
};

}  // namespace ringwall::mm
