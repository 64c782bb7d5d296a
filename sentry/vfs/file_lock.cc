// Advisory locks: interval rules of fcntl_locking(2), flock(2), and the search for deadlocks among blocked POSIX requests.
#include "sentry/vfs/file_lock.h"

#include <algorithm>
#include <map>
#include <set>

#include "abi/poll.h"

namespace ringwall::vfs {

namespace {

// Who waits for whom, over all files: POSIX owners only. Its lock is taken inside one FileLocks' lock, never the other way round.
class WaitGraph {
 public:
  static WaitGraph& Get() {
    static auto* graph = new WaitGraph;
    return *graph;
  }
  // Records that `request` of `waiter` waits for `holder`. EDEADLK, and nothing recorded, when holder waits for waiter already, however
  // indirectly. A process with several threads may wait for several others at a time: all its edges count.
  Result<void> Block(const LockRequest* request, uint64_t waiter, uint64_t holder) {
    MutexLockNested lock(mu_);
    std::set<uint64_t> seen;
    std::vector<uint64_t> todo = {holder};
    while (!todo.empty()) {
      const uint64_t at = todo.back();
      todo.pop_back();
      if (at == waiter) {
        edges_.erase(request);
        return Errno::kEDEADLK;
      }
      if (!seen.insert(at).second) continue;
      for (const auto& [other, edge] : edges_) {
        if (other != request && edge.waiter == at) todo.push_back(edge.holder);
      }
    }
    edges_[request] = {waiter, holder};
    return {};
  }
  void Unblock(const LockRequest* request) {
    MutexLockNested lock(mu_);
    edges_.erase(request);
  }

