// Mount and MountNamespace: which file system is seen where (mount_namespaces(7)). Propagation comes later; everything is private now.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/vfs/dentry.h"

namespace ringwall::vfs {

struct MountFlags {
  bool read_only = false, no_suid = false, no_dev = false, no_exec = false, no_atime = false;
  friend bool operator==(const MountFlags&, const MountFlags&) = default;
};

class Mount : public RefCounted {
 public:
  // A mount of `root` (a bind mount of a part), or of the whole file system.
  Mount(Ref<FileSystem> fs, Ref<Dentry> root, MountFlags flags, std::string source);
  static Ref<Mount> OfFileSystem(Ref<FileSystem> fs, MountFlags flags, std::string source);
  FileSystem& fs() const { return *fs_; }
  const Ref<Dentry>& root() const { return root_; }
  int32_t id() const { return id_; }
  const std::string& source() const { return source_; }  // first column of /proc/mounts
  MountFlags flags() const { return Unpack(flags_.load(std::memory_order_acquire)); }
  void SetFlags(MountFlags flags) { flags_.store(Pack(flags), std::memory_order_release); }
  // Where it is mounted; empty for the root of the namespace or once detached.
  Path mountpoint() const;

 private:
  friend class MountNamespace;
  ~Mount() override;
  Path SwapMountpoint(Path where);
  static uint32_t Pack(MountFlags f) {
    return uint32_t{f.read_only} | uint32_t{f.no_suid} << 1 | uint32_t{f.no_dev} << 2 | uint32_t{f.no_exec} << 3 |
           uint32_t{f.no_atime} << 4;
  }
  static MountFlags Unpack(uint32_t bits) {
    return {.read_only = (bits & 1) != 0,
            .no_suid = (bits & 2) != 0,
            .no_dev = (bits & 4) != 0,
            .no_exec = (bits & 8) != 0,
            .no_atime = (bits & 16) != 0};
  }
  const Ref<FileSystem> fs_;
  const Ref<Dentry> root_;
  const std::string source_;
  const int32_t id_;
  std::atomic<uint32_t> flags_;
  // Written under the namespace's lock as well, which alone is enough to read.
  mutable Mutex<LockRank::kDentryCache> mu_;
  Path mountpoint_;
  bool attached_ = false;  // guarded by the namespace's lock
};

class MountNamespace : public RefCounted {
 public:
  explicit MountNamespace(Ref<Mount> root);
  Ref<Mount> root() const { return root_; }
  // Mounts on top of `where` (a directory on a directory, a non-directory on a non-directory: ENOTDIR otherwise).
  Result<void> Attach(Ref<Mount> mount, const Path& where);
  // Whether `mount` is in this namespace.
  bool Contains(const Mount& mount) const;
  // umount2(2): EBUSY when children exist and not detach; EINVAL when `mount` is not ours or is the root.
  Result<void> Detach(Mount& mount, bool lazy);
  // Whatever is mounted on (mount, dentry), or null.
  RefPtr<Mount> MountedAt(const Path& where) const;
  // The place that `mount` covers; empty Path for the namespace root.
  Path MountpointOf(const Mount& mount) const;
  // All mounts reachable, parents before children: /proc/PID/mountinfo.
  struct Entry {
    Ref<Mount> mount;
    Path mountpoint;
    int32_t parent_id;
  };
  std::vector<Entry> List() const;

 private:
  ~MountNamespace() override;
  void CollectChildrenLocked(const Mount& mount, std::vector<Ref<Mount>>& out) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Takes one mount out; returns what it covered.
  Path RemoveLocked(Mount& mount) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  mutable Mutex<LockRank::kMountTable> mu_;
  const Ref<Mount> root_;
  // (covered mount, covered dentry) -> mount on top
  absl::flat_hash_map<std::pair<const Mount*, const Dentry*>, Ref<Mount>> by_mountpoint_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ringwall::vfs
