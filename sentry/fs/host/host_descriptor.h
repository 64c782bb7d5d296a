// HostDescriptor: one donated descriptor, used so that no call blocks and nobody outside notices.
#pragma once

#include <cstdint>

#include "absl/types/span.h"
#include "base/error/result.h"
#include "base/fd/shared_fd.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/fs/host/host_poller.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::hostfs {

enum class HostKind : uint8_t { kRegular, kDirectory, kPipe, kSocket, kTty, kOther };

// Never changes the descriptor's flags: O_NONBLOCK belongs to the open file description, which processes outside share. Instead: sockets
// use MSG_DONTWAIT, pipes preadv2/pwritev2 with RWF_NOWAIT where the host has it; everything else asks poll(2) first and then moves no more
// than poll promised (a terminal or an old kernel's pipe takes a small write without waiting when it is writable).
class HostDescriptor final : public PollTarget {
 public:
  HostDescriptor(HostPoller& poller, UniqueFd fd, HostKind kind, uint32_t access);
  int fd() const { return fd_->get(); }
  const Ref<SharedFd>& shared() const { return fd_; }
  HostKind kind() const { return kind_; }
  uint32_t access() const { return access_; }  // O_RDONLY, O_WRONLY or O_RDWR, as the host opened it
  bool always_ready() const { return kind_ == HostKind::kRegular || kind_ == HostKind::kDirectory; }
  wait::EventMask Readiness(wait::EventMask mask);
  // At the shared position for regular files. EAGAIN when it would block; 0 from Read is the end.
  Result<size_t> Read(absl::Span<std::byte> to);
  Result<size_t> Write(absl::Span<const std::byte> from);
  // Asks the poller to tell the queue (and the callback) of the next of these events.
  void Arm(wait::EventMask mask);
  wait::WaitQueue& queue() { return queue_; }
  // Called on the poller's thread after the queue, if set before the first Arm.
  using Callback = void (*)(RefCounted& whom);
  void SetCallback(Callback callback, RefPtr<RefCounted> whom);
  void OnPoll(uint32_t events) override;

 private:
  ~HostDescriptor() override;
  Result<size_t> WriteStep(absl::Span<const std::byte> from);
  HostPoller& poller_;
  const Ref<SharedFd> fd_;
  const HostKind kind_;
  const uint32_t access_;
  std::atomic<bool> no_nowait_{false};  // the host refuses RWF_NOWAIT for it
  wait::WaitQueue queue_;
  Mutex<LockRank::kFile> write_mu_;  // two guests must not both take the room that poll(2) saw
  Mutex<LockRank::kFile> read_mu_;
  Mutex<LockRank::kFile> callback_mu_;
  Callback callback_ ABSL_GUARDED_BY(callback_mu_) = nullptr;
  RefPtr<RefCounted> callback_to_ ABSL_GUARDED_BY(callback_mu_);
};

}  // namespace ringwall::hostfs
