// One POSIX message queue: mq_send(3), mq_receive(3), mq_notify(3). Whoever waits is served by whoever makes it possible: a message goes
// straight to a waiting receiver, a waiting sender's message straight into the place that became free.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "abi/mqueue.h"
#include "abi/signal.h"
#include "absl/base/thread_annotations.h"
#include "sentry/fs/mqueue/mqueue_fs.h"
#include "sentry/vfs/permission.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::mqueue {

struct Message {
  uint32_t priority = 0;
  std::string bytes;
};

// One mq_timedsend(2) or mq_timedreceive(2) that waits. A sender brings its message, a receiver takes one away.
class Waiting final : public RefCounted, public wait::Waitable {
 public:
  Waiting() = default;
  bool done() const { return done_.load(std::memory_order_acquire); }
  // A receiver's, once done.
  Message& message() { return message_; }
  wait::EventMask Readiness(wait::EventMask mask) override { return done() ? mask : 0; }
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override { queue_.Add(waiter, mask, exclusive); }
  void RemoveWaiter(wait::Waiter& waiter) override { queue_.Remove(waiter); }

 private:
  friend class Queue;
  Message message_;  // under the queue's lock until done_
  std::atomic<bool> done_{false};
  wait::WaitQueue queue_;
};

// SIGEV_THREAD of mq_notify(3): told when the registration has been used, or has ended otherwise. Rooms above know how.
class Notifier : public RefCounted {
 public:
  enum class Why : uint8_t { kWoken = 1, kRemoved = 2 };  // NOTIFY_WOKENUP, NOTIFY_REMOVED
  // No lock held.
  virtual void Tell(Why why) = 0;
};

// mq_notify(3): what the registered process is to get, now that a message came. Sent by the caller, who knows tasks.
struct Notification {
  int32_t pid = 0;  // 0 = none
  int32_t signo = 0;
  uint64_t value = 0;
  RefPtr<Notifier> notifier;
};

class Queue final : public vfs::Inode {
 public:
  // The user's bytes have been charged.
  Queue(MqueueFs& fs, const vfs::NewFileOwner& owner, const Attributes& attributes, uint32_t charged_uid, uint64_t charged_bytes,
        const abi::Timespec& now);
  static uint64_t BytesFor(const Attributes& attributes);

  Result<vfs::Attributes> GetAttributes(Context& ctx) override;
  Result<void> SetAttributes(Context& ctx, const vfs::AttributeChange& change) override;
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override;
  Result<vfs::FileSystemStats> StatFs(Context& ctx) override;
  uint64_t ino() const { return ino_; }
  void DropName() { links_.store(0, std::memory_order_relaxed); }

  int64_t max_messages() const { return limits_.max_messages; }
  int64_t message_size() const { return limits_.message_size; }
  int64_t current() const;
  // Taken (null), or what to park on; EAGAIN when full and `nonblocking`, ENOMEM. `message` is moved from unless an error is returned.
  Result<RefPtr<Waiting>> Send(Context& ctx, Message& message, bool nonblocking, Notification& notification);
  // A message in `message` (null), or what to park on; EAGAIN.
  Result<RefPtr<Waiting>> Receive(Context& ctx, Message& message, bool nonblocking);
  // The waiting ends. True when it had been served.
  bool Finish(Waiting& waiting, bool sender);
  // `notify` is SIGEV_NONE, SIGEV_SIGNAL, or SIGEV_THREAD with a notifier, for this process: EBUSY.
  Result<void> Register(Context& ctx, int32_t notify, int32_t signo, uint64_t value, RefPtr<Notifier> notifier);
  void Unregister(int32_t pid);
  std::string Text() const;  // what read(2) of the file shows
  wait::WaitQueue& pollers() { return pollers_; }
  wait::EventMask Ready(wait::EventMask mask) const;

 private:
  static constexpr uint64_t kOverhead = 128;
  ~Queue() override;
  void InsertLocked(Message message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Message TakeLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  MqueueFs& mqueue_fs() const { return static_cast<MqueueFs&>(file_system()); }

  const Attributes limits_;
  const uint32_t charged_uid_;
  const uint64_t charged_bytes_;
  const uint64_t ino_;
  std::atomic<uint32_t> links_{1};
  mutable Mutex<LockRank::kMessageQueue> mu_;
  uint32_t mode_ ABSL_GUARDED_BY(mu_), uid_ ABSL_GUARDED_BY(mu_), gid_ ABSL_GUARDED_BY(mu_);
  abi::Timespec atime_ ABSL_GUARDED_BY(mu_), mtime_ ABSL_GUARDED_BY(mu_), ctime_ ABSL_GUARDED_BY(mu_);
  std::map<uint32_t, std::deque<std::string>, std::greater<>> messages_ ABSL_GUARDED_BY(mu_);  // by priority, highest first
  int64_t count_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::list<Ref<Waiting>> senders_ ABSL_GUARDED_BY(mu_), receivers_ ABSL_GUARDED_BY(mu_);
  int32_t notify_pid_ ABSL_GUARDED_BY(mu_) = 0;
  int32_t notify_kind_ ABSL_GUARDED_BY(mu_) = 0, notify_signo_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t notify_value_ ABSL_GUARDED_BY(mu_) = 0;
  RefPtr<Notifier> notifier_ ABSL_GUARDED_BY(mu_);
  wait::WaitQueue pollers_;
};

// A message queue descriptor.
class QueueFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kMqueue;
  QueueFile(Ref<Queue> queue, vfs::Path path, uint32_t flags) : File(kKind, std::move(path), flags), queue_(std::move(queue)) {}
  Queue& queue() const { return *queue_; }
  Result<size_t> PRead(Context& ctx, mm::IoSink& sink, uint64_t offset) override;
  // mq_close(3) ends the registration for notification.
  Result<void> Flush(Context& ctx) override;
  wait::EventMask Readiness(wait::EventMask mask) override { return queue_->Ready(mask); }
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override {
    queue_->pollers().Add(waiter, mask, exclusive);
  }
  void RemoveWaiter(wait::Waiter& waiter) override { queue_->pollers().Remove(waiter); }

 private:
  const Ref<Queue> queue_;
};

}  // namespace ringwall::mqueue
