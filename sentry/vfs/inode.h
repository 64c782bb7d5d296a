// Inode: one file of a file system, whatever its names. File systems derive from it; the vfs checks permissions and mount flags before it
// calls, so an inode only applies the operation.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/types/span.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/context/context.h"
#include "sentry/cred/user_namespace.h"
#include "sentry/vfs/dentry_cache.h"
#include "sentry/vfs/types.h"

namespace ringwall::vfs {

class Dentry;
class File;
class FileSystem;
class FileLocks;
class Inode;
class NotifyMarks;
struct Path;

// How open(2) wants the file: the flags of abi/fcntl.h after the vfs has handled O_CREAT, O_EXCL, O_TRUNC, O_DIRECTORY, O_NOFOLLOW.
struct OpenRequest {
  uint32_t flags = 0;
  bool read() const;
  bool write() const;
};

class Inode : public RefCounted {
 public:
  FileSystem& file_system() const { return *fs_; }
  uint32_t type() const { return type_; }  // S_IFMT bits; fixed for life
  bool IsDirectory() const { return type_ == abi::kS_IFDIR; }
  bool IsSymlink() const { return type_ == abi::kS_IFLNK; }
  bool IsRegular() const { return type_ == abi::kS_IFREG; }

  virtual Result<Attributes> GetAttributes(Context& ctx) = 0;
  virtual Result<void> SetAttributes(Context& ctx, const AttributeChange& change) = 0;

  // ---- directories; the vfs holds the dentry locks that make names stable ----
  // ENOENT when there is no such name.
  virtual Result<Ref<Inode>> Lookup(Context& ctx, std::string_view name);
  // Looks several components up at once, the first in this directory, each next in the one found before. Stops at the first miss,
  // non-directory or symlink. Returns the inodes found (perhaps none). Only an optimisation: the default does one Lookup, and the walk
  // asks Lookup for the reason when a run ends early. Called without locks.
  virtual std::vector<Ref<Inode>> LookupMany(Context& ctx, absl::Span<const std::string_view> names);
  virtual Result<Ref<Inode>> Create(Context& ctx, std::string_view name, uint32_t mode);
  virtual Result<Ref<Inode>> Mkdir(Context& ctx, std::string_view name, uint32_t mode);
  virtual Result<Ref<Inode>> Mknod(Context& ctx, std::string_view name, uint32_t mode, uint64_t rdev);
  virtual Result<Ref<Inode>> Symlink(Context& ctx, std::string_view name, std::string_view target);
  virtual Result<void> Link(Context& ctx, std::string_view name, Inode& target);
  virtual Result<void> Unlink(Context& ctx, std::string_view name, Inode& victim);
  virtual Result<void> Rmdir(Context& ctx, std::string_view name, Inode& victim);  // ENOTEMPTY
  // rename within this file system; `replaced` is the inode now at new_name or null. RENAME_NOREPLACE is settled by the vfs, EXCHANGE and
  // WHITEOUT arrive in flags.
  virtual Result<void> Rename(Context& ctx, std::string_view name, Inode& moved, Inode& new_dir, std::string_view new_name, Inode* replaced,
                              uint32_t flags);
  // An unnamed file (O_TMPFILE); EOPNOTSUPP by default.
  virtual Result<Ref<Inode>> Tmpfile(Context& ctx, uint32_t mode);

  // ---- symlinks ----
  virtual Result<std::string> ReadLink(Context& ctx);
  // /proc magic links: where following leads, past permission and existence of names. ENOLINK = an ordinary symlink: walk ReadLink's text.
  virtual Result<Path> FollowMagic(Context& ctx);

  // ---- opening ----
  // Makes the open file description. `path` is the name it was opened by.
  virtual Result<Ref<File>> Open(Context& ctx, const Path& path, const OpenRequest& request) = 0;

  // ---- extended attributes (xattr(7)): full names; ENODATA, ERANGE is the caller's ----
  virtual Result<std::string> GetXattr(Context& ctx, std::string_view name);
  virtual Result<void> SetXattr(Context& ctx, std::string_view name, std::string_view value, uint32_t flags);
  virtual Result<std::vector<std::string>> ListXattr(Context& ctx);
  virtual Result<void> RemoveXattr(Context& ctx, std::string_view name);

  virtual Result<FileSystemStats> StatFs(Context& ctx);

  // ---- dentry cache policy ----
  // False: the name that led here may have changed or vanished (a /proc/PID whose task died, a shared volume): look it up again.
  virtual bool StillValid(Context& ctx) {
    (void)ctx;
    return true;
  }
  // Can the path calls change the names in this directory? False (proc, sys): creation and removal are refused without any lock held, so
  // that Lookup may take locks of the rooms above.
  virtual bool ChangesNames() const { return true; }
  // May misses in this directory be remembered?
  virtual bool CachesNegative() const { return true; }
  // May a set-user-ID bit / exec of this file be denied because it is open for writing (ETXTBSY)? Counted by the vfs.
  // > 0: writers, < 0: executions that deny writing. Linux's i_writecount.
  std::atomic<int32_t> write_count{0};

  // flock(2), POSIX and OFD locks of this file; made on first use.
  FileLocks& locks();
  // Null when nothing was ever locked.
  FileLocks* locks_if_any() const { return locks_.load(std::memory_order_acquire); }

