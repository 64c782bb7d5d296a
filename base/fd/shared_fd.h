// SharedFd: a host descriptor with several owners and an identity, for files that are mapped into guests.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/fd/unique_fd.h"
#include "base/ref/ref.h"

namespace ringwall {

class SharedFd : public RefCounted {
 public:
  explicit SharedFd(UniqueFd fd) : fd_(std::move(fd)), id_(next_id_.fetch_add(1, std::memory_order_relaxed)) {}
  int get() const { return fd_.get(); }
  // Never reused, unlike the number: platforms key their caches of descriptors passed to stubs by it.
  uint64_t id() const { return id_; }

 private:
  const UniqueFd fd_;
  const uint64_t id_;
  static inline std::atomic<uint64_t> next_id_{1};
};

}  // namespace ringwall
