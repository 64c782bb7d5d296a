// What System V segments, semaphore sets and message queues have in common (sysvipc(7)): keys, identifiers with a sequence, permissions.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <vector>

#include "abi/ipc.h"
#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/context/context.h"

namespace ringwall::ipc {

// struct ipc_perm without what never changes.
struct Permissions {
  uint32_t uid = 0, gid = 0, cuid = 0, cgid = 0, mode = 0;
};

class Object : public RefCounted {
 public:
  int32_t id() const { return id_; }
  // 0 (IPC_PRIVATE) once nobody can find it by key any more. Written under the table's and the object's lock.
  int32_t key() const { return key_.load(std::memory_order_relaxed); }

  // EACCES. `access`: 0444 to read, 0222 to write (svipc(7), "System V IPC permissions").
  Result<void> MayAccess(Context& ctx, uint32_t access) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // EPERM: IPC_SET and IPC_RMID are for owner, creator and CAP_SYS_ADMIN.
  Result<void> MayControl(Context& ctx) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void SetOwner(uint32_t uid, uint32_t gid, uint32_t mode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  abi::IpcPerm DescribePermissions() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

  mutable Mutex<LockRank::kIpcObject> mu;
  Permissions permissions ABSL_GUARDED_BY(mu);
  bool removed ABSL_GUARDED_BY(mu) = false;
  int64_t change_time ABSL_GUARDED_BY(mu) = 0;

 protected:
  // Of the caller's effective ids; `flags` hold the mode.
  Object(Context& ctx, int32_t key, int32_t flags);

 private:
  template <typename T>
  friend class Table;
  int32_t id_ = 0;  // set before anybody else sees the object
  std::atomic<int32_t> key_;
};

// The objects of one kind. An identifier is index + 32768 * sequence, so that one that was removed stays invalid for long.
template <typename T>
class Table {
 public:
  static constexpr int32_t kIndices = 32768;

  // *get(2). `check` judges an existing object against the arguments (under its lock), `make` makes a new one, both under the table's.
  Result<int32_t> Get(Context& ctx, int32_t key, int32_t flags, int32_t limit, absl::FunctionRef<Result<void>(T&)> check,
                      absl::FunctionRef<Result<Ref<T>>()> make) {
    RefPtr<T> object;  // outlives the lock when there is no room for it
    MutexLock lock(mu_);
    if (key != abi::kIPC_PRIVATE) {
      if (const auto it = by_key_.find(key); it != by_key_.end()) {
        T& found = *it->second;
        if ((flags & abi::kIPC_CREAT) != 0 && (flags & abi::kIPC_EXCL) != 0) return Errno::kEEXIST;
        MutexLock object_lock(found.mu);
        TRY(check(found));
        TRY(found.MayAccess(ctx, static_cast<uint32_t>(flags)));
        return found.id();
      }
      if ((flags & abi::kIPC_CREAT) == 0) return Errno::kENOENT;
    }
    object = TRY(make());
    const int32_t index = FreeIndexLocked();
    if (index < 0 || by_index_.size() >= static_cast<size_t>(std::clamp(limit, 0, kIndices))) return Errno::kENOSPC;
    // Indices that come round again get the next sequence.
    if (index <= last_index_ && ++sequence_ > INT32_MAX / kIndices) sequence_ = 0;
    last_index_ = index;
    object->id_ = sequence_ * kIndices + index;
    if (key != abi::kIPC_PRIVATE) by_key_.emplace(key, object.get());
    by_index_.emplace(index, object.ToRef());
    return object->id();
  }

  // EINVAL when the index is free, EIDRM when it now belongs to another object.
  Result<Ref<T>> Find(int32_t id) const {
    if (id < 0) return Errno::kEINVAL;
    MutexLock lock(mu_);
    const auto it = by_index_.find(id % kIndices);
    if (it == by_index_.end()) return Errno::kEINVAL;
    if (it->second->id() != id) return Errno::kEIDRM;
    return it->second;
  }
  // *_STAT name objects by index.
  Result<Ref<T>> FindIndex(int32_t index) const {
    MutexLock lock(mu_);
    const auto it = by_index_.find(index);
    if (index < 0 || it == by_index_.end()) return Errno::kEINVAL;
    return it->second;
  }
  // Nobody finds it from now on. Returns the table's reference, to be dropped without locks.
  RefPtr<T> Remove(T& object) {
    MutexLock lock(mu_);
    HideKeyLocked(object);
    const auto it = by_index_.find(object.id() % kIndices);
    if (it == by_index_.end() || it->second.get() != &object) return nullptr;
    RefPtr<T> removed = std::move(it->second);
    by_index_.erase(it);
    return removed;
  }
  // shmctl(2), IPC_RMID with attachments: found by id only.
  void HideKey(T& object) {
    MutexLock lock(mu_);
    HideKeyLocked(object);
  }
  std::vector<Ref<T>> All() const {
    std::vector<Ref<T>> all;
    MutexLock lock(mu_);
    all.reserve(by_index_.size());
    for (const auto& [index, object] : by_index_) all.push_back(object);
    return all;
  }
  // What the *_INFO calls return: the highest index in use, 0 for none.
  int32_t HighestIndex() const {
    MutexLock lock(mu_);
    return by_index_.empty() ? 0 : by_index_.rbegin()->first;
  }
  int32_t size() const {
    MutexLock lock(mu_);
    return static_cast<int32_t>(by_index_.size());
  }

 private:
  void HideKeyLocked(T& object) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const auto it = by_key_.find(object.key());
    if (it != by_key_.end() && it->second == &object) by_key_.erase(it);
    object.key_.store(abi::kIPC_PRIVATE, std::memory_order_relaxed);
  }
  // The lowest free one.
  int32_t FreeIndexLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (by_index_.empty() || by_index_.begin()->first != 0) return 0;
    // Without holes, which is usual, the next is behind the last.
    const int32_t last = by_index_.rbegin()->first;
    if (static_cast<size_t>(last) + 1 == by_index_.size()) return last + 1 < kIndices ? last + 1 : -1;
    int32_t index = 0;
    for (const auto& [used, object] : by_index_) {
      if (used != index) break;
      ++index;
    }
    return index;
  }

  mutable Mutex<LockRank::kIpcTable> mu_;
  std::map<int32_t, Ref<T>> by_index_ ABSL_GUARDED_BY(mu_);
  std::map<int32_t, T*> by_key_ ABSL_GUARDED_BY(mu_);
  int32_t last_index_ ABSL_GUARDED_BY(mu_) = -1;
  int32_t sequence_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace ringwall::ipc
