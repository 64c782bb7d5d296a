// mq_overview(7): the file system of POSIX message queues; mounted at /dev/mqueue, and what mq_open(2) looks names up in.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "abi/mqueue.h"
#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/inode.h"
#include "sentry/vfs/path_walk.h"

namespace ringwall::mqueue {

// What a new queue is made with (mq_open(3)), when not by default.
struct Attributes {
  int64_t max_messages = 0;
  int64_t message_size = 0;
};

class MqueueFs final : public vfs::FileSystem {
 public:
  static Ref<MqueueFs> Create();
  std::string_view type_name() const override { return "mqueue"; }
  Ref<vfs::Inode> root() override;

  // mq_open(2): `flags` are O_*; `attributes` null for the defaults. ENOENT, EEXIST, EACCES, EINVAL, ENOSPC, EMFILE, ENAMETOOLONG.
  // `mount` is the kernel's own, which no namespace shows.
  Result<Ref<vfs::File>> OpenQueue(Context& ctx, const Ref<vfs::Mount>& mount, std::string_view name, uint32_t flags, uint32_t mode,
                                   const Attributes* attributes, uint64_t byte_limit);
  Result<void> Unlink(Context& ctx, const Ref<vfs::MountNamespace>& ns, const Ref<vfs::Mount>& mount, std::string_view name);

  // /proc/sys/fs/mqueue.
  std::atomic<int32_t> queues_max{static_cast<int32_t>(abi::kMQ_QUEUES_DEFAULT)}, msg_max{static_cast<int32_t>(abi::kMQ_MSG_DEFAULT)},
      msgsize_max{static_cast<int32_t>(abi::kMQ_MSGSIZE_DEFAULT)}, msg_default{static_cast<int32_t>(abi::kMQ_MSG_DEFAULT)},
      msgsize_default{static_cast<int32_t>(abi::kMQ_MSGSIZE_DEFAULT)};

  // A queue's share of its user's RLIMIT_MSGQUEUE: EMFILE.
  Result<void> ChargeUser(uint32_t uid, uint64_t bytes, uint64_t limit);
  void RefundUser(uint32_t uid, uint64_t bytes);
  // Messages that wait in all queues together. Differs from Linux: at most 64 MiB (ENOMEM), whatever the limits are set to.
  bool ChargeMessage(uint64_t bytes);
  void RefundMessage(uint64_t bytes) { message_bytes_.fetch_sub(static_cast<int64_t>(bytes), std::memory_order_relaxed); }
  uint64_t NextIno() { return next_ino_.fetch_add(1, std::memory_order_relaxed); }
  std::atomic<int32_t> queue_count{0};

 private:
  // Differs from Linux: also with CAP_SYS_RESOURCE there is an end.
  static constexpr int64_t kMaxMessageBytes = int64_t{64} << 20;
  MqueueFs() = default;
  void OnLastUnmount() override { root_.reset(); }
  RefPtr<vfs::Inode> root_;
  std::atomic<uint64_t> next_ino_{1};
  std::atomic<int64_t> message_bytes_{0};
  Mutex<LockRank::kMessageQueue> users_mu_;
  absl::flat_hash_map<uint32_t, uint64_t> user_bytes_ ABSL_GUARDED_BY(users_mu_);
};

}  // namespace ringwall::mqueue
