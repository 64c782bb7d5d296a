// The kit: parts for file systems whose files are made up by the kernel: proc, sys, dev. (Linux's kernfs and seq_file do this job.)
// Callbacks run without vfs locks held, so they may take any lock of the rooms above.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/inode.h"

namespace ringwall::kit {

// A file system made of kit nodes. Make it, build the tree with it, SetRoot, mount it.
class KitFs final : public vfs::FileSystem {
 public:
  // `magic` is statfs(2)'s f_type. `now` becomes the time stamp of all nodes.
  static Ref<KitFs> Create(std::string type_name, uint64_t magic, const abi::Timespec& now);
  std::string_view type_name() const override { return type_name_; }
  Ref<vfs::Inode> root() override { return root_.ToRef(); }
  std::string MountOptions() const override { return mount_options_; }
  void SetRoot(Ref<vfs::Inode> root) { root_ = std::move(root); }
  void SetMountOptions(std::string options) { mount_options_ = std::move(options); }
  uint64_t magic() const { return magic_; }
  const abi::Timespec& created() const { return created_; }
  uint64_t NextIno() { return next_ino_.fetch_add(1, std::memory_order_relaxed); }

 private:
  // Few dentries: most of what they would keep alive belongs to tasks that come and go.
  static constexpr size_t kDentries = 1024;
  KitFs(std::string type_name, uint64_t magic, const abi::Timespec& now);
  void OnLastUnmount() override { root_.reset(); }
  const std::string type_name_;
  const uint64_t magic_;
  const abi::Timespec created_;
  std::atomic<uint64_t> next_ino_{1};
  // Set up at boot, before the mount is visible.
  RefPtr<vfs::Inode> root_;
  std::string mount_options_;
};

struct Owner {
  uint32_t uid = 0, gid = 0;
};

struct NodeOptions {
  uint32_t mode = 0444;                       // permissions
  std::function<Owner(Context&)> owner;       // root when not given (a task's files belong to its effective ids)
  std::function<bool(Context&)> still_valid;  // false: what this is about is gone; the name is looked up again
  uint64_t ino = 0;                           // 0 = the next one
  bool fixed = false;                         // chmod(2) and chown(2): EPERM, as below /proc/PID
};

// What all nodes share: sizes 0, time stamps of the file system.
class Node : public vfs::Inode {
 public:
  Result<vfs::Attributes> GetAttributes(Context& ctx) override;
  Result<void> SetAttributes(Context& ctx, const vfs::AttributeChange& change) override;
  Result<vfs::FileSystemStats> StatFs(Context& ctx) override;
  bool StillValid(Context& ctx) override { return !options_.still_valid || options_.still_valid(ctx); }
  bool ChangesNames() const override { return false; }
  KitFs& fs() const { return static_cast<KitFs&>(file_system()); }
  uint64_t ino() const { return ino_; }

 protected:
  Node(KitFs& fs, uint32_t type, NodeOptions options);
  virtual uint32_t Links() const { return 1; }
  virtual uint64_t Rdev() const { return 0; }

 private:
  const NodeOptions options_;
  const uint64_t ino_;
  mutable Mutex<LockRank::kInode> mu_;
  uint32_t mode_ ABSL_GUARDED_BY(mu_);
  std::optional<uint32_t> uid_ ABSL_GUARDED_BY(mu_), gid_ ABSL_GUARDED_BY(mu_);
};

// A directory: fixed names in the order they were added, then those that `list` gives.
class Directory final : public Node {
 public:
  struct Listed {
    std::string name;
    uint64_t ino = 0;
    uint8_t type = 0;      // DT_*
    int64_t position = 0;  // >= 0 and rising through the list; the same at each listing (a pid, a descriptor number)
  };
  struct Dynamic {
    // ENOENT for what is not there.
    std::function<Result<Ref<vfs::Inode>>(Context&, std::string_view)> lookup;
    // Entries with position >= from, at least one when there is one; the rest is asked for again.
    std::function<std::vector<Listed>(Context&, int64_t from)> list;
    // What the directory as a whole stands for, if it stands for something (the process of /proc/PID).
    RefPtr<RefCounted> about;
  };
  Directory(KitFs& fs, NodeOptions options);
  Directory(KitFs& fs, NodeOptions options, Dynamic dynamic);
  // At boot, or later by the kernel itself (a device that appears). Replaces a node of the same name.
  void Add(std::string name, Ref<Node> node);
  void Remove(std::string_view name);
  // Makes (or finds) the fixed directories of "a/b/c" and adds the node as c.
  void AddPath(std::string_view path, Ref<Node> node);

