// Mapping: one owner of a range of the process's own memory from mmap(2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/error/result.h"

namespace ringwall::host {

class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& o) noexcept : data_(std::exchange(o.data_, nullptr)), size_(std::exchange(o.size_, 0)) {}
  Mapping& operator=(Mapping&& o) noexcept {
    if (this != &o) {
      reset();
      data_ = std::exchange(o.data_, nullptr);
      size_ = std::exchange(o.size_, 0);
    }
    return *this;
  }
  ~Mapping() { reset(); }

  // Zeroed private memory; `prot` as in mmap(2). The size is rounded up to pages; 0 is EINVAL.
  static Result<Mapping> Anonymous(size_t size, int prot);
  // Inaccessible address space that takes no memory; parts are made usable with mprotect or MAP_FIXED.
  static Result<Mapping> Reserve(size_t size);
  // `size` bytes of `fd` from `offset`, MAP_SHARED.
  static Result<Mapping> Shared(int fd, uint64_t offset, size_t size, int prot);

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  explicit operator bool() const { return data_ != nullptr; }
  Result<void> Protect(int prot);
  void reset();
  // Gives the range up without unmapping it.
  std::byte* release() {
    size_ = 0;
    return std::exchange(data_, nullptr);
  }

 private:
  Mapping(void* data, size_t size) : data_(static_cast<std::byte*>(data)), size_(size) {}
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace ringwall::host
