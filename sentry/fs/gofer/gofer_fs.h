// gofer: a host tree served by the gofer process (DESIGN section 7). Exclusive trees are cached for good, shared ones are revalidated.
#pragma once

#include <cstdint>
#include <memory>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/sync/mutex.h"
#include "gofer/client/client.h"
#include "sentry/fs/gofer/descriptor_cache.h"
#include "sentry/fs/gofer/prefetch.h"
#include "sentry/vfs/inode.h"

namespace ringwall::goferfs {

class GoferInode;

struct Options {
  // How long attributes and names of a shared tree are believed.
  int64_t validity_ns = 20'000'000;
  size_t dentry_cache = 16384;
  size_t descriptor_cache = 256;
  bool prefetch = true;
};

class GoferFs final : public vfs::FileSystem {
 public:
  // The tree that the gofer serves as mount number `mount`; whether it is exclusive or read-only is the gofer's word.
  static Result<Ref<GoferFs>> Create(Ref<gofer::GoferClient> client, uint32_t mount, const Options& options = {});
  std::string_view type_name() const override { return "gofer"; }
  Ref<vfs::Inode> root() override { return root_.ToRef(); }
  bool read_only() const override { return read_only_; }

  // ---- for its inodes ----
  gofer::GoferClient& client() const { return *client_; }
  bool exclusive() const { return exclusive_; }
  const Options& options() const { return options_; }
  DescriptorCache& descriptors() { return descriptors_; }
  // Null when it was not wanted.
  Prefetch* prefetch() const { return prefetch_.get(); }
  // The inode of a node: the one that is alive for the same host file, so that hard links share it, or a new one. `parent` and `name` say
  // where it was found.
  // `ahead`: found before anybody asked; an inode that lives knows better.
  Ref<GoferInode> Adopt(const gofer::FoundNode& found, RefPtr<GoferInode> parent, std::string_view name, int64_t now_ns,
                        bool ahead = false);
  void Forget(const GoferInode& inode);
  // st_dev of files on this host device: our own for the root's.
  uint64_t GuestDev(uint64_t host_dev);
  // Sockets and FIFOs hold state of the sentry for as long as they have a name, whatever the dentry cache drops.
  void Pin(Ref<GoferInode> inode);
  void Unpin(const GoferInode& inode);

 private:
  using Key = std::tuple<uint64_t, uint64_t, uint32_t>;  // host dev, ino, type
  template <typename T, typename... Args>
  friend Ref<T> ringwall::MakeRef(Args&&... args);
  GoferFs(Ref<gofer::GoferClient> client, uint32_t mount, const Options& options);
  void OnLastUnmount() override;

  const Ref<gofer::GoferClient> client_;
  const Options options_;
  const bool exclusive_;
  const bool read_only_;
  DescriptorCache descriptors_;
  const std::unique_ptr<Prefetch> prefetch_;
  RefPtr<vfs::Inode> root_;  // until the last unmount; set once by Create
  mutable Mutex<LockRank::kDentryCache> mu_;
  absl::flat_hash_map<Key, GoferInode*> inodes_ ABSL_GUARDED_BY(mu_);  // weak
  absl::flat_hash_map<const GoferInode*, Ref<GoferInode>> pinned_ ABSL_GUARDED_BY(mu_);
  std::vector<std::pair<uint64_t, uint64_t>> devices_ ABSL_GUARDED_BY(mu_);  // host, guest
};

}  // namespace ringwall::goferfs
