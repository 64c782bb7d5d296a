// Dentry: a name in a directory, cached; positive (has an inode) or negative. Mount: a tree of dentries glued into the namespace.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/vfs/inode.h"

namespace ringwall::vfs {

class Mount;

class Dentry : public RefCounted {
 public:
  // The root of a file system, or an unconnected file (pipe, socket, memfd, O_TMPFILE): no parent.
  static Ref<Dentry> MakeRoot(Ref<Inode> inode, std::string name = "/");

  // Null when negative. Stable while the caller holds the parent's lock or has seen it positive (a positive dentry turns negative only by
  // unlink, which unhashes it instead).
  RefPtr<Inode> inode() const { return RefPtr<Inode>::Share(inode_raw()); }
  Inode* inode_raw() const { return inode_.load(std::memory_order_acquire); }  // only while a Ref<Dentry> known to be positive is held
  bool IsNegative() const { return inode_raw() == nullptr; }

  // Name and parent change only under the file system's rename lock (kRename); each read is consistent in itself.
  std::string name() const;
  RefPtr<Dentry> parent() const;  // null for a root
  bool IsRoot() const;
  // Removed from its directory (unlink, rmdir, replaced): "(deleted)".
  bool IsUnlinked() const { return unlinked_.load(std::memory_order_acquire); }
  // How many mounts sit on this dentry, over all mounts: 0 lets the walk skip the mount table.
  std::atomic<int32_t> mounted_here{0};

  // The child map's operations are the walk's and the vfs operations' business: lookup.cc, operations*.cc.
  RefPtr<Dentry> FindChild(std::string_view name);                   // cached child, positive or negative, or null
  Ref<Dentry> AddChild(std::string_view name, RefPtr<Inode> inode);  // returns the one already there when it lost a race
  // The same, only when no name of the file system has changed since `seen` was taken; else null. For lookups without directory_mutex().
  RefPtr<Dentry> AddChildIfUnchanged(std::string_view name, RefPtr<Inode> inode, const LookupStamp& seen);
  void Forget(std::string_view name);                         // drops a stale cached child
  void ForgetIf(std::string_view name, const Dentry& stale);  // the same, when it is still this one
  void MarkUnlinked();                                        // unhashes this dentry from its parent
  void BecomePositive(Ref<Inode> inode);                      // a negative dentry after create
  // Moves this dentry to new_parent/new_name, replacing (unhashing) what is there. Rename lock and both directory mutexes held.
  void MoveTo(Dentry& new_parent, std::string_view new_name);
  void ExchangeWith(Dentry& other);
  // Or the same. Rename lock held, else only a hint.
  bool IsAncestorOf(const Dentry& other) const;
  // Serialises changes of names in this directory (Linux's inode lock of the directory): create, unlink, rename take it.
  Mutex<LockRank::kDentry>& directory_mutex() ABSL_LOCK_RETURNED(dir_mu_) { return dir_mu_; }

 private:
  friend class DentryCache;
  Dentry(RefPtr<Dentry> parent, std::string name, RefPtr<Inode> inode);
  ~Dentry() override;
  void OnLastRef() const override;
  Ref<Dentry> AddChildLocked(std::string_view name, RefPtr<Inode>& inode, bool& added) ABSL_EXCLUSIVE_LOCKS_REQUIRED(children_mu_);
  RefPtr<Dentry> KeepAlive(Dentry& child);
  void EraseChild(std::string_view name, const Dentry* child);
  void SetChild(const std::string& name, Dentry* child);
  void DropCachedChildren();

  static constexpr size_t kNotCached = ~size_t{0};

  std::atomic<Inode*> inode_{nullptr};  // owns one reference; null -> positive happens once
  std::atomic<bool> unlinked_{false};
  std::atomic<bool> touched_{false};  // found since the cache's hand passed: gets a second chance
  size_t cache_slot_ = kNotCached;    // guarded by the DentryCache's lock
  Mutex<LockRank::kDentry> dir_mu_;
  mutable Mutex<LockRank::kInode> children_mu_;
  std::string name_ ABSL_GUARDED_BY(children_mu_);
  RefPtr<Dentry> parent_ ABSL_GUARDED_BY(children_mu_);
  absl::flat_hash_map<std::string, Dentry*> children_ ABSL_GUARDED_BY(children_mu_);  // weak: a child unregisters itself
};

// A place: a dentry seen through a mount. The mount is null for anonymous files (pipes, sockets, memfds: AnonymousPath).
struct Path {
  RefPtr<Mount> mount;
  RefPtr<Dentry> dentry;
  friend bool operator==(const Path& a, const Path& b) { return a.mount.get() == b.mount.get() && a.dentry.get() == b.dentry.get(); }
  explicit operator bool() const { return static_cast<bool>(dentry); }
  Inode& inode() const { return *dentry->inode_raw(); }  // only for positive dentries
};

}  // namespace ringwall::vfs
