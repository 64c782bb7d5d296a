// OverlayInode: one file of an overlay: a lower inode, an upper one, or (directories, copied-up files) both.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "base/sync/mutex.h"
#include "sentry/fs/overlay/overlay_fs.h"
#include "sentry/vfs/dentry.h"
#include "sentry/vfs/inode.h"

namespace ringwall::overlay {

struct Listed {
  std::string name;
  uint64_t ino = 0;
  uint8_t type = 0;
};
// All entries of a directory of one layer but "." and "..".
Result<std::vector<Listed>> ListLayer(Context& ctx, vfs::Inode& directory);
// A 0:0 character device in the upper layer hides the lower name (mknod(2)).
bool IsWhiteout(Context& ctx, vfs::Inode& upper);

class OverlayInode final : public vfs::Inode {
 public:
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
  Result<Ref<vfs::Inode>> Tmpfile(Context& ctx, uint32_t mode) override;
  Result<std::string> ReadLink(Context& ctx) override;
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override;
  Result<std::string> GetXattr(Context& ctx, std::string_view name) override;
  Result<void> SetXattr(Context& ctx, std::string_view name, std::string_view value, uint32_t flags) override;
  Result<std::vector<std::string>> ListXattr(Context& ctx) override;
  Result<void> RemoveXattr(Context& ctx, std::string_view name) override;
  Result<vfs::FileSystemStats> StatFs(Context& ctx) override;

  OverlayFs& fs() const { return static_cast<OverlayFs&>(file_system()); }
  // Null until copied up; never goes away again.
  vfs::Inode* upper() const { return upper_.load(std::memory_order_acquire); }
  vfs::Inode* lower() const { return lower_.get(); }
  // The one that has the data.
  vfs::Inode& real() const { return upper() != nullptr ? *upper() : *lower_; }
  Origin origin() const { return Origin{origin_dev_, origin_ino_.load(std::memory_order_acquire)}; }

  // Makes sure that there is an upper inode, with the directories above. Of a regular file at most `data_limit` bytes are copied.
  Result<Ref<vfs::Inode>> CopyUp(Context& ctx, uint64_t data_limit = ~uint64_t{0});
  // What a directory shows, both layers merged, with the inode numbers that stat gives.
  Result<std::vector<Listed>> ListMerged(Context& ctx);

 private:
  friend class OverlayFs;
  template <typename T, typename... Args>
  friend Ref<T> ringwall::MakeRef(Args&&... args);
  struct LowerNames {
    std::vector<Listed> entries;                   // in the lower directory's order
    absl::flat_hash_set<absl::string_view> names;  // views into entries
    bool Has(std::string_view name) const { return names.contains(absl::string_view(name.data(), name.size())); }
  };

  OverlayInode(OverlayFs& fs, uint32_t type, RefPtr<vfs::Inode> upper, RefPtr<vfs::Inode> lower, const Origin& origin,
               RefPtr<OverlayInode> parent, std::string_view name);
  ~OverlayInode() override;
  void OnLastRef() const override;

  // The names of the lower directory, read once: it does not change.
  Result<std::shared_ptr<const LowerNames>> Names(Context& ctx);
  Result<bool> LowerHas(Context& ctx, std::string_view name);
  Result<Ref<vfs::Inode>> LowerChild(Context& ctx, std::string_view name);
  // The upper entry of a name, or null; whiteouts count as entries.
  Result<RefPtr<vfs::Inode>> UpperChild(Context& ctx, std::string_view name);
  template <typename Make>
  Result<Ref<OverlayInode>> MakeChild(Context& ctx, std::string_view name, Make make);
  Result<void> PutWhiteout(Context& ctx, vfs::Inode& upper_dir, std::string_view name, vfs::Inode* replaced);
  Result<bool> ClearWhiteout(Context& ctx, vfs::Inode& upper_dir, std::string_view name);
  // One name of this file is gone.
  void NameRemoved(Context& ctx);
  Result<void> CheckEmpty(Context& ctx);
  // Prepares an upper directory for removal: only whiteouts are left in it.
  static Result<void> ClearAllWhiteouts(Context& ctx, vfs::Inode& upper_dir);
  Result<void> PrepareMovedDirectory(Context& ctx);
  Result<Ref<vfs::Inode>> MakeUpperLocked(Context& ctx, vfs::Inode& directory, const std::string& name, const vfs::Attributes& from,
                                          RefPtr<vfs::Inode> unnamed);
  bool dead() const;
  void MarkDead();

  const RefPtr<vfs::Inode> lower_;
  std::atomic<vfs::Inode*> upper_;  // owns one reference
  uint64_t origin_dev_;             // written before origin_ino_ becomes non-zero
  std::atomic<uint64_t> origin_ino_;
  mutable Mutex<LockRank::kInode> mu_;
  // Where a lower file was found. It can't move before it is copied up.
  const RefPtr<OverlayInode> parent_;
  const std::string name_;
  bool dead_ ABSL_GUARDED_BY(mu_) = false;  // lost its last name without an upper inode
  std::shared_ptr<const LowerNames> lower_names_ ABSL_GUARDED_BY(mu_);
};

// The caller, but for limits that are about its own writing.
class CopyContext final : public Context {
 public:
  explicit CopyContext(Context& caller) : caller_(caller) {}
  const cred::Credentials& creds() const override { return caller_.creds(); }
  mm::UserMemory& memory() override { return caller_.memory(); }
  abi::Timespec Now() const override { return caller_.Now(); }
  bool SignalPending() const override { return false; }
  int32_t tgid() const override { return caller_.tgid(); }
  uint64_t FileSizeLimit() const override { return ~uint64_t{0}; }
  task::Task* AsTask() override { return caller_.AsTask(); }

 private:
  Context& caller_;
};

Ref<vfs::File> MakeFile(const vfs::Path& path, uint32_t flags, Ref<vfs::File> inner, bool inner_is_upper);
Ref<vfs::File> MakeDirectory(const vfs::Path& path, uint32_t flags);
Result<Ref<vfs::File>> OpenLayer(Context& ctx, vfs::Inode& inode, uint32_t flags);

inline constexpr uint64_t kUpperInoBit = uint64_t{1} << 52;  // apart from lower numbers, and exact in a double

}  // namespace ringwall::overlay
