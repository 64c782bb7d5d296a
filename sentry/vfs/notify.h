// Who watches a file, and how the vfs tells what happens to it (inotify(7); Linux's fsnotify). While nothing in the sandbox is watched a
// report is one load and one branch.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>
#include <vector>

#include "abi/inotify.h"
#include "absl/base/thread_annotations.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/vfs/dentry.h"
#include "sentry/vfs/inode.h"

namespace ringwall::vfs {

class File;

// What must be dropped after the caller's locks.
using NotifyGrave = std::vector<RefPtr<RefCounted>>;

// One watch of one inode; who watches derives from it. It keeps the inode, and, until its name is removed, the dentry it was found by: so
// the cache cannot forget a watched file and make another inode of it later.
class NotifyMark : public RefCounted {
 public:
  NotifyMark(Ref<Inode> inode, RefPtr<Dentry> pin, uint32_t mask);
  Inode& inode() const { return *inode_; }
  // IN_* events, and IN_EXCL_UNLINK.
  uint32_t mask() const { return mask_.load(std::memory_order_relaxed); }
  // Wanted by nobody but this mark's owner, which keeps updates apart.
  void SetMask(uint32_t mask);
  // Begins and ends the watching. Detach is false when it had ended already.
  void Attach();
  bool Detach(NotifyGrave& grave);

  // One event. Directories' mutexes may be held. `name` is empty for events about the watched file itself.
  virtual void OnEvent(uint32_t mask, std::string_view name, uint32_t cookie, NotifyGrave& grave) = 0;
  // The file is gone for good, or its file system unmounted; the mark has been detached.
  virtual void OnEnd(NotifyGrave& grave) = 0;

 private:
  friend class NotifyMarks;
  const Ref<Inode> inode_;
  std::atomic<uint32_t> mask_;
  RefPtr<Dentry> pin_;  // guarded by the lock of the inode's NotifyMarks
};

// The watches of one inode.
class NotifyMarks {
 public:
  // The union of what is wanted; a hint.
  uint32_t interest() const { return interest_.load(std::memory_order_relaxed); }
  bool deleted() const { return deleted_.load(std::memory_order_relaxed); }
  void SetDeleted() { deleted_.store(true, std::memory_order_relaxed); }
  void Add(NotifyMark& mark);
  bool Remove(NotifyMark& mark, NotifyGrave& grave);
  void Refresh();
  std::vector<Ref<NotifyMark>> All() const;
  // Lets go of the dentry wherever it is pinned; how many pins there were.
  size_t Unpin(const Dentry& dentry, NotifyGrave& grave);

 private:
  void RefreshLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  mutable Mutex<LockRank::kNotifyMarks> mu_;
  std::vector<Ref<NotifyMark>> marks_ ABSL_GUARDED_BY(mu_);
  std::atomic<uint32_t> interest_{0};
  std::atomic<bool> deleted_{false};
};

namespace notify_internal {
extern std::atomic<uint32_t> g_marks;
void OnFile(const File& file, uint32_t mask);
void OnDentry(const Dentry& dentry, uint32_t mask);
void OnName(Inode& directory, uint32_t mask, std::string_view name, uint32_t cookie);
void OnInode(Inode& inode, uint32_t mask);
void OnDentryGone(const Dentry& dentry);
void OnUnmount(const FileSystem& fs);
}  // namespace notify_internal

inline bool NotifyActive() { return notify_internal::g_marks.load(std::memory_order_relaxed) != 0; }

// Something was done through an open file (IN_ACCESS, IN_MODIFY, IN_OPEN, IN_CLOSE_*): its directory's watches and its own are told.
inline void NotifyFile(const File& file, uint32_t mask) {
  if (NotifyActive()) [[unlikely]]
    notify_internal::OnFile(file, mask);
}
// Something was done to the file of this name (IN_ATTRIB, IN_MODIFY by truncate(2)).
inline void NotifyDentry(const Dentry& dentry, uint32_t mask) {
  if (NotifyActive()) [[unlikely]]
    notify_internal::OnDentry(dentry, mask);
}
// A name came or went (IN_CREATE, IN_DELETE, IN_MOVED_*); IN_ISDIR is the caller's.
inline void NotifyName(Inode& directory, uint32_t mask, std::string_view name, uint32_t cookie = 0) {
  if (NotifyActive()) [[unlikely]]
    notify_internal::OnName(directory, mask, name, cookie);
}
// About the file whatever its names (IN_ATTRIB for its link count, IN_MOVE_SELF).
inline void NotifyInode(Inode& inode, uint32_t mask) {
  if (NotifyActive()) [[unlikely]]
    notify_internal::OnInode(inode, mask);
}
// A dentry dies: the last close of a removed file ends its watches.
inline void NotifyDentryGone(const Dentry& dentry) {
  if (NotifyActive()) [[unlikely]]
    notify_internal::OnDentryGone(dentry);
}
inline void NotifyUnmount(const FileSystem& fs) {
  if (NotifyActive()) [[unlikely]]
    notify_internal::OnUnmount(fs);
}

// The bit that belongs to events about a directory.
inline uint32_t NotifyDirBit(const Inode& inode) { return inode.IsDirectory() ? abi::kIN_ISDIR : 0; }
// Ties IN_MOVED_FROM to IN_MOVED_TO; never 0.
uint32_t NotifyCookie();
// `victim` was unhashed. `last_link`: no name of its inode is left. IN_ATTRIB for the link count when `changed_links`, IN_DELETE_SELF
// unless somebody still has the dentry, the caller with its one reference apart.
void NotifyUnlinked(Dentry& victim, bool last_link, bool changed_links, NotifyGrave& grave);

}  // namespace ringwall::vfs
