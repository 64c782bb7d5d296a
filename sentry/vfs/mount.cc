// Mounts and the mount tree of a namespace (mount_namespaces(7)).
#include "sentry/vfs/mount.h"

#include <algorithm>
#include <utility>

namespace ringwall::vfs {

namespace {
std::atomic<int32_t> g_next_mount_id{20};
}  // namespace

Mount::Mount(Ref<FileSystem> fs, Ref<Dentry> root, MountFlags flags, std::string source)
    : fs_(std::move(fs)),
      root_(std::move(root)),
      source_(std::move(source)),
      id_(g_next_mount_id.fetch_add(1, std::memory_order_relaxed)),
      flags_(Pack(flags)) {
  fs_->AddMount();
}

Mount::~Mount() { fs_->DropMount(); }

Path Mount::mountpoint() const {
  MutexLock lock(mu_);
  return mountpoint_;
}

Path Mount::SwapMountpoint(Path where) {
  MutexLock lock(mu_);
  std::swap(mountpoint_, where);
  return where;
}

Ref<Mount> Mount::OfFileSystem(Ref<FileSystem> fs, MountFlags flags, std::string source) {
  Ref<Dentry> root = fs->RootDentry();
  return Ref<Mount>(new Mount(std::move(fs), std::move(root), flags, std::move(source)), Ref<Mount>::AdoptTag{});
}

MountNamespace::MountNamespace(Ref<Mount> root) : root_(std::move(root)) {}

MountNamespace::~MountNamespace() {
  std::vector<std::pair<Ref<Mount>, Path>> gone;
  MutexLock lock(mu_);
  for (auto& [where, mount] : by_mountpoint_) {
    mount->mountpoint_.dentry->mounted_here.fetch_sub(1, std::memory_order_acq_rel);
    mount->attached_ = false;
    gone.emplace_back(mount, mount->SwapMountpoint(Path()));
  }
  by_mountpoint_.clear();
}

Result<void> MountNamespace::Attach(Ref<Mount> mount, const Path& where) {
  if (!where.mount || where.dentry->IsNegative()) return Errno::kEINVAL;
  if (where.inode().IsDirectory() != mount->root()->inode_raw()->IsDirectory()) return Errno::kENOTDIR;
  if (where.dentry->IsUnlinked()) return Errno::kENOENT;
  MutexLock lock(mu_);
  if (mount->attached_ || mount == root_) return Errno::kEBUSY;
  Path place = where;
  // Somebody may have mounted here since the walk: the new one goes on top.
  for (auto it = by_mountpoint_.find({place.mount.get(), place.dentry.get()}); it != by_mountpoint_.end();
       it = by_mountpoint_.find({place.mount.get(), place.dentry.get()})) {
    place = Path{it->second, it->second->root()};
  }
  if (place.mount.get() != root_.get() && !place.mount->attached_) return Errno::kEINVAL;
  place.dentry->mounted_here.fetch_add(1, std::memory_order_acq_rel);
  by_mountpoint_.emplace(std::make_pair(place.mount.get(), place.dentry.get()), mount);
  mount->SwapMountpoint(std::move(place));
  mount->attached_ = true;
  return {};
}

bool MountNamespace::Contains(const Mount& mount) const {
  MutexLock lock(mu_);
  if (&mount == root_.get()) return true;
  if (!mount.attached_) return false;
  const auto it = by_mountpoint_.find({mount.mountpoint_.mount.get(), mount.mountpoint_.dentry.get()});
  return it != by_mountpoint_.end() && it->second.get() == &mount;
}

void MountNamespace::CollectChildrenLocked(const Mount& mount, std::vector<Ref<Mount>>& out) const {
  for (const auto& [where, child] : by_mountpoint_) {
    if (where.first == &mount) out.push_back(child);
  }
}

Path MountNamespace::RemoveLocked(Mount& mount) {
  Path covered = mount.SwapMountpoint(Path());
  mount.attached_ = false;
  covered.dentry->mounted_here.fetch_sub(1, std::memory_order_acq_rel);
  by_mountpoint_.erase({covered.mount.get(), covered.dentry.get()});
  return covered;
}

Result<void> MountNamespace::Detach(Mount& mount, bool lazy) {
  std::vector<Path> covered;  // dropped after the lock, like the mounts
  std::vector<Ref<Mount>> gone;
  MutexLock lock(mu_);
  if (&mount == root_.get() || !mount.attached_) return Errno::kEINVAL;
  const auto it = by_mountpoint_.find({mount.mountpoint_.mount.get(), mount.mountpoint_.dentry.get()});
  if (it == by_mountpoint_.end() || it->second.get() != &mount) return Errno::kEINVAL;
  gone.push_back(it->second);
  // Breadth first: the whole tree below goes with it.
  for (size_t i = 0; i < gone.size(); ++i) CollectChildrenLocked(*gone[i], gone);
  if (!lazy && gone.size() > 1) return Errno::kEBUSY;
  covered.reserve(covered.size() + gone.size());
  for (const Ref<Mount>& m : gone) covered.push_back(RemoveLocked(*m));
  return {};
}

RefPtr<Mount> MountNamespace::MountedAt(const Path& where) const {
  MutexLock lock(mu_);
  const auto it = by_mountpoint_.find({where.mount.get(), where.dentry.get()});
  if (it == by_mountpoint_.end()) return nullptr;
  return it->second;
}

Path MountNamespace::MountpointOf(const Mount& mount) const {
  MutexLock lock(mu_);
  return mount.mountpoint_;
}

std::vector<MountNamespace::Entry> MountNamespace::List() const {
  std::vector<Entry> out;
  MutexLock lock(mu_);
  out.push_back({root_, Path(), root_->id_});
  for (size_t i = 0; i < out.size(); ++i) {
    std::vector<Ref<Mount>> children;
    CollectChildrenLocked(*out[i].mount, children);
    // Hash order is not an order that anyone wants to read.
    std::sort(children.begin(), children.end(), [](const Ref<Mount>& a, const Ref<Mount>& b) { return a->id_ < b->id_; });
    for (const Ref<Mount>& child : children) out.push_back({child, child->mountpoint_, out[i].mount->id_});
  }
  return out;
}

}  // namespace ringwall::vfs
