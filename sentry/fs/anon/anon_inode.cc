// The internal file systems and their inodes: numbers, owner, times.
#include "sentry/fs/anon/anon_inode.h"

#include <utility>

#include "abi/stat.h"
#include "sentry/cred/credentials.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/special.h"

namespace ringwall::anon {

namespace {

// statfs(2) magics.
constexpr uint64_t kPipeFsMagic = 0x50495045, kSockFsMagic = 0x534f434b, kAnonInodeFsMagic = 0x09041934;

// For objects that no single caller makes.
class BootContext final : public Context {
 public:
  BootContext() : creds_(cred::Credentials::Root()) {}
  const cred::Credentials& creds() const override { return *creds_; }
  mm::UserMemory& memory() override { __builtin_trap(); }
  abi::Timespec Now() const override { return {}; }
  bool SignalPending() const override { return false; }
  int32_t tgid() const override { return 0; }
  uint64_t FileSizeLimit() const override { return ~uint64_t{0}; }

 private:
  const Ref<cred::Credentials> creds_;
};

}  // namespace

AnonFs& PipeFs() {
  static AnonFs* fs = MakeRef<AnonFs>("pipefs", kPipeFsMagic).Leak();
  return *fs;
}
AnonFs& SockFs() {
  static AnonFs* fs = MakeRef<AnonFs>("sockfs", kSockFsMagic).Leak();
  return *fs;
}
AnonFs& AnonInodeFs() {
  static AnonFs* fs = MakeRef<AnonFs>("anon_inodefs", kAnonInodeFsMagic).Leak();
  return *fs;
}

Ref<vfs::Inode> AnonFs::root() {
  BootContext ctx;
  return MakeRef<AnonInode>(*this, ctx, abi::kS_IFREG | 0600);
}

AnonInode::AnonInode(AnonFs& fs, Context& ctx, uint32_t mode) : Inode(fs, mode & abi::kS_IFMT), ino_(fs.NextIno()) {
  MutexLock lock(mu_);
  attributes_.dev = fs.dev();
  attributes_.ino = ino_;
  attributes_.mode = mode;
  attributes_.uid = ctx.creds().fsuid;
  attributes_.gid = ctx.creds().fsgid;
  attributes_.atime = attributes_.mtime = attributes_.ctime = attributes_.btime = ctx.Now();
}

Result<vfs::Attributes> AnonInode::GetAttributes(Context&) {
  MutexLock lock(mu_);
  return attributes_;
}

Result<void> AnonInode::SetAttributes(Context& ctx, const vfs::AttributeChange& change) {
  using Mask = vfs::AttributeChange::Mask;
  if ((change.mask & Mask::kSize) != 0) return Errno::kEINVAL;
  MutexLock lock(mu_);
  if ((change.mask & Mask::kMode) != 0) attributes_.mode = (attributes_.mode & abi::kS_IFMT) | (change.mode & abi::kS_IALLUGO);
  if ((change.mask & Mask::kUid) != 0) attributes_.uid = change.uid;
  if ((change.mask & Mask::kGid) != 0) attributes_.gid = change.gid;
  if ((change.mask & Mask::kAtime) != 0) attributes_.atime = change.atime;
  if ((change.mask & Mask::kMtime) != 0) attributes_.mtime = change.mtime;
  attributes_.ctime = ctx.Now();
  return {};
}

Result<Ref<vfs::File>> AnonInode::Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) {
  if (type() == abi::kS_IFIFO) return vfs::OpenSpecial(ctx, *this, path, request);
  return Errno::kENXIO;
}

Result<vfs::FileSystemStats> AnonInode::StatFs(Context&) {
  vfs::FileSystemStats stats;
  stats.type = static_cast<AnonFs&>(file_system()).magic();
  stats.id = file_system().dev();
  return stats;
}

vfs::Path AnonPath(Context&) {
  static vfs::Dentry* dentry = [] {
    BootContext ctx;
    return vfs::AnonymousPath(MakeRef<AnonInode>(AnonInodeFs(), ctx, 0600), "anon_inode").dentry.ToRef().Leak();
  }();
  return {nullptr, RefPtr<vfs::Dentry>::Share(dentry)};
}

}  // namespace ringwall::anon
