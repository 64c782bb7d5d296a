// Advisory locks of one inode: flock(2), and the byte ranges of fcntl(2): POSIX (owned by a process) and OFD (owned by an open file
// description).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/vfs/inode.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::vfs {

struct LockOwner {
  enum class Kind : uint8_t { kPosix, kOfd };
  Kind kind = Kind::kPosix;
  uint64_t id = 0;  // FdTable::id() or File::id()
  int32_t pid = 0;  // what F_GETLK reports: tgid, or -1 for OFD
  bool Same(const LockOwner& o) const { return kind == o.kind && id == o.id; }
};

struct RangeLock {
  static constexpr uint64_t kMaxOffset = INT64_MAX;
  LockOwner owner;
  bool exclusive = false;  // F_WRLCK, else F_RDLCK
  uint64_t start = 0;
  uint64_t last = kMaxOffset;  // inclusive
  bool Overlaps(uint64_t s, uint64_t l) const { return start <= l && s <= last; }
  // Both kinds of owner exclude each other.
  bool ConflictsWith(const RangeLock& o) const { return (exclusive || o.exclusive) && !owner.Same(o.owner) && Overlaps(o.start, o.last); }
};

// l_whence, l_start and l_len against the base (0, position or size) to an inclusive range; EINVAL or EOVERFLOW as fcntl_locking(2).
Result<void> ResolveRange(uint64_t base, int64_t start, int64_t length, RangeLock& lock);

class FileLocks {
 public:
  // More than any program needs, so that a guest can't eat our memory lock by lock: ENOLCK.
  static constexpr size_t kMaxLocks = 1 << 16;

  // F_GETLK: the first lock in the way.
  std::optional<RangeLock> Conflict(const RangeLock& wanted) const;
  // F_SETLK with F_RDLCK or F_WRLCK: replaces what the owner has there, merges neighbours. EAGAIN when in the way of another, ENOLCK.
  Result<void> SetRange(const RangeLock& lock);
  // F_UNLCK: splits what it cuts. ENOLCK when there is no room for the piece.
  Result<void> ClearRange(const LockOwner& owner, uint64_t start, uint64_t last);
  // flock(2), LOCK_SH or LOCK_EX. EAGAIN = EWOULDBLOCK. A conversion gives the old lock up first, as Linux does.
  Result<void> Flock(uint64_t file_id, bool exclusive);
  void Funlock(uint64_t file_id);
  // All range locks of an owner: close(2) and exit for POSIX, the last close of the description for OFD.
  void ReleaseOwner(LockOwner::Kind kind, uint64_t id);

  // For /proc/locks.
  struct FlockHolder {
    uint64_t file_id;
    bool exclusive;
  };
  std::vector<RangeLock> Ranges() const;
  std::vector<FlockHolder> Flocks() const;
  wait::WaitQueue& queue() { return queue_; }

 private:
  friend class LockRequest;
  std::optional<RangeLock> ConflictLocked(const RangeLock& wanted) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Result<void> ReplaceLocked(const LockOwner& owner, uint64_t start, uint64_t last, const RangeLock* with)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool FlockConflictLocked(uint64_t file_id, bool exclusive) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex<LockRank::kFileLock> mu_;
  std::vector<RangeLock> ranges_ ABSL_GUARDED_BY(mu_);  // by start; one owner's locks never overlap
  std::vector<FlockHolder> flocks_ ABSL_GUARDED_BY(mu_);
  wait::WaitQueue queue_;
};

// A blocking F_SETLKW, F_OFD_SETLKW or flock(2): kept in the call's state while it waits. Try(); on EAGAIN park on this for kPOLLIN and
// Try() again. While it exists after EAGAIN, a POSIX request counts in the search for deadlocks.
class LockRequest : public RefCounted, public wait::Waitable {
 public:
  LockRequest(Ref<Inode> inode, const RangeLock& lock);
  LockRequest(Ref<Inode> inode, uint64_t file_id, bool exclusive);  // flock
  // EAGAIN = wait; EDEADLK = waiting would never end (POSIX only); ENOLCK.
  Result<void> Try();
  wait::EventMask Readiness(wait::EventMask mask) override;
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive) override;
  void RemoveWaiter(wait::Waiter& waiter) override;

 private:
  ~LockRequest() override;
  const Ref<Inode> inode_;
  const bool is_flock_;
  const RangeLock range_;  // for flock: owner.id and exclusive only
};

}  // namespace ringwall::vfs
