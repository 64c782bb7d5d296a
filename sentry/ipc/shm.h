// shmget(2), shmat(2), shmctl(2): System V shared memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/fd/shared_fd.h"
#include "sentry/ipc/object.h"
#include "sentry/mm/mappable.h"

namespace ringwall::ipc {

class ShmTable;

class Segment final : public Object {
 public:
  Segment(ShmTable& table, Context& ctx, int32_t key, int32_t flags, uint64_t size);
  uint64_t size() const { return size_; }
  uint64_t pages() const { return (size_ + 4095) / 4096; }
  // The memory, made when it is first attached.
  Result<Ref<SharedFd>> Memory();
  abi::ShmidDs Describe() const;

 private:
  friend class ShmTable;
  friend class Attachment;
  ~Segment() override;
  ShmTable& table_;
  const uint64_t size_;
  const int32_t creator_pid_;
  std::atomic<int32_t> attachments_{0};  // grows by fork under the parent's mm lock
  int64_t attach_time_ ABSL_GUARDED_BY(mu) = 0, detach_time_ ABSL_GUARDED_BY(mu) = 0;
  int32_t last_pid_ ABSL_GUARDED_BY(mu) = 0;
  bool doomed_ ABSL_GUARDED_BY(mu) = false;  // SHM_DEST: goes with the last attachment
  RefPtr<SharedFd> memory_ ABSL_GUARDED_BY(mu);
};

// One attachment: what the VMAs of one shmat(2) in one address space map. It ends when the last of them does.
class Attachment final : public mm::Mappable {
 public:
  // The count has been raised.
  Attachment(Ref<Segment> segment, int32_t pid, Ref<RefCounted> keep) : keep_(std::move(keep)), segment_(std::move(segment)), pid_(pid) {}
  static const void* Tag();
  Segment& segment() const { return *segment_; }

  Result<Ref<SharedFd>> HostFile(bool write_shared) override;
  // Linux's device is that of all shared memory; ours is one of its own, so that inode numbers can be identifiers.
  Identity identity() const override { return {.dev = 2, .ino = static_cast<uint64_t>(segment_->id())}; }
  std::string Name() const override;
  RefPtr<mm::Mappable> ForChild() override;
  const void* kind_tag() const override { return Tag(); }

 private:
  ~Attachment() override;
  const Ref<RefCounted> keep_;  // the namespace, whose table the segment counts in
  const Ref<Segment> segment_;
  const int32_t pid_;
};

class ShmTable {
 public:
  // /proc/sys/kernel/{shmmax,shmall,shmmni}.
  std::atomic<uint64_t> max_size{abi::kSHMMAX}, max_pages{abi::kSHMALL};
  std::atomic<int32_t> max_segments{static_cast<int32_t>(abi::kSHMMNI)};

  Result<int32_t> Get(Context& ctx, int32_t key, uint64_t size, int32_t flags);
  // shmat(2) up to the mapping: EINVAL, EIDRM, EACCES. `access` as Object::MayAccess.
  Result<Ref<Attachment>> Attach(Context& ctx, int32_t id, uint32_t access, Ref<RefCounted> keep);
  // IPC_STAT; SHM_STAT and SHM_STAT_ANY name an index and give the id.
  Result<abi::ShmidDs> Stat(Context& ctx, int32_t id);
  Result<abi::ShmidDs> StatIndex(Context& ctx, int32_t index, bool any, int32_t& id);
  Result<void> Set(Context& ctx, int32_t id, const abi::ShmidDs& values);
  Result<void> Remove(Context& ctx, int32_t id);
  Result<void> Lock(Context& ctx, int32_t id, bool lock, bool may_lock_memory);
  abi::ShmInfoLimits Limits() const;
  abi::ShmInfo Info() const;
  int32_t HighestIndex() const { return segments_.HighestIndex(); }
  std::string ProcText() const;  // /proc/sysvipc/shm

 private:
  friend class Segment;
  friend class Attachment;
  void DropIfDoomed(Segment& segment);
  std::atomic<uint64_t> total_pages_{0};
  Table<Segment> segments_;
};

}  // namespace ringwall::ipc