 private:
  struct Edge {
    uint64_t waiter;
    uint64_t holder;
  };
  Mutex<LockRank::kFileLock> mu_;
  std::map<const LockRequest*, Edge> edges_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

Result<void> ResolveRange(uint64_t base, int64_t start, int64_t length, RangeLock& lock) {
  if (base > RangeLock::kMaxOffset) return Errno::kEOVERFLOW;
  int64_t first;
  if (__builtin_add_overflow(static_cast<int64_t>(base), start, &first)) return Errno::kEOVERFLOW;
  if (first < 0) return Errno::kEINVAL;
  int64_t last;
  if (length > 0) {
    if (__builtin_add_overflow(first, length - 1, &last)) return Errno::kEOVERFLOW;
  } else if (length < 0) {
    // The range ends before start: POSIX.1-2001, fcntl_locking(2).
    last = first - 1;
    if (__builtin_add_overflow(first, length, &first)) return Errno::kEINVAL;
    if (first < 0) return Errno::kEINVAL;
  } else {
    last = static_cast<int64_t>(RangeLock::kMaxOffset);
  }
  lock.start = static_cast<uint64_t>(first);
  lock.last = static_cast<uint64_t>(last);
  return {};
}

std::optional<RangeLock> FileLocks::ConflictLocked(const RangeLock& wanted) const {
  for (const RangeLock& lock : ranges_) {
    if (lock.start > wanted.last) break;
    if (lock.ConflictsWith(wanted)) return lock;
  }
  return std::nullopt;
}

std::optional<RangeLock> FileLocks::Conflict(const RangeLock& wanted) const {
  MutexLock lock(mu_);
  return ConflictLocked(wanted);
}

Result<void> FileLocks::ReplaceLocked(const LockOwner& owner, uint64_t start, uint64_t last, const RangeLock* with) {
  std::vector<RangeLock> next;
  next.reserve(ranges_.size() + 2);
  RangeLock merged;
  if (with != nullptr) merged = *with;
  for (const RangeLock& lock : ranges_) {
    if (!lock.owner.Same(owner)) {
      next.push_back(lock);
      continue;
    }
    const bool same_type = with != nullptr && lock.exclusive == with->exclusive;
    // Neighbours of the same type become one; last + 1 can't overflow, it is at most 2^63.
    if (same_type && lock.start <= last + 1 && start <= lock.last + 1) {
      merged.start = std::min(merged.start, lock.start);
      merged.last = std::max(merged.last, lock.last);
      continue;
    }
    if (!lock.Overlaps(start, last)) {
      next.push_back(lock);
      continue;
    }
    if (lock.start < start) {
      next.push_back(lock);
      next.back().last = start - 1;
    }
    if (lock.last > last) {
      next.push_back(lock);
      next.back().start = last + 1;
    }
  }
  if (with != nullptr) next.push_back(merged);
  if (next.size() > kMaxLocks && next.size() > ranges_.size()) return Errno::kENOLCK;
  std::stable_sort(next.begin(), next.end(), [](const RangeLock& a, const RangeLock& b) { return a.start < b.start; });
  ranges_ = std::move(next);
  return {};
}

Result<void> FileLocks::SetRange(const RangeLock& wanted) {
  {
    MutexLock lock(mu_);
    if (ConflictLocked(wanted).has_value()) return Errno::kEAGAIN;
    TRY(ReplaceLocked(wanted.owner, wanted.start, wanted.last, &wanted));
  }
  // A write lock may have become a read lock.
  queue_.Notify(abi::kPOLLIN);
  return {};
}

Result<void> FileLocks::ClearRange(const LockOwner& owner, uint64_t start, uint64_t last) {
  {
    MutexLock lock(mu_);
    TRY(ReplaceLocked(owner, start, last, nullptr));
  }
  queue_.Notify(abi::kPOLLIN);
  return {};
}

bool FileLocks::FlockConflictLocked(uint64_t file_id, bool exclusive) const {
  for (const FlockHolder& holder : flocks_) {
    if (holder.file_id != file_id && (exclusive || holder.exclusive)) return true;
  }
  return false;
}

Result<void> FileLocks::Flock(uint64_t file_id, bool exclusive) {
  bool changed = false;
  Result<void> result;
  {
    MutexLock lock(mu_);
    const auto mine = std::find_if(flocks_.begin(), flocks_.end(), [&](const FlockHolder& h) { return h.file_id == file_id; });
    if (mine != flocks_.end()) {
      if (mine->exclusive == exclusive) return {};
      flocks_.erase(mine);
      changed = true;
    }
    if (FlockConflictLocked(file_id, exclusive)) {
      result = Errno::kEAGAIN;
    } else if (flocks_.size() >= kMaxLocks) {
      result = Errno::kENOLCK;
    } else {
      flocks_.push_back({file_id, exclusive});
    }
  }
  if (changed) queue_.Notify(abi::kPOLLIN);
  return result;
}

void FileLocks::Funlock(uint64_t file_id) {
  {
    MutexLock lock(mu_);
    if (std::erase_if(flocks_, [&](const FlockHolder& h) { return h.file_id == file_id; }) == 0) return;
  }
  queue_.Notify(abi::kPOLLIN);
}

void FileLocks::ReleaseOwner(LockOwner::Kind kind, uint64_t id) {
  {
    MutexLock lock(mu_);
    if (std::erase_if(ranges_, [&](const RangeLock& l) { return l.owner.kind == kind && l.owner.id == id; }) == 0) return;
  }
  queue_.Notify(abi::kPOLLIN);
}

std::vector<RangeLock> FileLocks::Ranges() const {
  MutexLock lock(mu_);
  return ranges_;
}

std::vector<FileLocks::FlockHolder> FileLocks::Flocks() const {
  MutexLock lock(mu_);
  return flocks_;
}

LockRequest::LockRequest(Ref<Inode> inode, const RangeLock& lock) : inode_(std::move(inode)), is_flock_(false), range_(lock) {}

LockRequest::LockRequest(Ref<Inode> inode, uint64_t file_id, bool exclusive)
    : inode_(std::move(inode)),
      is_flock_(true),
      range_({.owner = {.kind = LockOwner::Kind::kOfd, .id = file_id}, .exclusive = exclusive}) {}

LockRequest::~LockRequest() { WaitGraph::Get().Unblock(this); }

Result<void> LockRequest::Try() {
  FileLocks& locks = inode_->locks();
  if (is_flock_) return locks.Flock(range_.owner.id, range_.exclusive);
  {
    MutexLock lock(locks.mu_);
    const std::optional<RangeLock> conflict = locks.ConflictLocked(range_);
    if (conflict.has_value()) {
      const bool both_posix = range_.owner.kind == LockOwner::Kind::kPosix && conflict->owner.kind == LockOwner::Kind::kPosix;
      if (both_posix) {
        TRY(WaitGraph::Get().Block(this, range_.owner.id, conflict->owner.id));
      } else {
        WaitGraph::Get().Unblock(this);
      }
      return Errno::kEAGAIN;
    }
    WaitGraph::Get().Unblock(this);
    TRY(locks.ReplaceLocked(range_.owner, range_.start, range_.last, &range_));
  }
  locks.queue_.Notify(abi::kPOLLIN);
  return {};
}

wait::EventMask LockRequest::Readiness(wait::EventMask mask) {
  FileLocks& locks = inode_->locks();
  MutexLock lock(locks.mu_);
  const bool blocked = is_flock_ ? locks.FlockConflictLocked(range_.owner.id, range_.exclusive) : locks.ConflictLocked(range_).has_value();
  return blocked ? 0 : mask & abi::kPOLLIN;
}

void LockRequest::AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive) {
  inode_->locks().queue_.Add(waiter, mask, exclusive);
}
void LockRequest::RemoveWaiter(wait::Waiter& waiter) { inode_->locks().queue_.Remove(waiter); }

}  // namespace ringwall::vfs
