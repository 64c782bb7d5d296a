// The tree of mounts and how changes of it spread: peers, masters and slaves (mount_namespaces(7), "Shared subtrees").
#include "sentry/vfs/mount_tree.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"

namespace ringwall::vfs {

Path MountTree::Top(Path where) const {
  for (auto it = by_place_.find({where.mount.get(), where.dentry.get()}); it != by_place_.end();
       it = by_place_.find({where.mount.get(), where.dentry.get()})) {
    where = Path{RefPtr<Mount>(it->second), RefPtr<Dentry>(it->second->root())};
  }
  return where;
}

RefPtr<Mount> MountTree::At(const Path& where) const {
  const auto it = by_place_.find({where.mount.get(), where.dentry.get()});
  if (it == by_place_.end()) return nullptr;
  return RefPtr<Mount>(it->second);
}

void MountTree::Link(const Ref<Mount>& mount, Path where) {
  where.dentry->mounted_here.fetch_add(1, std::memory_order_acq_rel);
  by_place_.emplace(std::make_pair(where.mount.get(), where.dentry.get()), mount);
  where.mount->children_.push_back(mount.get());
  mount->SwapMountpoint(std::move(where));
}

void MountTree::Unlink(Mount& mount, Garbage& garbage) {
  Path covered = mount.SwapMountpoint(Path());
  if (!covered) return;
  covered.dentry->mounted_here.fetch_sub(1, std::memory_order_acq_rel);
  std::erase(covered.mount->children_, &mount);
  const auto it = by_place_.find({covered.mount.get(), covered.dentry.get()});
  garbage.mounts.push_back(it->second);
  by_place_.erase(it);
  garbage.places.push_back(std::move(covered));
}

std::vector<Mount*> MountTree::Below(Mount& top) {
  std::vector<Mount*> all{&top};
  for (size_t i = 0; i < all.size(); ++i) all.insert(all.end(), all[i]->children_.begin(), all[i]->children_.end());
  return all;
}

void MountTree::SetNamespace(Mount& top, MountNamespace* ns) {
  for (Mount* m : Below(top)) {
    if (m->ns_ == ns) continue;
    if (m->ns_ != nullptr) --m->ns_->count_;
    m->ns_ = ns;
    if (ns != nullptr) ++ns->count_;
  }
}

bool MountTree::Sees(const Mount& mount, const Dentry& dentry) {
  const Dentry& root = mount.root().operator*();
  return &root == &dentry || root.IsAncestorOf(dentry);
}

bool MountTree::HasLockedBelow(Mount& top, const Dentry& root) {
  return std::any_of(top.children_.begin(), top.children_.end(), [&](const Mount* child) {
    const Dentry& at = *child->mountpoint_.dentry;
    return child->locked_ && (&at == &root || root.IsAncestorOf(at));
  });
}

// What a less privileged namespace may not take away again; the treatment of access times as a whole.
void MountTree::LockFlags(Mount& mount) {
  const MountFlags f = mount.flags();
  mount.locked_flags_ |= Mount::Pack({.read_only = f.read_only,
                                      .no_suid = f.no_suid,
                                      .no_dev = f.no_dev,
                                      .no_exec = f.no_exec,
                                      .no_atime = true});  // stands for all three of atime
}

// ---- groups -----------------------------------------------------------------------------------------------------------

void MountTree::Join(PeerGroup& group, Mount& mount) {
  group.members.insert(&mount);
  mount.peers_ = RefPtr<PeerGroup>::Share(&group);
}

void MountTree::Follow(PeerGroup& group, Mount& mount) {
  group.slaves.insert(&mount);
  mount.master_ = RefPtr<PeerGroup>::Share(&group);
}

void MountTree::MakeShared(Mount& mount) {
  mount.unbindable_ = false;
  if (mount.peers_) return;
  const Ref<PeerGroup> group = MakeRef<PeerGroup>(next_group_++);
  Join(*group, mount);
}

void MountTree::LeaveMaster(Mount& mount, Garbage& garbage) {
  if (!mount.master_) return;
  mount.master_->slaves.erase(&mount);
  garbage.groups.push_back(std::exchange(mount.master_, nullptr));
}

void MountTree::LeavePeers(Mount& mount, Garbage& garbage) {
  if (!mount.peers_) return;
  RefPtr<PeerGroup> group = std::exchange(mount.peers_, nullptr);
  group->members.erase(&mount);
  if (group->members.empty()) {
    // The last one goes: its slaves hear its master from now on, or nobody.
    for (Mount* slave : std::exchange(group->slaves, {})) {
      garbage.groups.push_back(std::exchange(slave->master_, nullptr));
      if (mount.master_) Follow(*mount.master_, *slave);
    }
  }
  garbage.groups.push_back(std::move(group));
}

void MountTree::MakePrivate(Mount& mount, Garbage& garbage) {
  mount.unbindable_ = false;
  LeavePeers(mount, garbage);
  LeaveMaster(mount, garbage);
}

void MountTree::MakeSlave(Mount& mount, Garbage& garbage) {
  if (!mount.peers_) return;
  const RefPtr<PeerGroup> group = mount.peers_;
  LeavePeers(mount, garbage);
  // Without a peer to hear it stays what it was beside being shared: a slave of its master, or private.
  if (group->members.empty()) return;
  LeaveMaster(mount, garbage);
  Follow(*group, mount);
}

// ---- copies -----------------------------------------------------------------------------------------------------------

Ref<Mount> MountTree::CopyTree(Mount& top, const Ref<Dentry>& root, const CopyHow& how, std::vector<std::pair<Mount*, Mount*>>* pairs) {
  const auto copy_one = [&](Mount& from, const Ref<Dentry>& at) {
    mu.AssertHeld();
    Ref<Mount> to = MakeRef<Mount>(from.fs_, at, from.flags(), from.source_);
    to->locked_flags_ = from.locked_flags_;
    to->unbindable_ = from.unbindable_;
    if (how.spread == CopyHow::Spread::kAsOriginal || !from.peers_) {
      if (from.peers_) Join(*from.peers_, *to);
      if (from.master_) Follow(*from.master_, *to);
    } else {
      Follow(*from.peers_, *to);
      if (how.spread == CopyHow::Spread::kSharedSlaves) MakeShared(*to);
    }
    if (how.lock) LockFlags(*to);
    if (pairs != nullptr) pairs->emplace_back(&from, to.get());
    return to;
  };
  Ref<Mount> result = copy_one(top, root);
  if (!how.recursive) return result;
  std::vector<std::pair<Mount*, Ref<Mount>>> work{{&top, result}};
  for (size_t i = 0; i < work.size(); ++i) {
    for (Mount* child : std::vector<Mount*>(work[i].first->children_)) {
      const RefPtr<Dentry>& at = child->mountpoint_.dentry;
      if (!Sees(*work[i].second, *at)) continue;
      if (child->unbindable_ && !how.keep_unbindable) continue;
      const Ref<Mount> copy = copy_one(*child, child->root_);
      copy->locked_ = child->locked_ || how.lock;
      Link(copy, Path{RefPtr<Mount>(work[i].second), at});
      work.emplace_back(child, copy);
    }
  }
  return result;
}

void MountTree::Dissolve(Mount& top, Garbage& garbage) {
  const std::vector<Mount*> all = Below(top);
  Remove(all, garbage);
}

void MountTree::Remove(const std::vector<Mount*>& gone, Garbage& garbage) {
  for (Mount* m : gone) {
    MakePrivate(*m, garbage);
    if (m->ns_ != nullptr) --m->ns_->count_;
    m->ns_ = nullptr;
    m->locked_ = false;
  }
  // The innermost first: nothing is then unlinked from a mount that only the table kept alive (Garbage keeps it).
  for (auto it = gone.rbegin(); it != gone.rend(); ++it) Unlink(**it, garbage);
}

// ---- spreading --------------------------------------------------------------------------------------------------------

std::vector<Mount*> MountTree::Receivers(Mount& parent) {
  std::vector<Mount*> out;
  if (!parent.peers_) return out;
  absl::flat_hash_set<const PeerGroup*> seen{parent.peers_.get()};
  std::vector<PeerGroup*> work{parent.peers_.get()};
  for (size_t i = 0; i < work.size(); ++i) {
    for (Mount* m : work[i]->members) {
      if (m != &parent) out.push_back(m);
    }
    for (Mount* s : work[i]->slaves) {
      if (!s->peers_) {
        out.push_back(s);
      } else if (seen.insert(s->peers_.get()).second) {
        work.push_back(s->peers_.get());
      }
    }
  }
  return out;
}

Result<void> MountTree::Graft(MountNamespace& ns, Ref<Mount> top, const Path& place, Garbage& garbage) {
  Mount& parent = *place.mount;
  const Dentry& dentry = *place.dentry;
  const size_t size = Below(*top).size();
  struct Copy {
    Ref<Mount> top;
    Path where;
  };
  std::vector<Copy> copies;
  std::vector<Mount*> newly_shared;
  if (parent.peers_) {
    for (Mount* m : Below(*top)) {
      if (m->peers_) continue;
      MakeShared(*m);
      newly_shared.push_back(m);
    }
    // What is too much for its namespace is not even begun.
    const auto receives = [&](Mount& m) { return m.ns_ != nullptr && copies.size() * size <= kMostMounts && Sees(m, dentry); };
    const auto copy_to = [&](Mount& m, Mount& source, CopyHow::Spread spread) {
      mu.AssertHeld();
      const bool foreign = m.ns_->owner() != ns.owner();
      Ref<Mount> copy = CopyTree(source, source.root(), {.keep_unbindable = true, .lock = foreign, .spread = spread}, nullptr);
      if (foreign) copy->locked_ = true;
      copies.push_back({copy, Top(Path{RefPtr<Mount>::Share(&m), place.dentry})});
      return copy;
    };
    struct Step {
      PeerGroup* group;
      Mount* source;  // whose copies its members get; its groups are what slaves follow
    };
    absl::flat_hash_set<const PeerGroup*> seen{parent.peers_.get()};
    std::vector<Step> work{{parent.peers_.get(), top.get()}};
    for (Mount* m : std::vector<Mount*>(parent.peers_->members.begin(), parent.peers_->members.end())) {
      if (m != &parent && receives(*m)) copy_to(*m, *top, CopyHow::Spread::kAsOriginal);
    }
    // Bounded: every step is a group that is not looked at again, every copy counts against its namespace below.
    size_t made = copies.size();
    for (size_t i = 0; i < work.size() && made * size <= kMostMounts; ++i) {
      for (Mount* s : std::vector<Mount*>(work[i].group->slaves.begin(), work[i].group->slaves.end())) {
        if (!s->peers_) {
          if (receives(*s)) copy_to(*s, *work[i].source, CopyHow::Spread::kSlaves);
          continue;
        }
        if (!seen.insert(s->peers_.get()).second) continue;
        Mount* source = work[i].source;
        bool first = true;
        for (Mount* m : std::vector<Mount*>(s->peers_->members.begin(), s->peers_->members.end())) {
          if (!receives(*m)) continue;
          const Ref<Mount> copy = copy_to(*m, *source, first ? CopyHow::Spread::kSharedSlaves : CopyHow::Spread::kAsOriginal);
          if (first) source = copy.get();
          first = false;
        }
        work.push_back({s->peers_.get(), source});
      }
      made = copies.size();
    }
  }
  absl::flat_hash_map<MountNamespace*, size_t> wanted{{&ns, top->ns_ == &ns ? 0 : size}};
  for (const Copy& copy : copies) wanted[copy.where.mount->ns_] += size;
  if (copies.size() * size > kMostMounts ||
      std::any_of(wanted.begin(), wanted.end(), [](const auto& w) { return w.first->count_ + w.second > kMostMounts; })) {
    for (const Copy& copy : copies) {
      Dissolve(*copy.top, garbage);
      garbage.mounts.push_back(copy.top);
    }
    for (Mount* m : newly_shared) LeavePeers(*m, garbage);
    return Errno::kENOSPC;
  }
  Link(top, place);
  SetNamespace(*top, &ns);
  for (Copy& copy : copies) {
    MountNamespace* theirs = copy.where.mount->ns_;
    Link(copy.top, std::move(copy.where));
    SetNamespace(*copy.top, theirs);
  }
  return {};
}

void MountTree::SpreadUmount(std::vector<Mount*>& gone) {
  absl::flat_hash_set<const Mount*> set(gone.begin(), gone.end());
  const std::vector<Mount*> originals = gone;
  // The innermost first: a copy goes when everything on it goes.
  for (auto it = originals.rbegin(); it != originals.rend(); ++it) {
    const Path& place = (*it)->mountpoint_;
    if (!place) continue;
    for (Mount* receiver : Receivers(*place.mount)) {
      const RefPtr<Mount> there = At(Path{RefPtr<Mount>::Share(receiver), place.dentry});
      if (!there || there->locked_ || there->ns_ == nullptr || set.contains(there.get())) continue;
      const bool bare = std::all_of(there->children_.begin(), there->children_.end(), [&](const Mount* c) { return set.contains(c); });
      if (!bare) continue;
      set.insert(there.get());
      gone.push_back(there.get());  // the table keeps it until Remove
    }
  }
}

}  // namespace ringwall::vfs
