// GoferInode: one host file behind the gofer, with what is known of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/fd/shared_fd.h"
#include "base/sync/mutex.h"
#include "gofer/client/client.h"
#include "sentry/fs/gofer/gofer_fs.h"
#include "sentry/fs/gofer/prefetch.h"
#include "sentry/vfs/inode.h"
#include "sentry/vfs/permission.h"

namespace ringwall::goferfs {

class GoferInode final : public vfs::Inode {
 public:
  using Key = std::tuple<uint64_t, uint64_t, uint32_t>;

  Result<vfs::Attributes> GetAttributes(Context& ctx) override;
  Result<void> SetAttributes(Context& ctx, const vfs::AttributeChange& change) override;
  Result<Ref<vfs::Inode>> Lookup(Context& ctx, std::string_view name) override;
  std::vector<Ref<vfs::Inode>> LookupMany(Context& ctx, absl::Span<const std::string_view> names) override;
  Result<Ref<vfs::Inode>> Create(Context& ctx, std::string_view name, uint32_t mode) override;
  Result<Ref<vfs::Inode>> Mkdir(Context& ctx, std::string_view name, uint32_t mode) override;
  Result<Ref<vfs::Inode>> Mknod(Context& ctx, std::string_view name, uint32_t mode, uint64_t rdev) override;
  Result<Ref<vfs::Inode>> Symlink(Context& ctx, std::string_view name, std::string_view target) override;
  Result<void> Link(Context& ctx, std::string_view name, vfs::Inode& target) override;
  Result<void> Unlink(Context& ctx, std::string_view name, vfs::Inode& victim) override;
  Result<void> Rmdir(Context& ctx, std::string_view name, vfs::Inode& victim) override;
  Result<void> Rename(Context& ctx, std::string_view name, vfs::Inode& moved, vfs::Inode& new_dir, std::string_view new_name,
                      vfs::Inode* replaced, uint32_t flags) override;
  Result<std::string> ReadLink(Context& ctx) override;
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override;
  Result<std::string> GetXattr(Context& ctx, std::string_view name) override;
  Result<void> SetXattr(Context& ctx, std::string_view name, std::string_view value, uint32_t flags) override;
  Result<std::vector<std::string>> ListXattr(Context& ctx) override;
  Result<void> RemoveXattr(Context& ctx, std::string_view name) override;
  Result<vfs::FileSystemStats> StatFs(Context& ctx) override;
  bool StillValid(Context& ctx) override;
  bool CachesNegative() const override { return fs().exclusive(); }

  GoferFs& fs() const { return static_cast<GoferFs&>(file_system()); }
  gofer::GoferClient& client() const { return fs().client(); }
  gofer::GoferNode& node() const { return *node_; }
  const Key& key() const { return key_; }
  // The host changed the file behind a descriptor of ours: attributes are asked for anew.
  void Changed();
  void SharedWritersChanged(int delta) { shared_writers_.fetch_add(delta, std::memory_order_relaxed); }
  // A descriptor to read with, or to read and write (write only, where the host allows no more).
  Result<Ref<SharedFd>> Descriptor(Context& ctx, bool write);

 private:
  friend class GoferFs;
  template <typename T, typename... Args>
  friend Ref<T> ringwall::MakeRef(Args&&... args);
  GoferInode(GoferFs& fs, const gofer::FoundNode& found, RefPtr<GoferInode> parent, std::string_view name, int64_t now_ns);
  ~GoferInode() override = default;
  void OnLastRef() const override;

  static Key KeyOf(const gofer::Attributes& a) { return {a.dev, a.ino, a.type()}; }
  vfs::Attributes Convert(const gofer::Attributes& from) const;
  bool FreshLocked(int64_t now_ns) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // A number that StoreIfUnchanged compares: nothing that was asked for earlier may overwrite what a later change did.
  uint64_t BeginChange();
  uint64_t Seen() const;
  void StoreIfUnchanged(uint64_t seen, const vfs::Attributes& attributes, int64_t now_ns);
  void Moved(RefPtr<GoferInode> parent, std::string_view name);
  Result<vfs::Attributes> Refresh(Context& ctx);
  Result<vfs::NewFileOwner> OwnerOf(Context& ctx, uint32_t mode);
  // Takes the reply of a create into this directory.
  Ref<GoferInode> Made(Context& ctx, uint64_t seen, const gofer::NewNode& made, std::string_view name);
  Result<void> Remove(Context& ctx, std::string_view name, vfs::Inode& victim, gofer::UnlinkKind kind);
  void KeepTarget(std::string target);
  bool WasChanged() const;
  // A child that was fetched ahead, or with others.
  Ref<GoferInode> Arrived(Context& ctx, std::string_view name, Prefetch::Item item);
  Result<Ref<vfs::Inode>> LookupAhead(Context& ctx, Prefetch& ahead, std::string_view name);
  Result<Ref<vfs::Inode>> LookupAlone(Context& ctx, std::string_view name);

  const Ref<gofer::GoferNode> node_;
  const Key key_;
  std::atomic<bool> removed_{false};        // a name of it is gone
  std::atomic<bool> donated_ahead_{false};  // its descriptor came before anybody opened it
  std::atomic<int32_t> shared_writers_{0};  // shared writable mappings: the size of the truth is the host's
  mutable Mutex<LockRank::kInode> mu_;
  vfs::Attributes attributes_ ABSL_GUARDED_BY(mu_);
  int64_t fetched_ns_ ABSL_GUARDED_BY(mu_);
  bool stale_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t changes_ ABSL_GUARDED_BY(mu_) = 0;
  std::string target_ ABSL_GUARDED_BY(mu_);         // of a symlink, once known
  RefPtr<GoferInode> parent_ ABSL_GUARDED_BY(mu_);  // where it was found last, to find out whether that is still so
  std::string name_ ABSL_GUARDED_BY(mu_);
};

inline int64_t NowNs(Context& ctx) {
  const abi::Timespec now = ctx.Now();
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

}  // namespace ringwall::goferfs
