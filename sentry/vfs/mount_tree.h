// MountTree: what is mounted on what, over all mount namespaces that are copies of one another. For mount*.cc only.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/vfs/mount.h"

namespace ringwall::vfs {

// Mounts that tell each other of what is mounted on them, and the slaves that only hear (mount_namespaces(7), "Shared subtrees").
class PeerGroup : public RefCounted {
 public:
  explicit PeerGroup(int32_t id) : id(id) {}
  const int32_t id;
  // Guarded by the tree's lock; a mount leaves before it dies.
  absl::flat_hash_set<Mount*> members;
  absl::flat_hash_set<Mount*> slaves;
};

class MountTree : public RefCounted {
 public:
  // Per namespace (/proc/sys/fs/mount-max). Differs from Linux, which allows 100,000: what one call may do under the one lock is bounded.
  static constexpr size_t kMostMounts = 20000;

  // What an operation takes out: declared above the lock, so that it dies after it.
  struct Garbage {
    std::vector<Path> places;
    std::vector<Ref<Mount>> mounts;
    std::vector<RefPtr<PeerGroup>> groups;
  };

  Mutex<LockRank::kMountTable> mu;

  // How CopyTree treats what it copies.
  struct CopyHow {
    bool recursive = true;
    bool keep_unbindable = false;  // else they and what is below them stay out
    bool lock = false;             // for a less privileged namespace
    enum class Spread : uint8_t { kAsOriginal, kSlaves, kSharedSlaves } spread = Spread::kAsOriginal;
  };

  // The place where something mounted on `where` goes: on top of what is there.
  Path Top(Path where) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  RefPtr<Mount> At(const Path& where) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  static const Path& PlaceOf(const Mount& mount) { return mount.mountpoint_; }
  void Link(const Ref<Mount>& mount, Path where) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void Unlink(Mount& mount, Garbage& garbage) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // The mount and all below it, parents first.
  static std::vector<Mount*> Below(Mount& top);
  static void SetNamespace(Mount& top, MountNamespace* ns);
  // A copy of the tree from `root` (a dentry of `top`), linked within itself, in no namespace. Pairs of original and copy go to `pairs`.
  Ref<Mount> CopyTree(Mount& top, const Ref<Dentry>& root, const CopyHow& how, std::vector<std::pair<Mount*, Mount*>>* pairs)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // Takes a tree apart that is in no namespace.
  void Dissolve(Mount& top, Garbage& garbage) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // Puts a tree on `place` (from Top) and copies of it where it spreads to. ENOSPC; nothing has changed then.
  Result<void> Graft(MountNamespace& ns, Ref<Mount> top, const Path& place, Garbage& garbage) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // Everything that hears of mounts on `parent`, itself not included.
  std::vector<Mount*> Receivers(Mount& parent) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // Adds to `gone` (whole trees) what goes with them in other places.
  void SpreadUmount(std::vector<Mount*>& gone) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void Remove(const std::vector<Mount*>& gone, Garbage& garbage) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

  void MakeShared(Mount& mount) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void MakePrivate(Mount& mount, Garbage& garbage) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void MakeSlave(Mount& mount, Garbage& garbage) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

  static bool Sees(const Mount& mount, const Dentry& dentry);  // whether the dentry is at or below the mount's root
  static bool HasLockedBelow(Mount& top, const Dentry& root);
  static void LockFlags(Mount& mount);

 private:
  friend class MountNamespace;
  static void Join(PeerGroup& group, Mount& mount);
  static void Follow(PeerGroup& group, Mount& mount);
  void LeavePeers(Mount& mount, Garbage& garbage) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void LeaveMaster(Mount& mount, Garbage& garbage) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // (covered mount, covered dentry) -> mount on top
  absl::flat_hash_map<std::pair<const Mount*, const Dentry*>, Ref<Mount>> by_place_ ABSL_GUARDED_BY(mu);
  int32_t next_group_ ABSL_GUARDED_BY(mu) = 1;
};

}  // namespace ringwall::vfs
