// Shared anonymous memory: mmap(2) with MAP_SHARED|MAP_ANONYMOUS. A memfd, so that fork shares it; Linux shows it as /dev/zero (deleted).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "sentry/mm/mappable.h"
#include "sentry/mm/memory_file.h"

namespace ringwall::mm {

class SharedAnonymous final : public Mappable {
 public:
  static Result<Ref<SharedAnonymous>> Create(uint64_t size) {
    Ref<SharedFd> fd = TRY(CreateMemoryFile("dev/zero", size));
    return MakeRef<SharedAnonymous>(std::move(fd));
  }
  explicit SharedAnonymous(Ref<SharedFd> fd) : fd_(std::move(fd)) {}

  Result<Ref<SharedFd>> HostFile(bool) override { return fd_; }
  // Device 0:1 is Linux's internal shmem mount.
  Identity identity() const override { return {.dev = 1, .ino = ino_}; }
  std::string Name() const override { return "/dev/zero (deleted)"; }

 private:
  static inline std::atomic<uint64_t> next_ino_{1024};

  const Ref<SharedFd> fd_;
  const uint64_t ino_ = next_ino_.fetch_add(1, std::memory_order_relaxed);
};

}  // namespace ringwall::mm
