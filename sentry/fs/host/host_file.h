// Files over descriptors that the caller of the sandbox donated: stdin, stdout and stderr of a container (files, pipes, sockets, terminals).
#pragma once

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "base/fd/unique_fd.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/fs/host/host_poller.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/inode.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::hostfs {

enum class HostKind : uint8_t { kRegular, kDirectory, kPipe, kSocket, kTty, kCharDevice, kOther };

// One donated descriptor, shared by every guest file that came from it. Never changes its flags: O_NONBLOCK belongs to the open file
// description, which others outside hold too. So a transfer asks poll(2) first and uses calls that cannot block where there are any.
class HostDescriptor final : public RefCounted, public PollTarget {
 public:
  HostDescriptor(HostPoller* poller, UniqueFd fd, HostKind kind, uint32_t access);
  int fd() const { return fd_.get(); }
  HostKind kind() const { return kind_; }
  uint32_t access() const { return access_; }  // O_RDONLY, O_WRONLY, O_RDWR as the host opened it
  bool always_ready() const { return kind_ == HostKind::kRegular || kind_ == HostKind::kDirectory; }
  wait::EventMask Readiness(wait::EventMask mask);
  // EAGAIN when it would block.
  Result<size_t> Read(absl::Span<std::byte> to);
  Result<size_t> Write(absl::Span<const std::byte> from);
  wait::WaitQueue& queue() { return queue_; }
  // Asks the poller to tell the queue about the next of these events.
  void Arm(wait::EventMask mask);
  void OnPoll(uint32_t poll_events) override;
  void AddPollRef() override { AddRef(); }
  void ReleasePollRef() override { Release(); }

 private:
  ~HostDescriptor() override;
  HostPoller* const poller_;
  const UniqueFd fd_;
  const HostKind kind_;
  const uint32_t access_;
  wait::WaitQueue queue_;
  Mutex<LockRank::kFile> write_mu_;  // two guests must not both take the space that poll(2) saw
};

class HostFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kOther;
  HostFile(Ref<HostDescriptor> host, vfs::FileKind kind, vfs::Path path, uint32_t flags);

  Result<size_t> Read(Context& ctx, mm::IoSink& sink) override;
  Result<size_t> Write(Context& ctx, mm::IoSource& source) override;
  Result<size_t> PRead(Context& ctx, mm::IoSink& sink, uint64_t offset) override;
  Result<size_t> PWrite(Context& ctx, mm::IoSource& source, uint64_t offset) override;
  Result<int64_t> Seek(Context& ctx, int64_t offset, int32_t whence) override;
  Result<int64_t> Ioctl(Context& ctx, uint32_t command, uint64_t argument) override;
  Result<void> Sync(Context& ctx, bool data_only) override;
  Result<Ref<mm::Mappable>> Mmap(Context& ctx) override;
  std::string DisplayName() const override;
  wait::EventMask Readiness(wait::EventMask mask) override { return host_->Readiness(mask); }
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override;
  void RemoveWaiter(wait::Waiter& waiter) override { host_->queue().Remove(waiter); }

 private:
  ~HostFile() override = default;
  const Ref<HostDescriptor> host_;
};

// Makes a guest file of a donated descriptor; the access mode is the descriptor's. `poller` outlives all files; needed for anything that can
// block. Pipes, sockets and terminals keep their type for fstat(2), with inode numbers of our own.
Result<Ref<vfs::File>> ImportHostFd(Context& ctx, HostPoller& poller, UniqueFd fd);

}  // namespace ringwall::hostfs
