// io_setup(2): a context of asynchronous I/O. As in Linux it is a mapping in its process, whose address is its number, and goes with it.
// Requests are carried out when they are submitted, as Linux does for files in the page cache; what waits here are their results.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "abi/aio.h"
#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "base/fd/shared_fd.h"
#include "base/sync/mutex.h"
#include "sentry/mm/mappable.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::anon {

class AioContext final : public mm::Mappable {
 public:
  // fs.aio-max-nr; in all contexts of the sandbox together: EAGAIN.
  static constexpr int64_t kMaxRequests = 65536;
  static Result<Ref<AioContext>> Create(uint32_t requests);
  static const void* Tag();

  // False when as many results as there may be requests wait already: the caller has to take some first.
  bool Reserve();
  void Unreserve();
  // The result of a reserved request.
  void Complete(const abi::IoEvent& event);
  // Up to `max` results, oldest first.
  std::vector<abi::IoEvent> Take(size_t max);
  size_t waiting() const;
  uint64_t completions() const { return completions_.load(); }
  // io_destroy(2): whoever waits gives up.
  void Destroy();
  bool destroyed() const { return destroyed_.load(); }

  // What one io_getevents(2) parks on: more results than it has seen.
  class Wait final : public RefCounted, public wait::Waitable {
   public:
    Wait(Ref<AioContext> context, uint64_t seen) : context_(std::move(context)), seen_(seen) {}
    wait::EventMask Readiness(wait::EventMask mask) override {
      return context_->completions() != seen_ || context_->destroyed() ? mask : 0;
    }
    void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override {
      context_->queue_.Add(waiter, mask, exclusive);
    }
    void RemoveWaiter(wait::Waiter& waiter) override { context_->queue_.Remove(waiter); }

   private:
    const Ref<AioContext> context_;
    const uint64_t seen_;
  };

  // ---- the mapping: a page of zeros, in which the C library looks for a ring that it may read itself, and finds none ----
  Result<Ref<SharedFd>> HostFile(bool write_shared) override;
  Identity identity() const override { return {.dev = 3, .ino = 1}; }
  std::string Name() const override { return "/[aio] (deleted)"; }
  // A child has no contexts (io_setup(2)): it gets one without requests, which is no number.
  RefPtr<mm::Mappable> ForChild() override;
  const void* kind_tag() const override { return Tag(); }

  explicit AioContext(uint32_t requests) : limit_(requests) {}

 private:
  ~AioContext() override;
  const uint32_t limit_;  // 0: a child's
  mutable Mutex<LockRank::kFile> mu_;
  uint32_t used_ ABSL_GUARDED_BY(mu_) = 0;  // reserved or waiting to be taken
  std::deque<abi::IoEvent> events_ ABSL_GUARDED_BY(mu_);
  std::atomic<uint64_t> completions_{0};
  std::atomic<bool> destroyed_{false};
  wait::WaitQueue queue_;
};

}  // namespace ringwall::anon
