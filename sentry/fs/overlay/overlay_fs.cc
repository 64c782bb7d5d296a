// The file system object: identity of inodes, redirects, files with several lower names.
#include "sentry/fs/overlay/overlay_fs.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "sentry/fs/overlay/inode.h"

namespace ringwall::overlay {

namespace {

constexpr std::string_view kOriginXattr = "trusted.overlay.origin";

Origin ParseOrigin(std::string_view text) {
  Origin origin;
  if (text.size() != sizeof origin.dev + sizeof origin.ino) return {};
  std::memcpy(&origin.dev, text.data(), sizeof origin.dev);
  std::memcpy(&origin.ino, text.data() + sizeof origin.dev, sizeof origin.ino);
  return origin;
}

}  // namespace

OverlayFs::OverlayFs(Ref<vfs::FileSystem> lower, Ref<vfs::FileSystem> upper, size_t dentry_cache)
    // Each of our dentries keeps what a lower one would keep (a gofer's node: a descriptor over there).
    : FileSystem(std::min(dentry_cache, lower->dentry_cache().capacity())),
      lower_mount_(vfs::Mount::OfFileSystem(std::move(lower), {.read_only = true}, "overlay")),
      upper_mount_(vfs::Mount::OfFileSystem(std::move(upper), {}, "overlay")) {}

Result<Ref<OverlayFs>> OverlayFs::Create(Context& ctx, Ref<vfs::FileSystem> lower, Ref<vfs::FileSystem> upper, size_t dentry_cache) {
  const Ref<vfs::Inode> lower_root = lower->root();
  const Ref<vfs::Inode> upper_root = upper->root();
  if (!lower_root->IsDirectory() || !upper_root->IsDirectory()) return Errno::kENOTDIR;
  const vfs::Attributes attributes = TRY(lower_root->GetAttributes(ctx));
  const Ref<vfs::Inode> upper_dir = TRY(upper_root->Mkdir(ctx, "upper", abi::kS_IFDIR | 0755));
  Ref<vfs::Inode> work = TRY(upper_root->Mkdir(ctx, "work", abi::kS_IFDIR | 0700));
  using Change = vfs::AttributeChange;
  const Change change{.mask = Change::kMode | Change::kUid | Change::kGid | Change::kAtime | Change::kMtime,
                      .mode = attributes.mode & abi::kS_IALLUGO,
                      .uid = attributes.uid,
                      .gid = attributes.gid,
                      .atime = attributes.atime,
                      .mtime = attributes.mtime};
  TRY(upper_dir->SetAttributes(ctx, change));
  Ref<OverlayFs> fs = MakeRef<OverlayFs>(std::move(lower), std::move(upper), dentry_cache);
  fs->lower_dev_ = attributes.dev;
  fs->work_ = std::move(work);
  const Ref<OverlayInode> root = TRY(fs->Wrap(ctx, upper_dir, lower_root, nullptr, ""));
  fs->root_ = root;
  return fs;
}

Ref<vfs::Inode> OverlayFs::root() { return root_.ToRef(); }

void OverlayFs::OnLastUnmount() {
  RefPtr<vfs::Inode> root;
  RefPtr<vfs::Mount> lower, upper;
  absl::flat_hash_map<const OverlayInode*, Ref<OverlayInode>> pinned;
  std::swap(root, root_);
  std::swap(lower, lower_mount_);
  std::swap(upper, upper_mount_);
  MutexLock lock(mu_);
  std::swap(pinned, pinned_);
}

RefPtr<OverlayInode> OverlayFs::FindLocked(const vfs::Inode* key) const {
  if (key == nullptr) return nullptr;
  const auto it = inodes_.find(key);
  if (it == inodes_.end() || !it->second->TryAddRef()) return nullptr;
  return Ref<OverlayInode>(it->second, Ref<OverlayInode>::AdoptTag{});
}

Result<Ref<OverlayInode>> OverlayFs::Wrap(Context& ctx, RefPtr<vfs::Inode> upper, RefPtr<vfs::Inode> lower, RefPtr<OverlayInode> parent,
                                          std::string_view name) {
  const auto find = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    RefPtr<OverlayInode> there = FindLocked(upper.get());
    return there ? there : FindLocked(lower.get());
  };
  {
    MutexLock lock(mu_);
    if (RefPtr<OverlayInode> there = find()) return std::move(there).ToRef();
  }
  Origin origin;
  if (lower) {
    const vfs::Attributes attributes = TRY(lower->GetAttributes(ctx));
    origin = {GuestDev(attributes.dev), attributes.ino};
    if (!upper && !lower->IsDirectory() && attributes.nlink > 1) {
      if (const std::optional<Linked> linked = FindLinked(origin)) upper = linked->upper;
    }
  } else if (!upper->IsDirectory()) {
    const Result<std::string> text = upper->GetXattr(ctx, kOriginXattr);
    if (text.ok()) origin = ParseOrigin(*text);
  }
  const uint32_t type = upper ? upper->type() : lower->type();
  Ref<OverlayInode> fresh = MakeRef<OverlayInode>(*this, type, upper, lower, origin, std::move(parent), name);
  RefPtr<OverlayInode> there;  // outlives the lock, as fresh does
  MutexLock lock(mu_);
  there = find();
  if (there) return there.ToRef();
  if (upper) inodes_[upper.get()] = fresh.get();
  if (lower) inodes_[lower.get()] = fresh.get();
  return fresh;
}

