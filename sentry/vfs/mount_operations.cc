// mount(2), umount2(2) and pivot_root(2) on a namespace's tree, and the copy that CLONE_NEWNS makes.
#include <algorithm>
#include <utility>

#include "sentry/vfs/mount.h"
#include "sentry/vfs/mount_tree.h"
#include "sentry/vfs/path_walk.h"

namespace ringwall::vfs {

Result<Ref<MountNamespace>> MountNamespace::Copy(Ref<cred::UserNamespace> owner, std::vector<Path*> places) const {
  using Counted = cred::UserNamespace::Counted;
  TRY(owner->Charge(Counted::kMnt));
  const bool foreign = owner.get() != this->owner();
  Ref<MountNamespace> copy(new MountNamespace(CopyTag{}, tree_, std::move(owner)), Ref<MountNamespace>::AdoptTag{});
  copy->charged_ = true;
  std::vector<Path> old_places(places.size());  // dropped after the lock
  std::vector<std::pair<Mount*, Mount*>> pairs;
  MutexLock lock(tree_->mu);
  const Ref<Mount> top =
      tree_->CopyTree(*root_, root_->root(),
                      {.keep_unbindable = true,
                       .lock = foreign,
                       .spread = foreign ? MountTree::CopyHow::Spread::kSlaves : MountTree::CopyHow::Spread::kAsOriginal},
                      &pairs);
  copy->root_ = RefPtr<Mount>(top);
  MountTree::SetNamespace(*top, copy.get());
  for (size_t i = 0; i < places.size(); ++i) {
    const auto it = std::find_if(pairs.begin(), pairs.end(), [&](const auto& p) { return p.first == places[i]->mount.get(); });
    if (it == pairs.end()) continue;
    old_places[i] = std::exchange(*places[i], Path{RefPtr<Mount>::Share(it->second), places[i]->dentry});
  }
  return copy;
}

Result<void> MountNamespace::Bind(const Path& from, const Path& to, bool recursive) {
  if (!from.dentry || !to.mount) return Errno::kEINVAL;
  if (to.dentry->IsUnlinked()) return Errno::kENOENT;
  MountTree::Garbage garbage;
  MutexLock lock(tree_->mu);
  const Path place = tree_->Top(to);
  if (place.mount->ns_ != this) return Errno::kEINVAL;
  RefPtr<Mount> top;
  if (!from.mount) return Errno::kEINVAL;
  Mount& source = *from.mount;
  if (source.ns_ != this || source.unbindable_) return Errno::kEINVAL;
  if (recursive && count_ + MountTree::Below(source).size() > MountTree::kMostMounts) return Errno::kENOSPC;
  if (!recursive && MountTree::HasLockedBelow(source, *from.dentry)) return Errno::kEINVAL;
  if (from.inode().IsDirectory() != place.inode().IsDirectory()) return Errno::kENOTDIR;
  top = RefPtr<Mount>(tree_->CopyTree(source, from.dentry.ToRef(), {.recursive = recursive}, nullptr));
  const Result<void> done = tree_->Graft(*this, top.ToRef(), place, garbage);
  if (!done.ok()) {
    tree_->Dissolve(*top, garbage);
    garbage.mounts.push_back(top.ToRef());
  }
  return done;
}

Result<void> MountNamespace::Move(const Path& from, const Path& to) {
  if (!from.mount || !to.mount) return Errno::kEINVAL;
  if (from.dentry.get() != from.mount->root().get()) return Errno::kEINVAL;
  if (to.dentry->IsUnlinked()) return Errno::kENOENT;
  MountTree::Garbage garbage;
  MutexLock lock(tree_->mu);
  Mount& moved = *from.mount;
  const Path place = tree_->Top(to);
  if (moved.ns_ != this || place.mount->ns_ != this || moved.locked_) return Errno::kEINVAL;
  if (&moved == root_.get() || !moved.mountpoint_) return Errno::kEINVAL;
  if (from.inode().IsDirectory() != place.inode().IsDirectory()) return Errno::kEINVAL;
  if (moved.mountpoint_.mount->peers_) return Errno::kEINVAL;
  const std::vector<Mount*> tree = MountTree::Below(moved);
  if (place.mount->peers_ && std::any_of(tree.begin(), tree.end(), [](const Mount* m) { return m->unbindable_; })) return Errno::kEINVAL;
  if (std::find(tree.begin(), tree.end(), place.mount.get()) != tree.end()) return Errno::kELOOP;
  const Path old_place = moved.mountpoint_;
  tree_->Unlink(moved, garbage);
  const Result<void> done = tree_->Graft(*this, from.mount.ToRef(), place, garbage);
  if (!done.ok()) tree_->Link(from.mount.ToRef(), old_place);
  return done;
}

Result<void> MountNamespace::SetPropagation(Mount& mount, Propagation type, bool recursive) {
  MountTree::Garbage garbage;
  MutexLock lock(tree_->mu);
  if (mount.ns_ != this) return Errno::kEINVAL;
  const std::vector<Mount*> all = recursive ? MountTree::Below(mount) : std::vector<Mount*>{&mount};
  for (Mount* m : all) {
    switch (type) {
      case Propagation::kShared: tree_->MakeShared(*m); break;
      case Propagation::kSlave: tree_->MakeSlave(*m, garbage); break;
      case Propagation::kPrivate: tree_->MakePrivate(*m, garbage); break;
      case Propagation::kUnbindable:
        tree_->MakePrivate(*m, garbage);
        m->unbindable_ = true;
        break;
    }
  }
  return {};
}

Result<void> MountNamespace::SetMountFlags(Mount& mount, const MountFlags& flags) {
  MutexLock lock(tree_->mu);
  if (mount.ns_ != this) return Errno::kEINVAL;
  const MountFlags old = mount.flags();
  const MountFlags locked = Mount::Unpack(mount.locked_flags_);
  if ((locked.read_only && !flags.read_only) || (locked.no_suid && !flags.no_suid) || (locked.no_dev && !flags.no_dev) ||
      (locked.no_exec && !flags.no_exec)) {
    return Errno::kEPERM;
  }
  // One lock for all of the access time flags.
  if (locked.no_atime &&
      (flags.no_atime != old.no_atime || flags.no_diratime != old.no_diratime || flags.strict_atime != old.strict_atime)) {
    return Errno::kEPERM;
  }
  if (flags.read_only && !old.read_only && mount.writers.load(std::memory_order_acquire) > 0) return Errno::kEBUSY;
  mount.SetFlags(flags);
  return {};
}

Result<void> MountNamespace::Umount(const Path& where, const UmountHow& how) {
  if (!where.mount || where.dentry.get() != where.mount->root().get()) return Errno::kEINVAL;
  MountTree::Garbage garbage;
  MutexLock lock(tree_->mu);
  Mount& mount = *where.mount;
  if (mount.ns_ != this || mount.locked_) return Errno::kEINVAL;
  // Differs from Linux: its namespaces have one more root below the one that everybody sees.
  if (&mount == root_.get()) return how.detach ? Errno::kEINVAL : Errno::kEBUSY;
  if (!how.detach) {
    // One reference is the table's, one the caller's path.
    if (!mount.children_.empty() || mount.ref_count() > 1 + how.own_refs) return Errno::kEBUSY;
    if (how.expire && !std::exchange(mount.expire_marked_, true)) return Errno::kEAGAIN;
  }
  std::vector<Mount*> gone = MountTree::Below(mount);
  tree_->SpreadUmount(gone);
  if (!how.detach) {
    for (const Mount* m : gone) {
      if (m != &mount && m->ref_count() > 1) return Errno::kEBUSY;
    }
  }
  tree_->Remove(gone, garbage);
  return {};
}

Result<void> MountNamespace::PivotRoot(const Path& root, const Path& new_root, const Path& put_old) {
  if (!root.mount || !new_root.mount || !put_old.mount) return Errno::kEINVAL;
  MountTree::Garbage garbage;
  MutexLock lock(tree_->mu);
  Mount& old_mount = *root.mount;
  Mount& new_mount = *new_root.mount;
  const Path place = tree_->Top(put_old);
  const auto parent_is_shared = [](const Mount& m) { return m.mountpoint_ && m.mountpoint_.mount->peers_; };
  if (place.mount->peers_ || parent_is_shared(new_mount) || parent_is_shared(old_mount)) return Errno::kEINVAL;
  if (old_mount.ns_ != this || new_mount.ns_ != this || new_mount.locked_) return Errno::kEINVAL;
  if (new_root.dentry->IsUnlinked()) return Errno::kENOENT;
  if (&new_mount == &old_mount || place.mount.get() == &old_mount) return Errno::kEBUSY;
  if (root.dentry.get() != old_mount.root().get() || new_root.dentry.get() != new_mount.root().get()) return Errno::kEINVAL;
  if (&new_mount == root_.get()) return Errno::kEINVAL;
  // put_old at or below new_root, new_root below root (pivot_root(2), EINVAL).
  const auto below = [](const Mount* m, const Dentry* d, const Mount& top) {
    for (int i = 0; m != &top; ++i) {
      if (!m->mountpoint_) return false;
      d = m->mountpoint_.dentry.get();
      m = m->mountpoint_.mount.get();
    }
    return MountTree::Sees(top, *d);
  };
  if (!below(place.mount.get(), place.dentry.get(), new_mount)) return Errno::kEINVAL;
  if (!below(&new_mount, new_root.dentry.get(), old_mount)) return Errno::kEINVAL;

  const Ref<Mount> keep_old = root.mount.ToRef(), keep_new = new_root.mount.ToRef();
  const Path old_place = old_mount.mountpoint_;  // empty for the namespace's root
  tree_->Unlink(new_mount, garbage);
  if (old_place) {
    tree_->Unlink(old_mount, garbage);
    tree_->Link(keep_new, old_place);
  } else {
    garbage.mounts.push_back(std::exchange(root_, RefPtr<Mount>(keep_new)).ToRef());
  }
  tree_->Link(keep_old, place);
  if (old_mount.locked_) {
    // What must not be uncovered is now covered by the new root.
    old_mount.locked_ = false;
    new_mount.locked_ = true;
  }
  return {};
}

}  // namespace ringwall::vfs
