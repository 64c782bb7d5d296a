// Inodes of files without a name in any tree: Linux's pipefs, sockfs and the one anonymous inode behind eventfd, epoll and their like.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/context/context.h"
#include "sentry/vfs/dentry.h"
#include "sentry/vfs/inode.h"

namespace ringwall::anon {

// An internal file system: it only gives its files a device number and inode numbers. Never mounted.
class AnonFs final : public vfs::FileSystem {
 public:
  explicit AnonFs(std::string_view type_name, uint64_t magic) : type_name_(type_name), magic_(magic) {}
  std::string_view type_name() const override { return type_name_; }
  Ref<vfs::Inode> root() override;
  uint64_t magic() const { return magic_; }
  uint64_t NextIno() { return next_ino_.fetch_add(1, std::memory_order_relaxed); }

 private:
  const std::string_view type_name_;
  const uint64_t magic_;
  std::atomic<uint64_t> next_ino_{1};
};

// Made at first use and kept: device numbers and counters, no other state.
AnonFs& PipeFs();
AnonFs& SockFs();
AnonFs& AnonInodeFs();

class AnonInode final : public vfs::Inode {
 public:
  // `mode` holds the type; owner and times are the caller's.
  AnonInode(AnonFs& fs, Context& ctx, uint32_t mode);
  uint64_t ino() const { return ino_; }
  Result<vfs::Attributes> GetAttributes(Context& ctx) override;
  Result<void> SetAttributes(Context& ctx, const vfs::AttributeChange& change) override;
  // /proc/PID/fd/N of a pipe opens it like a FIFO; everything else here is ENXIO.
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override;
  Result<vfs::FileSystemStats> StatFs(Context& ctx) override;

 private:
  const uint64_t ino_;
  mutable Mutex<LockRank::kInode> mu_;
  vfs::Attributes attributes_ ABSL_GUARDED_BY(mu_);
};

// The shared place of all eventfd, epoll, signalfd, timerfd and pidfd files: Linux's single anon_inode.
vfs::Path AnonPath(Context& ctx);

}  // namespace ringwall::anon
