// The file system object: identity of inodes and devices.
#include "sentry/fs/gofer/gofer_fs.h"

#include <algorithm>
#include <atomic>

#include "abi/device.h"
#include "sentry/fs/gofer/inode.h"

namespace ringwall::goferfs {

namespace {
// Anonymous device numbers for further host devices of a tree, apart from those that the vfs hands out.
std::atomic<uint32_t> g_next_extra_minor{1u << 19};
constexpr size_t kMaxDevices = 1024;
}  // namespace

GoferFs::GoferFs(Ref<gofer::GoferClient> client, uint32_t mount, const Options& options)
    : FileSystem(std::max<size_t>(64, std::min<size_t>(options.dentry_cache, client->max_nodes() / 4))),
      client_(std::move(client)),
      options_(options),
      exclusive_(client_->mount_flags(mount).Has(gofer::MountFlag::kExclusive)),
      read_only_(client_->mount_flags(mount).Has(gofer::MountFlag::kReadOnly)),
      descriptors_(options.descriptor_cache),
      prefetch_(options.prefetch
                    ? std::make_unique<Prefetch>(Prefetch::Trust{exclusive_, read_only_, options.validity_ns},
                                                 Prefetch::Limits{.names = std::clamp<size_t>(client_->max_nodes() / 16, 64, 1024)})
                    : nullptr) {}

Result<Ref<GoferFs>> GoferFs::Create(Ref<gofer::GoferClient> client, uint32_t mount, const Options& options) {
  if (mount >= client->mount_count()) return Errno::kENODEV;
  const gofer::FoundNode found = TRY(client->Attach(mount));
  Ref<GoferFs> fs = MakeRef<GoferFs>(std::move(client), mount, options);
  fs->root_ = fs->Adopt(found, nullptr, "", 0);
  return fs;
}

void GoferFs::OnLastUnmount() {
  RefPtr<vfs::Inode> root;
  absl::flat_hash_map<const GoferInode*, Ref<GoferInode>> pinned;
  std::swap(root, root_);
  if (prefetch_ != nullptr) prefetch_->Clear();
  MutexLock lock(mu_);
  std::swap(pinned, pinned_);
}

uint64_t GoferFs::GuestDev(uint64_t host_dev) {
  MutexLock lock(mu_);
  for (const auto& [host, guest] : devices_) {
    if (host == host_dev) return guest;
  }
  if (devices_.empty()) {
    devices_.emplace_back(host_dev, dev());
    return dev();
  }
  if (devices_.size() >= kMaxDevices) return devices_.back().second;
  const uint64_t guest = abi::MakeDev(abi::kUNNAMED_MAJOR, g_next_extra_minor.fetch_add(1) & 0xfffff);
  devices_.emplace_back(host_dev, guest);
  return guest;
}

Ref<GoferInode> GoferFs::Adopt(const gofer::FoundNode& found, RefPtr<GoferInode> parent, std::string_view name, int64_t now_ns,
                               bool ahead) {
  const Key key = GoferInode::KeyOf(found.attributes);
  const auto find = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) -> RefPtr<GoferInode> {
    const auto it = inodes_.find(key);
    if (it == inodes_.end() || !it->second->TryAddRef()) return nullptr;
    return Ref<GoferInode>(it->second, Ref<GoferInode>::AdoptTag{});
  };
  RefPtr<GoferInode> there;
  {
    MutexLock lock(mu_);
    there = find();
  }
  if (!there) {
    Ref<GoferInode> fresh = MakeRef<GoferInode>(*this, found, parent, name, now_ns);
    MutexLock lock(mu_);
    there = find();
    if (!there) {
      inodes_[key] = fresh.get();
      return fresh;
    }
  }
  if (!ahead) there->StoreIfUnchanged(there->Seen(), there->Convert(found.attributes), now_ns);
  if (parent) there->Moved(std::move(parent), name);
  return std::move(there).ToRef();
}

void GoferFs::Forget(const GoferInode& inode) {
  MutexLock lock(mu_);
  const auto it = inodes_.find(inode.key());
  if (it != inodes_.end() && it->second == &inode) inodes_.erase(it);
}

void GoferFs::Pin(Ref<GoferInode> inode) {
  const GoferInode* key = inode.get();
  MutexLock lock(mu_);
  pinned_.emplace(key, std::move(inode));
}

void GoferFs::Unpin(const GoferInode& inode) {
  RefPtr<GoferInode> dropped;
  MutexLock lock(mu_);
  const auto it = pinned_.find(&inode);
  if (it == pinned_.end()) return;
  dropped = it->second;
  pinned_.erase(it);
}

}  // namespace ringwall::goferfs