void OverlayFs::AddUpper(OverlayInode& inode, const vfs::Inode& upper) {
  MutexLock lock(mu_);
  inodes_[&upper] = &inode;
}

void OverlayFs::Forget(const OverlayInode& inode) {
  MutexLock lock(mu_);
  for (const vfs::Inode* key : {static_cast<const vfs::Inode*>(inode.upper()), static_cast<const vfs::Inode*>(inode.lower())}) {
    if (key == nullptr) continue;
    const auto it = inodes_.find(key);
    if (it != inodes_.end() && it->second == &inode) inodes_.erase(it);
  }
}

std::string OverlayFs::UniqueName() { return absl::StrCat("#", next_name_.fetch_add(1, std::memory_order_relaxed)); }

RefPtr<vfs::Inode> OverlayFs::Redirected(const vfs::Inode* upper) const {
  MutexLock lock(mu_);
  const auto it = redirects_.find(upper);
  return it == redirects_.end() ? RefPtr<vfs::Inode>() : RefPtr<vfs::Inode>(it->second);
}

void OverlayFs::SetRedirect(const vfs::Inode* upper, Ref<vfs::Inode> lower) {
  MutexLock lock(mu_);
  redirects_.emplace(upper, std::move(lower));
}

void OverlayFs::DropRedirect(const vfs::Inode* upper) {
  RefPtr<vfs::Inode> dropped;
  MutexLock lock(mu_);
  const auto it = redirects_.find(upper);
  if (it == redirects_.end()) return;
  dropped = it->second;
  redirects_.erase(it);
}

std::optional<OverlayFs::Linked> OverlayFs::FindLinked(const Origin& origin) const {
  if (!origin || !any_linked_.load(std::memory_order_acquire)) return std::nullopt;
  MutexLock lock(mu_);
  const auto it = linked_.find(origin);
  if (it == linked_.end()) return std::nullopt;
  return it->second;
}

void OverlayFs::SetLinkedUpper(const Origin& origin, uint32_t lower_names, Ref<vfs::Inode> upper, std::string work_name) {
  MutexLock lock(mu_);
  Linked& linked = linked_.try_emplace(origin, Linked{nullptr, lower_names, ""}).first->second;
  linked.upper = std::move(upper);
  linked.work_name = std::move(work_name);
  any_linked_.store(true, std::memory_order_release);
}

std::pair<uint32_t, std::optional<OverlayFs::Linked>> OverlayFs::ChangeLinked(const Origin& origin, uint32_t lower_names, int delta,
                                                                              bool only_known) {
  MutexLock lock(mu_);
  auto it = linked_.find(origin);
  if (it == linked_.end()) {
    if (only_known) return {0, std::nullopt};
    it = linked_.try_emplace(origin, Linked{nullptr, lower_names, ""}).first;
    any_linked_.store(true, std::memory_order_release);
  }
  Linked& linked = it->second;
  linked.names += static_cast<uint32_t>(delta);
  // The entry stays at zero: open files still ask for their link count. There is at most one for each lower file.
  if (linked.names != 0) return {linked.names, std::nullopt};
  std::optional<Linked> gone = linked;
  return {0, std::move(gone)};
}

void OverlayFs::Pin(Ref<OverlayInode> inode) {
  const OverlayInode* key = inode.get();
  MutexLock lock(mu_);
  pinned_.emplace(key, std::move(inode));
}

void OverlayFs::Unpin(const OverlayInode& inode) {
  RefPtr<OverlayInode> dropped;
  MutexLock lock(mu_);
  const auto it = pinned_.find(&inode);
  if (it == pinned_.end()) return;
  dropped = it->second;
  pinned_.erase(it);
}

}  // namespace ringwall::overlay
