// Inside of tmpfs: what its kinds of inodes share, and the kinds.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "base/sync/mutex.h"
#include "sentry/fs/tmpfs/file_data.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/mm/io_buffer.h"
#include "sentry/vfs/inode.h"
#include "sentry/vfs/permission.h"

namespace ringwall::tmpfs {

class TmpInode : public vfs::Inode {
 public:
  // Of a new file: takes over one inode that was charged to `fs`. `owner.mode` holds the type.
  TmpInode(TmpFs& fs, const vfs::NewFileOwner& owner, uint64_t rdev, const abi::Timespec& now);
  Result<vfs::Attributes> GetAttributes(Context& ctx) override;
  Result<void> SetAttributes(Context& ctx, const vfs::AttributeChange& change) override;
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override;
  Result<std::string> GetXattr(Context& ctx, std::string_view name) override;
  Result<void> SetXattr(Context& ctx, std::string_view name, std::string_view value, uint32_t flags) override;
  Result<std::vector<std::string>> ListXattr(Context& ctx) override;
  Result<void> RemoveXattr(Context& ctx, std::string_view name) override;
  Result<vfs::FileSystemStats> StatFs(Context&) override { return fs().Stats(); }

  TmpFs& fs() const { return static_cast<TmpFs&>(file_system()); }
  uint64_t ino() const { return ino_; }
  // ctime always, mtime when `modified`.
  void Touch(const abi::Timespec& now, bool modified);
  // After a read: relatime.
  void Accessed(Context& ctx, const vfs::Path& path, uint32_t open_flags);
  void AddLinks(int delta, const abi::Timespec& now);
  // ENOENT for a file that has lost its last name (link(2)); a file that never had one may get one.
  Result<void> FirstOrFurtherLink(const abi::Timespec& now);
  void MarkUnnamed();

 protected:
  ~TmpInode() override;
  void OnLastRef() const override;
  // Of the kind: size and blocks. mu_ held.
  virtual void FillSizeLocked(vfs::Attributes& attributes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  virtual Result<void> ResizeLocked(uint64_t size) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  vfs::Attributes AttributesLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex<LockRank::kInode> mu_;
  uint32_t mode_ ABSL_GUARDED_BY(mu_);  // permissions only
  uint32_t uid_ ABSL_GUARDED_BY(mu_);
  uint32_t gid_ ABSL_GUARDED_BY(mu_);
  uint32_t nlink_ ABSL_GUARDED_BY(mu_);
  bool never_named_ ABSL_GUARDED_BY(mu_) = false;
  abi::Timespec atime_ ABSL_GUARDED_BY(mu_), mtime_ ABSL_GUARDED_BY(mu_), ctime_ ABSL_GUARDED_BY(mu_);

 private:
  static constexpr size_t kMaxXattrBytes = 128 << 10;
  const abi::Timespec btime_;
  const uint64_t ino_;
  const uint64_t rdev_;
  std::unique_ptr<std::map<std::string, std::string, std::less<>>> xattrs_ ABSL_GUARDED_BY(mu_);
  size_t xattr_bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

class SymlinkInode final : public TmpInode {
 public:
  SymlinkInode(TmpFs& fs, const vfs::NewFileOwner& owner, std::string target, const abi::Timespec& now);
  Result<std::string> ReadLink(Context&) override { return target_; }

 private:
  void FillSizeLocked(vfs::Attributes& attributes) override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  const std::string target_;
};

class RegularInode final : public TmpInode {
 public:
  RegularInode(TmpFs& fs, const vfs::NewFileOwner& owner, const abi::Timespec& now);
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override;
  Result<size_t> Read(Context& ctx, mm::IoSink& sink, uint64_t offset);
  // At `offset`, or at the end when it is null; *end is the position behind the bytes written.
  Result<size_t> Write(Context& ctx, mm::IoSource& source, const uint64_t* offset, uint64_t* end);
  Result<void> Allocate(Context& ctx, int32_t mode, uint64_t offset, uint64_t length);
  Result<uint64_t> SeekData(uint64_t offset, bool hole);
  Result<Ref<SharedFd>> MemoryFile();

 private:
  void FillSizeLocked(vfs::Attributes& attributes) override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Result<void> ResizeLocked(uint64_t size) override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WrittenLocked(Context& ctx) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  FileData data_ ABSL_GUARDED_BY(mu_);
};

class DirectoryInode final : public TmpInode {
 public:
  DirectoryInode(TmpFs& fs, const vfs::NewFileOwner& owner, const abi::Timespec& now);
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override;
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

  struct Listed {
    std::string name;
    uint64_t ino;
    uint8_t type;
    int64_t cookie;
  };
  // Up to `max` entries with cookie >= from, in cookie order. An entry keeps its cookie for life.
  std::vector<Listed> List(int64_t from, size_t max) const;

 private:
  static constexpr int64_t kFirstCookie = 2;  // 0 and 1 are "." and ".."
  struct Entry {
    std::string name;
    RefPtr<TmpInode> inode;
  };
  // Charges the name and builds the inode: `make(owner)`.
  template <typename Make>
  Result<Ref<vfs::Inode>> AddNew(Context& ctx, std::string_view name, uint32_t mode, Make make);
  void FillSizeLocked(vfs::Attributes& attributes) override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  RefPtr<TmpInode> FindLocked(std::string_view name) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void InsertLocked(std::string_view name, Ref<TmpInode> inode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Returns what was there, for the caller to drop outside the lock.
  RefPtr<TmpInode> EraseLocked(std::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  RefPtr<TmpInode> Replace(std::string_view name, Ref<TmpInode> inode);
  bool IsEmpty() const;

  std::map<int64_t, Entry> entries_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<absl::string_view, int64_t> by_name_ ABSL_GUARDED_BY(mu_);  // the views look into entries_, whose nodes stay put
  int64_t next_cookie_ ABSL_GUARDED_BY(mu_) = kFirstCookie;
};

}  // namespace ringwall::tmpfs