  Result<Ref<vfs::Inode>> Lookup(Context& ctx, std::string_view name) override;
  std::vector<Ref<vfs::Inode>> LookupMany(Context& ctx, absl::Span<const std::string_view> names) override;
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override;
  bool CachesNegative() const override { return false; }
  // A directory with made-up names has no room for others: ENOENT, as in proc.
  Result<Ref<vfs::Inode>> Create(Context& ctx, std::string_view name, uint32_t mode) override;
  Result<Ref<vfs::Inode>> Mkdir(Context& ctx, std::string_view name, uint32_t mode) override;

  // Entries from `from` on, positions as the file sees them (behind "." and "..").
  std::vector<Listed> List(Context& ctx, int64_t from) const;
  RefCounted* about() const { return dynamic_.about.get(); }

 private:
  // Positions: fixed names by their number, dynamic ones above.
  static constexpr int64_t kFirstFixed = 2, kFirstDynamic = int64_t{1} << 32;
  struct Fixed {
    std::string name;
    RefPtr<Node> node;
  };
  uint32_t Links() const override;
  RefPtr<Node> FindFixed(std::string_view name) const;

  const Dynamic dynamic_;
  mutable Mutex<LockRank::kInode> names_mu_;
  std::map<int64_t, Fixed> fixed_ ABSL_GUARDED_BY(names_mu_);
  std::map<std::string, int64_t, std::less<>> by_name_ ABSL_GUARDED_BY(names_mu_);
  int64_t next_ ABSL_GUARDED_BY(names_mu_) = kFirstFixed;
};

using Generator = std::function<Result<std::string>(Context&)>;
// Takes the bytes of one write(2) (at most 64 KiB, EINVAL beyond) at `offset`; returns how many it used, usually all.
using Writer = std::function<Result<size_t>(Context&, std::string_view data, uint64_t offset)>;

// A file whose text is made when it is read: anew at each read from offset 0, one snapshot per open file description in between.
// With a writer it can be written as well; truncation succeeds and does nothing.
class DynamicFile final : public Node {
 public:
  DynamicFile(KitFs& fs, NodeOptions options, Generator generate, Writer write = nullptr);
  static Ref<DynamicFile> Fixed(KitFs& fs, std::string text, uint32_t mode = 0444);
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override;
  const Generator& generate() const { return generate_; }
  const Writer& write() const { return write_; }

 private:
  const Generator generate_;
  const Writer write_;
};

// A node that opens as it likes: files with a life of their own (/proc/PID/mem, /dev/ptmx).
class CustomFile final : public Node {
 public:
  using Opener = std::function<Result<Ref<vfs::File>>(Context&, const vfs::Path&, const vfs::OpenRequest&)>;
  CustomFile(KitFs& fs, uint32_t type, NodeOptions options, Opener open) : Node(fs, type, std::move(options)), open_(std::move(open)) {}
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override {
    return open_(ctx, path, request);
  }

 private:
  const Opener open_;
};

// A device node: opened through sentry/vfs/special.h.
class DeviceNode final : public Node {
 public:
  DeviceNode(KitFs& fs, uint32_t type, uint64_t rdev, NodeOptions options) : Node(fs, type, std::move(options)), rdev_(rdev) {}
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override;

 private:
  uint64_t Rdev() const override { return rdev_; }
  const uint64_t rdev_;
};

// A symlink with a fixed text, or one that depends on who reads it (/proc/self).
class SymlinkNode final : public Node {
 public:
  SymlinkNode(KitFs& fs, NodeOptions options, Generator target);
  SymlinkNode(KitFs& fs, std::string target);
  Result<std::string> ReadLink(Context& ctx) override { return target_(ctx); }
  Result<Ref<vfs::File>> Open(Context&, const vfs::Path&, const vfs::OpenRequest&) override { return Errno::kELOOP; }

 private:
  const Generator target_;
};

// A magic link (/proc/PID/{fd/N,cwd,root,exe}): following it goes to the place itself; `text` is only for readlink(2).
class MagicLink final : public Node {
 public:
  using Follow = std::function<Result<vfs::Path>(Context&)>;
  MagicLink(KitFs& fs, NodeOptions options, Follow follow, Generator text);
  Result<std::string> ReadLink(Context& ctx) override { return text_(ctx); }
  Result<vfs::Path> FollowMagic(Context& ctx) override;
  Result<Ref<vfs::File>> Open(Context&, const vfs::Path&, const vfs::OpenRequest&) override { return Errno::kELOOP; }

 private:
  const Follow follow_;
  const Generator text_;
};

}  // namespace ringwall::kit