  // inotify(7): who watches this file (notify.h). Made on first use; null when nobody ever did.
  NotifyMarks& notify_marks();
  NotifyMarks* notify_marks_if_any() const { return notify_marks_.load(std::memory_order_acquire); }

  // State that another room hangs on the inode: the pipe of a FIFO, the socket bound to a name. Freed with the inode at the latest.
  RefPtr<RefCounted> attachment() const;
  // The attachment, made by `make` when there is none yet.
  Ref<RefCounted> AttachOnce(Ref<RefCounted> (*make)());
  void SetAttachment(RefPtr<RefCounted> attachment);

 protected:
  Inode(FileSystem& fs, uint32_t type);
  ~Inode() override;

 private:
  const Ref<FileSystem> fs_;
  const uint32_t type_;
  std::atomic<FileLocks*> locks_{nullptr};
  std::atomic<NotifyMarks*> notify_marks_{nullptr};
  mutable Mutex<LockRank::kFile> attachment_mu_;
  RefPtr<RefCounted> attachment_ ABSL_GUARDED_BY(attachment_mu_);
};

// A moment in a file system's history of name changes: a lookup result may enter the dentry cache without the directory's mutex only when
// no change of a name began since (and none was under way).
struct LookupStamp {
  uint64_t started = 0;
  bool quiet = false;
};

// One mounted (or mountable) file system instance: a super block.
// A file system usually holds its root inode, which holds the file system: OnLastUnmount breaks the circle, so make a Mount of each.
class FileSystem : public RefCounted {
 public:
  virtual std::string_view type_name() const = 0;  // "tmpfs", "proc", ...
  uint64_t dev() const { return dev_; }            // st_dev of its files, an anonymous device number (0:N)
  virtual Ref<Inode> root() = 0;
  // Options shown in /proc/mounts behind rw/ro, e.g. ",size=65536k".
  virtual std::string MountOptions() const { return ""; }
  // sync(2)/syncfs(2).
  virtual Result<void> Sync(Context& ctx) {
    (void)ctx;
    return {};
  }
  // The file system itself refuses writes, whatever its mounts say.
  virtual bool read_only() const { return read_only_.load(std::memory_order_relaxed); }
  void SetReadOnly(bool value) { read_only_.store(value, std::memory_order_relaxed); }
  // mount(2) with MS_REMOUNT: new options; EINVAL for those that cannot change.
  virtual Result<void> Reconfigure(Context& ctx, std::string_view options) {
    (void)ctx, (void)options;
    return {};
  }
  // Who mounted it: CAP_SYS_ADMIN there may remount it; set-ID bits count for members only. Set once, before it is visible.
  cred::UserNamespace& owner_ns() const { return *owner_ns_; }
  void SetOwnerNs(Ref<cred::UserNamespace> ns) { owner_ns_ = std::move(ns); }

  // The dentry of root(), the same one for every mount of this file system.
  Ref<Dentry> RootDentry();
  DentryCache& dentry_cache() { return dentry_cache_; }
  // Serialises renames: parents and names of dentries change only under it. Linux's s_vfs_rename_mutex.
  Mutex<LockRank::kRename>& rename_mutex() ABSL_LOCK_RETURNED(rename_mu_) { return rename_mu_; }

  LookupStamp Stamp() const {
    const uint64_t finished = changes_finished_.load();
    const uint64_t started = changes_started_.load();
    return {started, started == finished};
  }
  bool UnchangedSince(const LookupStamp& stamp) const { return stamp.quiet && changes_started_.load() == stamp.started; }
  // Around every change of a name: from before the inode's operation until the dentries tell the new state.
  class NameChange {
   public:
    explicit NameChange(FileSystem& fs) : fs_(fs) { fs_.changes_started_.fetch_add(1); }
    ~NameChange() { fs_.changes_finished_.fetch_add(1); }
    NameChange(const NameChange&) = delete;
    NameChange& operator=(const NameChange&) = delete;

   private:
    FileSystem& fs_;
  };

 protected:
  static constexpr size_t kDefaultDentryCache = 8192;
  explicit FileSystem(size_t dentry_cache_capacity = kDefaultDentryCache);
  ~FileSystem() override;
  // The last Mount is gone (files may still be open): drop the root.
  virtual void OnLastUnmount() {}

 private:
  friend class Mount;
  friend class Dentry;
  void AddMount() { mounts_.fetch_add(1, std::memory_order_relaxed); }
  void DropMount();
  void ForgetRootDentry(const Dentry* root);

  const uint64_t dev_;
  DentryCache dentry_cache_;
  Mutex<LockRank::kRename> rename_mu_;
  std::atomic<uint64_t> changes_started_{0};
  std::atomic<uint64_t> changes_finished_{0};
  std::atomic<int64_t> mounts_{0};
  std::atomic<bool> read_only_{false};
  Ref<cred::UserNamespace> owner_ns_ = cred::UserNamespace::Initial();
  Mutex<LockRank::kDentryCache> root_mu_;
  Dentry* root_dentry_ ABSL_GUARDED_BY(root_mu_) = nullptr;  // weak
};

}  // namespace ringwall::vfs
