// inotify(7): an instance is a queue of events and the watches that fill it.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/notify.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::anon {

// Counts instances and watches per user, and queued bytes over all: /proc/sys/fs/inotify. Lives as long as the kernel.
class InotifyAccounts {
 public:
  // Written through /proc/sys/fs/inotify.
  std::atomic<int32_t> max_user_instances{128};
  std::atomic<int32_t> max_user_watches{65536};
  std::atomic<int32_t> max_queued_events{16384};

  bool AddInstance(uint32_t uid);  // false at the limit
  void DropInstance(uint32_t uid);
  bool AddWatch(uint32_t uid);
  void DropWatch(uint32_t uid);
  // Differs from Linux: names that wait in all queues together take at most 64 MiB, whatever the limits are set to.
  bool ChargeQueue(size_t bytes);
  void RefundQueue(size_t bytes) { queued_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  static constexpr size_t kMaxQueuedBytes = size_t{64} << 20;
  // Whatever root writes to the limits: what one sandbox may take of the sentry.
  static constexpr uint32_t kMaxInstances = 8192, kMaxWatches = 1 << 18;
  struct User {
    int32_t instances = 0, watches = 0;
  };
  void ForgetLocked(uint32_t uid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Mutex<LockRank::kNotifyQueue> mu_;
  absl::flat_hash_map<uint32_t, User> users_ ABSL_GUARDED_BY(mu_);
  uint32_t instances_ ABSL_GUARDED_BY(mu_) = 0, watches_ ABSL_GUARDED_BY(mu_) = 0;
  std::atomic<size_t> queued_bytes_{0};
};

// The part of an instance that watches hold: events arrive here, also while the descriptor is being closed.
class InotifyQueue final : public RefCounted {
 public:
  explicit InotifyQueue(InotifyAccounts& accounts) : accounts_(accounts) {}
  // Merges with an equal event at the tail; one IN_Q_OVERFLOW when there is no room.
  void Push(int32_t wd, uint32_t mask, std::string_view name, uint32_t cookie);
  // The events that fit into `room` bytes, in the form read(2) gives; EAGAIN for an empty queue, EINVAL when not even the first fits.
  Result<std::string> Take(size_t room);
  size_t QueuedBytes() const;
  bool Ready() const;
  wait::WaitQueue& waiters() { return waiters_; }

 private:
  struct Event {
    int32_t wd;
    uint32_t mask, cookie;
    std::string name;
    size_t size() const;
  };
  ~InotifyQueue() override;
  InotifyAccounts& accounts_;
  mutable Mutex<LockRank::kNotifyQueue> mu_;
  std::deque<Event> events_ ABSL_GUARDED_BY(mu_);
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool overflowed_ ABSL_GUARDED_BY(mu_) = false;
  wait::WaitQueue waiters_;
};

class InotifyFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kInotify;
  InotifyFile(Context& ctx, InotifyAccounts& accounts, uint32_t uid, uint32_t flags);

  // inotify_add_watch(2) for a place that was found and may be read: the watch descriptor. EEXIST, ENOSPC.
  Result<int32_t> AddWatch(Context& ctx, const vfs::Path& path, uint32_t mask);
  Result<void> RemoveWatch(int32_t wd);  // EINVAL

  Result<size_t> Read(Context& ctx, mm::IoSink& sink) override;
  Result<size_t> Write(Context& ctx, mm::IoSource& source) override;
  Result<int64_t> Ioctl(Context& ctx, uint32_t command, uint64_t argument) override;
  std::string FdInfo() const override;
  std::string DisplayName() const override { return "anon_inode:inotify"; }
  wait::EventMask Readiness(wait::EventMask mask) override;
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override;
  void RemoveWaiter(wait::Waiter& waiter) override;

 private:
  ~InotifyFile() override;
  const Ref<RefCounted> group_;
  const Ref<InotifyQueue> queue_;
};

// inotify_init1(2): EINVAL for unknown flags, EMFILE at the user's limit.
Result<Ref<vfs::File>> MakeInotify(Context& ctx, InotifyAccounts& accounts, uint32_t flags);

}  // namespace ringwall::anon
