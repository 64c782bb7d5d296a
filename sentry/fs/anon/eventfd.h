// eventfd(2).
#pragma once

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "base/sync/mutex.h"
#include "sentry/vfs/file.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::anon {

class EventfdFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kEventfd;
  EventfdFile(Context& ctx, uint64_t initial, uint32_t efd_flags);

  Result<size_t> Read(Context& ctx, mm::IoSink& sink) override;
  Result<size_t> Write(Context& ctx, mm::IoSource& source) override;
  std::string FdInfo() const override;
  std::string DisplayName() const override { return "anon_inode:[eventfd]"; }
  wait::EventMask Readiness(wait::EventMask mask) override;
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override { queue_.Add(waiter, mask, exclusive); }
  void RemoveWaiter(wait::Waiter& waiter) override { queue_.Remove(waiter); }

  // From within the kernel (aio, memory pressure): adds, stopping at the maximum.
  void Signal(uint64_t value);

 private:
  ~EventfdFile() override = default;
  const bool semaphore_;
  const uint64_t number_;  // eventfd-id of fdinfo
  mutable Mutex<LockRank::kFile> mu_;
  uint64_t count_ ABSL_GUARDED_BY(mu_);
  wait::WaitQueue queue_;
};

// `flags`: EFD_SEMAPHORE, EFD_NONBLOCK, EFD_CLOEXEC (the descriptor's); EINVAL for others.
Result<Ref<vfs::File>> MakeEventfd(Context& ctx, uint32_t initial, uint32_t flags);

}  // namespace ringwall::anon
