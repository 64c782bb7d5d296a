// Mount and MountNamespace: which file system is seen where (mount_namespaces(7)), and how mounts spread among peers ("shared subtrees").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/cred/namespace.h"
#include "sentry/cred/user_namespace.h"
#include "sentry/vfs/dentry.h"

namespace ringwall::vfs {

class MountNamespace;
class MountTree;
class PeerGroup;

struct MountFlags {
  bool read_only = false, no_suid = false, no_dev = false, no_exec = false, no_atime = false, no_diratime = false, strict_atime = false,
       no_symfollow = false;
  friend bool operator==(const MountFlags&, const MountFlags&) = default;
};

class Mount : public RefCounted {
 public:
  // A mount of `root` (a bind mount of a part), or of the whole file system.
  Mount(Ref<FileSystem> fs, Ref<Dentry> root, MountFlags flags, std::string source);
  static Ref<Mount> OfFileSystem(Ref<FileSystem> fs, MountFlags flags, std::string source);
  FileSystem& fs() const { return *fs_; }
  const Ref<FileSystem>& fs_ref() const { return fs_; }
  const Ref<Dentry>& root() const { return root_; }
  int32_t id() const { return id_; }
  const std::string& source() const { return source_; }  // first column of /proc/mounts
  MountFlags flags() const { return Unpack(flags_.load(std::memory_order_acquire)); }
  void SetFlags(MountFlags flags) { flags_.store(Pack(flags), std::memory_order_release); }
  // Files open for writing through it: it can't be made read-only meanwhile (mount(2), EBUSY).
  std::atomic<int64_t> writers{0};
  // Where it is mounted; empty for the root of the namespace or once detached.
  Path mountpoint() const;

 private:
  friend class MountNamespace;
  friend class MountTree;
  ~Mount() override;
  Path SwapMountpoint(Path where);
  static uint32_t Pack(MountFlags f) {
    return uint32_t{f.read_only} | uint32_t{f.no_suid} << 1 | uint32_t{f.no_dev} << 2 | uint32_t{f.no_exec} << 3 |
           uint32_t{f.no_atime} << 4 | uint32_t{f.no_diratime} << 5 | uint32_t{f.strict_atime} << 6 | uint32_t{f.no_symfollow} << 7;
  }
  static MountFlags Unpack(uint32_t bits) {
    return {.read_only = (bits & 1) != 0,
            .no_suid = (bits & 2) != 0,
            .no_dev = (bits & 4) != 0,
            .no_exec = (bits & 8) != 0,
            .no_atime = (bits & 16) != 0,
            .no_diratime = (bits & 32) != 0,
            .strict_atime = (bits & 64) != 0,
            .no_symfollow = (bits & 128) != 0};
  }
  const Ref<FileSystem> fs_;
  const Ref<Dentry> root_;
  const std::string source_;
  const int32_t id_;
  std::atomic<uint32_t> flags_;
  // Written under the mount table's lock as well, which alone is enough to read.
  mutable Mutex<LockRank::kDentryCache> mu_;
  Path mountpoint_;

  // ---- guarded by the mount table's lock (MountTree) ----
  MountNamespace* ns_ = nullptr;  // null once detached; the namespace forgets its mounts before it dies
  std::vector<Mount*> children_;  // a mounted child is kept by the table
  // Came with a mount namespace from a more privileged one: may not be uncovered alone, nor lose its flags (mount_namespaces(7)).
  bool locked_ = false;
  uint32_t locked_flags_ = 0;
  bool unbindable_ = false;
  bool expire_marked_ = false;  // MNT_EXPIRE
  RefPtr<PeerGroup> peers_;     // shared: whom it tells and hears
  RefPtr<PeerGroup> master_;    // slave: whom it only hears
};

enum class Propagation : uint8_t { kPrivate, kShared, kSlave, kUnbindable };

class MountNamespace final : public cred::Namespace {
 public:
  explicit MountNamespace(Ref<Mount> root, Ref<cred::UserNamespace> owner = cred::UserNamespace::Initial(), uint64_t ino = 0);
  Ref<Mount> root() const;
  // Mounts on top of `where` (a directory on a directory, a non-directory on a non-directory: ENOTDIR otherwise), and on its peers.
  Result<void> Attach(Ref<Mount> mount, const Path& where);
  // Whether `mount` is in this namespace.
  bool Contains(const Mount& mount) const;
  // umount2(2): EBUSY when children exist and not detach; EINVAL when `mount` is not ours or is the root.
  Result<void> Detach(Mount& mount, bool lazy);
  // Whatever is mounted on (mount, dentry), or null. Of any namespace: a mount is in one only.
  RefPtr<Mount> MountedAt(const Path& where) const;
  // The place that `mount` covers; empty Path for the namespace root.
  Path MountpointOf(const Mount& mount) const;
  // All mounts reachable, parents before children: /proc/PID/mountinfo.
  struct Entry {
    Ref<Mount> mount;
    Path mountpoint;
    int32_t parent_id;
    int32_t peer_group = 0, master = 0;  // 0: none
    bool unbindable = false;
  };
  std::vector<Entry> List() const;

  // ---- mount(2) and its kin; the caller has checked that it may change this namespace ----
  // clone(2) with CLONE_NEWNS: a copy of the whole tree. `places` are moved to their copies. Into another user namespace everything is
  // locked and becomes a slave.
  Result<Ref<MountNamespace>> Copy(Ref<cred::UserNamespace> owner, std::vector<Path*> places) const;
  // MS_BIND: mounts `from` (with what is below, when recursive) on `to` as well. EINVAL: unbindable, not ours, or locked children would be
  // uncovered.
  Result<void> Bind(const Path& from, const Path& to, bool recursive);
  // MS_MOVE. EINVAL, ELOOP.
  Result<void> Move(const Path& from, const Path& to);
  Result<void> SetPropagation(Mount& mount, Propagation type, bool recursive);
  // MS_REMOUNT's per-mount flags: EPERM when it would lose a locked one.
  Result<void> SetMountFlags(Mount& mount, const MountFlags& flags);
  // umount2(2) of the mount that `where` is the root of. `own_refs`: how many references of the mount the caller itself holds.
  struct UmountHow {
    bool detach = false, expire = false;
    int64_t own_refs = 1;
  };
  Result<void> Umount(const Path& where, const UmountHow& how);
  // pivot_root(2); `root` is the caller's root. On success the caller moves roots and working directories.
  Result<void> PivotRoot(const Path& root, const Path& new_root, const Path& put_old);

 private:
  friend class MountTree;
  ~MountNamespace() override;
  struct CopyTag {};
  MountNamespace(CopyTag, Ref<MountTree> tree, Ref<cred::UserNamespace> owner);
  const Ref<MountTree> tree_;  // shared with all copies: mounts spread among namespaces
  RefPtr<Mount> root_;         // guarded by the tree's lock, as is the count
  size_t count_ = 0;
  bool charged_ = false;
};

}  // namespace ringwall::vfs
