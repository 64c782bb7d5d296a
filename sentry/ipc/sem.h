// semget(2), semop(2), semctl(2): System V semaphore sets. Operations that must wait queue up in their set, and whoever changes a value
// carries out what has become possible, in order of arrival; the waiting call finds its result when it runs again.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "sentry/ipc/object.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::ipc {

class SemTable;

// SEM_UNDO adjustments of one process (or of all that share them by CLONE_SYSVSEM). The last one to let go applies them.
class UndoList final : public RefCounted {
 public:
  UndoList(SemTable& table, int32_t pid, Ref<RefCounted> keep) : keep_(std::move(keep)), table_(table), pid_(pid) {}

 private:
  friend class SemTable;
  friend class SemaphoreSet;
  friend class UndoShare;
  ~UndoList() override;
  const Ref<RefCounted> keep_;  // the namespace that the table belongs to
  SemTable& table_;
  const int32_t pid_;
  Mutex<LockRank::kIpcTable> mu_;
  std::vector<int32_t> sets_ ABSL_GUARDED_BY(mu_);  // identifiers, without repetition
  size_t prune_at_ ABSL_GUARDED_BY(mu_) = 64;
};

// Where the threads that share their adjustments find them: made with the first CLONE_SYSVSEM, or the first SEM_UNDO.
class UndoShare final : public RefCounted {
 public:
  Ref<UndoList> Get(SemTable& table, int32_t pid, const Ref<RefCounted>& keep);

 private:
  Mutex<LockRank::kIpcTable> mu_;
  RefPtr<UndoList> list_ ABSL_GUARDED_BY(mu_);
};

// One semop(2) that waits.
class SemWaiter final : public RefCounted, public wait::Waitable {
 public:
  SemWaiter(std::vector<abi::Sembuf> operations, int32_t pid, RefPtr<UndoList> undo)
      : operations_(std::move(operations)), pid_(pid), undo_(std::move(undo)) {}
  bool done() const { return done_.load(std::memory_order_acquire); }
  wait::EventMask Readiness(wait::EventMask mask) override { return done() ? mask : 0; }
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override { queue_.Add(waiter, mask, exclusive); }
  void RemoveWaiter(wait::Waiter& waiter) override { queue_.Remove(waiter); }

 private:
  friend class SemaphoreSet;
  friend class SemTable;
  const std::vector<abi::Sembuf> operations_;
  const int32_t pid_;
  const RefPtr<UndoList> undo_;
  // Under the set's lock until done_.
  abi::Sembuf blocked_on_{};
  Errno result_{};  // kOk when carried out
  bool failed_ = false;
  std::atomic<bool> done_{false};
  wait::WaitQueue queue_;
};

class SemaphoreSet final : public Object {
 public:
  SemaphoreSet(SemTable& table, Context& ctx, int32_t key, int32_t flags, uint32_t count);
  uint32_t count() const { return count_; }

 private:
  friend class SemTable;
  friend class UndoList;
  struct Semaphore {
    int32_t value = 0;
    int32_t pid = 0;
  };
  using Woken = std::vector<Ref<SemWaiter>>;
  enum class Attempt : uint8_t { kDone, kWait, kFailed };
  ~SemaphoreSet() override;

  Attempt TryLocked(absl::Span<const abi::Sembuf> operations, UndoList* undo, int32_t pid, abi::Sembuf& blocked_on, Errno& error,
                    bool& raised) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // Carries out what waits and has become possible.
  void RunWaitersLocked(Woken& woken) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  int16_t* AdjustmentLocked(UndoList& undo, uint16_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void ApplyUndoLocked(UndoList& undo) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void ClearUndoLocked(uint16_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void DropUndoLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  static void Wake(const Woken& woken);

  SemTable& table_;
  const uint32_t count_;
  std::vector<Semaphore> semaphores_ ABSL_GUARDED_BY(mu);
  int64_t operation_time_ ABSL_GUARDED_BY(mu) = 0;
  std::list<Ref<SemWaiter>> waiters_ ABSL_GUARDED_BY(mu);
  absl::flat_hash_map<const UndoList*, std::map<uint16_t, int16_t>> undo_ ABSL_GUARDED_BY(mu);
};

class SemTable {
 public:
  // /proc/sys/kernel/sem: semmsl, semmns, semopm, semmni.
  // Differs from Linux: 1,048,576 semaphores in all, not 1,024,000,000: they would be gigabytes of the sentry's memory.
  static constexpr int32_t kMaxSemaphores = 1 << 20;
  std::atomic<int32_t> max_per_set{static_cast<int32_t>(abi::kSEMMSL)}, max_semaphores{kMaxSemaphores},
      max_operations{static_cast<int32_t>(abi::kSEMOPM)}, max_sets{static_cast<int32_t>(abi::kSEMMNI)};

  Result<int32_t> Get(Context& ctx, int32_t key, int32_t count, int32_t flags);
  // semop(2) after its arguments were copied in and counted. Done, or an error, or a waiter to park on. `undo` is an UndoShare, made when
  // needed.
  struct Outcome {
    RefPtr<SemWaiter> waiter;  // null = done
  };
  Result<Outcome> Operate(Context& ctx, int32_t id, std::vector<abi::Sembuf> operations, RefPtr<RefCounted>& undo,
                          const Ref<RefCounted>& keep);
  // The waiting ends: its result when it was carried out (or failed), else `error`, and it will not be any more.
  Result<void> Finish(int32_t id, SemWaiter& waiter, Errno error);

  Result<uint32_t> Count(Context& ctx, int32_t id);
  Result<int32_t> GetOne(Context& ctx, int32_t id, int32_t number, int32_t command);  // GETVAL, GETPID, GETNCNT, GETZCNT
  Result<std::vector<uint16_t>> GetAll(Context& ctx, int32_t id);
  Result<void> SetOne(Context& ctx, int32_t id, int32_t number, int32_t value);
  // SETALL: permission before the values are copied in; `values` as long as Count says.
  Result<uint32_t> MaySetAll(Context& ctx, int32_t id);
  Result<void> SetAll(Context& ctx, int32_t id, absl::Span<const uint16_t> values);
  Result<abi::SemidDs> Stat(Context& ctx, int32_t id);
  Result<abi::SemidDs> StatIndex(Context& ctx, int32_t index, bool any, int32_t& id);
  Result<void> Set(Context& ctx, int32_t id, const abi::SemidDs& values);
  Result<void> Remove(Context& ctx, int32_t id);
  abi::Seminfo Info(bool used) const;  // IPC_INFO, SEM_INFO
  int32_t HighestIndex() const { return sets_.HighestIndex(); }
  std::string ProcText() const;  // /proc/sysvipc/sem

 private:
  friend class SemaphoreSet;
  friend class UndoList;
  static abi::SemidDs Describe(const SemaphoreSet& set);
  Result<void> NoteUndo(UndoList& undo, int32_t id);
  // Differs from Linux: adjustments of all processes together, instead of as much memory as there is.
  static constexpr int64_t kMaxAdjustments = 1 << 20;
  std::atomic<int64_t> total_{0};
  std::atomic<int64_t> adjustments_{0};
  Table<SemaphoreSet> sets_;
};

}  // namespace ringwall::ipc
