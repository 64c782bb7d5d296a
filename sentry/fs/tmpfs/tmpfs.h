// tmpfs(5): a file system in memory, with limits on bytes and inodes.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/fs/tmpfs/file_data.h"
#include "sentry/vfs/inode.h"

namespace ringwall::tmpfs {

struct Options {
  uint64_t size_bytes = uint64_t{1} << 31;  // Linux: half of the memory; boot passes what the pod has
  uint64_t max_inodes = 1 << 20;            // names count: each hard link is one more
  uint32_t mode = 01777;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string name = "tmpfs";  // type name in /proc/mounts: devtmpfs and the overlay's upper layer are tmpfs too
};

// "size=64m,nr_inodes=10k,mode=755,uid=1,gid=2" on top of `defaults`; EINVAL for what tmpfs(5) does not know. size=50% is of twice the
// default.
Result<Options> ParseOptions(std::string_view text, const Options& defaults);

class TmpFs final : public vfs::FileSystem {
 public:
  static Ref<TmpFs> Create(Context& ctx, const Options& options);
  std::string_view type_name() const override { return options_.name; }
  Ref<vfs::Inode> root() override { return root_.ToRef(); }
  std::string MountOptions() const override;
  // New limits; EINVAL when they are below what is in use, or there were none before.
  Result<void> Reconfigure(Context& ctx, std::string_view options) override;
  // A regular file without a name, for memfd_create(2), shared anonymous memory and SysV segments. ENOSPC.
  Result<Ref<vfs::Inode>> MakeUnnamedFile(Context& ctx, uint32_t mode);

  // ---- for its inodes ----
  SpaceAccount& space() { return space_; }
  bool ChargeInode();
  void RefundInode() { inodes_.fetch_sub(1, std::memory_order_relaxed); }
  uint64_t NextIno() { return next_ino_.fetch_add(1, std::memory_order_relaxed); }
  vfs::FileSystemStats Stats() const;

 private:
  explicit TmpFs(Options options);
  void OnLastUnmount() override;
  const Options options_;
  SpaceAccount space_;
  std::atomic<uint64_t> inodes_{0};
  std::atomic<uint64_t> max_inodes_;
  std::atomic<uint64_t> next_ino_{1};
  RefPtr<vfs::Inode> root_;  // until the last unmount; set once by Create
};

}  // namespace ringwall::tmpfs
