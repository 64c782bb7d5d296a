// overlay: a read-only lower tree and an upper one that takes all changes (Linux's overlayfs; filesystems/overlayfs.rst).
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/sync/mutex.h"
#include "sentry/vfs/inode.h"
#include "sentry/vfs/mount.h"

namespace ringwall::overlay {

class OverlayInode;

// Identity of a lower file, as guests see it also after its copy-up. ino 0: none.
struct Origin {
  uint64_t dev = 0;
  uint64_t ino = 0;
  explicit operator bool() const { return ino != 0; }
  friend bool operator==(const Origin&, const Origin&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Origin& o) {
    return H::combine(std::move(h), o.dev, o.ino);
  }
};

class OverlayFs final : public vfs::FileSystem {
 public:
  // `lower` must not change any more. `upper` is writable and only ours: a fresh tmpfs. Two directories are made in it.
  static Result<Ref<OverlayFs>> Create(Context& ctx, Ref<vfs::FileSystem> lower, Ref<vfs::FileSystem> upper, size_t dentry_cache = 32768);
  std::string_view type_name() const override { return "overlay"; }
  Ref<vfs::Inode> root() override;

  // ---- for its inodes ----
  // The inode for this pair: the one that lives, or a new one found as `name` in `parent`.
  Result<Ref<OverlayInode>> Wrap(Context& ctx, RefPtr<vfs::Inode> upper, RefPtr<vfs::Inode> lower, RefPtr<OverlayInode> parent,
                                 std::string_view name);
  void AddUpper(OverlayInode& inode, const vfs::Inode& upper);
  void Forget(const OverlayInode& inode);
  // Where files are made before they get their name; also holds one name of each copied-up file that has several lower ones.
  Ref<vfs::Inode> work() const { return work_.ToRef(); }
  std::string UniqueName();
  // Publishing a copy-up, and taking a name away, exclude each other. The innermost lock of its rank: taken last, under any directory
  // mutex, and only the upper file system's own locks are taken under it.
  Mutex<LockRank::kDentry>& copy_up_mutex() ABSL_LOCK_RETURNED(copy_up_mu_) { return copy_up_mu_; }
  uint64_t GuestDev(uint64_t lower_dev) const { return lower_dev == lower_dev_ ? dev() : lower_dev; }

  // Directories that were renamed keep the lower directory they came with.
  RefPtr<vfs::Inode> Redirected(const vfs::Inode* upper) const;
  void SetRedirect(const vfs::Inode* upper, Ref<vfs::Inode> lower);
  void DropRedirect(const vfs::Inode* upper);

  // Lower files with several names, once one of them was copied up, removed or linked: how many names are left, and the copy.
  struct Linked {
    RefPtr<vfs::Inode> upper;
    uint32_t names = 0;
    std::string work_name;
  };
  std::optional<Linked> FindLinked(const Origin& origin) const;
  void SetLinkedUpper(const Origin& origin, uint32_t lower_names, Ref<vfs::Inode> upper, std::string work_name);
  // Returns what is left; the entry when that was the last name.
  std::pair<uint32_t, std::optional<Linked>> ChangeLinked(const Origin& origin, uint32_t lower_names, int delta, bool only_known);

  // Sockets and FIFOs hold state of the sentry for as long as they have a name, whatever the dentry cache drops.
  void Pin(Ref<OverlayInode> inode);
  void Unpin(const OverlayInode& inode);

 private:
  template <typename T, typename... Args>
  friend Ref<T> ringwall::MakeRef(Args&&... args);
  OverlayFs(Ref<vfs::FileSystem> lower, Ref<vfs::FileSystem> upper, size_t dentry_cache);
  void OnLastUnmount() override;
  RefPtr<OverlayInode> FindLocked(const vfs::Inode* key) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  uint64_t lower_dev_ = 0;                        // set once by Create, as are work_ and root_
  RefPtr<vfs::Mount> lower_mount_, upper_mount_;  // keep both trees mounted
  RefPtr<vfs::Inode> work_;
  RefPtr<vfs::Inode> root_;
  std::atomic<uint64_t> next_name_{1};
  std::atomic<bool> any_linked_{false};
  Mutex<LockRank::kDentry> copy_up_mu_;
  mutable Mutex<LockRank::kDentryCache> mu_;
  absl::flat_hash_map<const vfs::Inode*, OverlayInode*> inodes_ ABSL_GUARDED_BY(mu_);  // weak, by upper and by lower inode
  absl::flat_hash_map<const vfs::Inode*, Ref<vfs::Inode>> redirects_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<Origin, Linked> linked_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<const OverlayInode*, Ref<OverlayInode>> pinned_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ringwall::overlay
