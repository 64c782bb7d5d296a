// Mounts, and what is where in a mount namespace (mount_namespaces(7)).
#include "sentry/vfs/mount.h"

#include <algorithm>
#include <utility>

#include "abi/clone.h"
#include "sentry/vfs/mount_tree.h"

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

MountNamespace::MountNamespace(Ref<Mount> root, Ref<cred::UserNamespace> owner, uint64_t ino)
    : Namespace(abi::kCLONE_NEWNS, RefPtr<cred::UserNamespace>(std::move(owner)), ino),
      tree_(MakeRef<MountTree>()),
      root_(RefPtr<Mount>(root)),
      count_(1) {
  MutexLock lock(tree_->mu);
  root->ns_ = this;
}

MountNamespace::MountNamespace(CopyTag, Ref<MountTree> tree, Ref<cred::UserNamespace> owner)
    : Namespace(abi::kCLONE_NEWNS, RefPtr<cred::UserNamespace>(std::move(owner))), tree_(std::move(tree)) {}

MountNamespace::~MountNamespace() {
  MountTree::Garbage garbage;
  {
    MutexLock lock(tree_->mu);
    if (root_) {
      std::vector<Mount*> all = MountTree::Below(*root_);
      tree_->Remove(all, garbage);
    }
  }
  if (charged_) owner()->Refund(cred::UserNamespace::Counted::kMnt);
}

Ref<Mount> MountNamespace::root() const {
  MutexLock lock(tree_->mu);
  return root_.ToRef();
}

Result<void> MountNamespace::Attach(Ref<Mount> mount, const Path& where) {
  if (!where.mount || where.dentry->IsNegative()) return Errno::kEINVAL;
  if (where.inode().IsDirectory() != mount->root()->inode_raw()->IsDirectory()) return Errno::kENOTDIR;
  if (where.dentry->IsUnlinked()) return Errno::kENOENT;
  MountTree::Garbage garbage;
  MutexLock lock(tree_->mu);
  if (mount->ns_ != nullptr) return Errno::kEBUSY;
  // Somebody may have mounted here since the walk: the new one goes on top.
  const Path place = tree_->Top(where);
  if (place.mount->ns_ != this) return Errno::kEINVAL;
  // mount(2), EBUSY: the same file system twice on the same place.
  if (place.dentry.get() == place.mount->root().get() && &place.mount->fs() == &mount->fs() && place.dentry.get() == mount->root().get())
    return Errno::kEBUSY;
  return tree_->Graft(*this, std::move(mount), place, garbage);
}

bool MountNamespace::Contains(const Mount& mount) const {
  MutexLock lock(tree_->mu);
  return mount.ns_ == this;
}

Result<void> MountNamespace::Detach(Mount& mount, bool lazy) {
  MountTree::Garbage garbage;
  MutexLock lock(tree_->mu);
  if (&mount == root_.get() || mount.ns_ != this) return Errno::kEINVAL;
  std::vector<Mount*> gone = MountTree::Below(mount);
  if (!lazy && gone.size() > 1) return Errno::kEBUSY;
  tree_->SpreadUmount(gone);
  tree_->Remove(gone, garbage);
  return {};
}

RefPtr<Mount> MountNamespace::MountedAt(const Path& where) const {
  MutexLock lock(tree_->mu);
  return tree_->At(where);
}

Path MountNamespace::MountpointOf(const Mount& mount) const {
  MutexLock lock(tree_->mu);
  return mount.mountpoint_;
}

std::vector<MountNamespace::Entry> MountNamespace::List() const {
  std::vector<Entry> out;
  MutexLock lock(tree_->mu);
  const auto entry = [](const Mount& m, int32_t parent) {
    return Entry{Ref<Mount>(const_cast<Mount&>(m)), m.mountpoint_, parent, m.peers_ ? m.peers_->id : 0,
                 m.master_ ? m.master_->id : 0,     m.unbindable_};
  };
  out.push_back(entry(*root_, root_->id_));
  for (size_t i = 0; i < out.size(); ++i) {
    std::vector<Mount*> children = out[i].mount->children_;
    std::sort(children.begin(), children.end(), [](const Mount* a, const Mount* b) { return a->id_ < b->id_; });
    const int32_t parent = out[i].mount->id_;
    for (const Mount* child : children) out.push_back(entry(*child, parent));
  }
  return out;
}

}  // namespace ringwall::vfs
