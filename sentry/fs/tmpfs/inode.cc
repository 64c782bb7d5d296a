// What all tmpfs inodes share: attributes, time stamps, link counts, xattrs; symlinks and special files.
#include "sentry/fs/tmpfs/inode.h"

#include <utility>

#include "abi/fcntl.h"
#include "abi/xattr.h"
#include "sentry/vfs/flat_delete.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/special.h"

namespace ringwall::tmpfs {

TmpInode::TmpInode(TmpFs& fs, const vfs::NewFileOwner& owner, uint64_t rdev, const abi::Timespec& now)
    : Inode(fs, owner.mode & abi::kS_IFMT),
      mode_(owner.mode & abi::kS_IALLUGO),
      uid_(owner.uid),
      gid_(owner.gid),
      nlink_(IsDirectory() ? 2 : 1),
      atime_(now),
      mtime_(now),
      ctime_(now),
      btime_(now),
      ino_(fs.NextIno()),
      rdev_(rdev) {}

TmpInode::~TmpInode() { fs().RefundInode(); }

void TmpInode::OnLastRef() const {
  vfs::FlatDelete::Run(this, [](const RefCounted* object) { delete static_cast<const TmpInode*>(object); });
}

vfs::Attributes TmpInode::AttributesLocked() const {
  vfs::Attributes a;
  a.dev = file_system().dev();
  a.ino = ino_;
  a.mode = type() | mode_;
  a.nlink = nlink_;
  a.uid = uid_;
  a.gid = gid_;
  a.rdev = rdev_;
  a.atime = atime_;
  a.mtime = mtime_;
  a.ctime = ctime_;
  a.btime = btime_;
  return a;
}

void TmpInode::FillSizeLocked(vfs::Attributes&) {}
Result<void> TmpInode::ResizeLocked(uint64_t) { return Errno::kEINVAL; }

Result<vfs::Attributes> TmpInode::GetAttributes(Context&) {
  MutexLock lock(mu_);
  vfs::Attributes attributes = AttributesLocked();
  FillSizeLocked(attributes);
  return attributes;
}

Result<void> TmpInode::SetAttributes(Context& ctx, const vfs::AttributeChange& change) {
  using Change = vfs::AttributeChange;
  const abi::Timespec now = ctx.Now();
  MutexLock lock(mu_);
  if ((change.mask & Change::kSize) != 0) {
    TRY(ResizeLocked(change.size));
    mtime_ = now;
  }
  if ((change.mask & Change::kMode) != 0) mode_ = change.mode & abi::kS_IALLUGO;
  if ((change.mask & Change::kUid) != 0) uid_ = change.uid;
  if ((change.mask & Change::kGid) != 0) gid_ = change.gid;
  if ((change.mask & Change::kAtime) != 0) atime_ = change.atime;
  if ((change.mask & Change::kMtime) != 0) mtime_ = change.mtime;
  if (change.mask != 0) ctime_ = now;
  return {};
}

Result<Ref<vfs::File>> TmpInode::Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) {
  if (IsSymlink()) return Errno::kELOOP;
  return vfs::OpenSpecial(ctx, *this, path, request);
}

void TmpInode::Touch(const abi::Timespec& now, bool modified) {
  MutexLock lock(mu_);
  ctime_ = now;
  if (modified) mtime_ = now;
}

void TmpInode::Accessed(Context& ctx, const vfs::Path& path, uint32_t open_flags) {
  if ((open_flags & abi::kO_NOATIME) != 0) return;
  const vfs::MountFlags flags = path.mount ? path.mount->flags() : vfs::MountFlags{};
  if (flags.no_atime || flags.read_only || file_system().read_only() || (flags.no_diratime && IsDirectory())) return;
  const abi::Timespec now = ctx.Now();
  MutexLock lock(mu_);
  if (flags.strict_atime || vfs::NeedsAtimeUpdate(AttributesLocked(), now)) atime_ = now;
}

void TmpInode::AddLinks(int delta, const abi::Timespec& now) {
  MutexLock lock(mu_);
  nlink_ += static_cast<uint32_t>(delta);
  ctime_ = now;
}

Result<void> TmpInode::FirstOrFurtherLink(const abi::Timespec& now) {
  MutexLock lock(mu_);
  if (nlink_ == 0 && !never_named_) return Errno::kENOENT;
  never_named_ = false;
  ++nlink_;
  ctime_ = now;
  return {};
}

void TmpInode::MarkUnnamed() {
  MutexLock lock(mu_);
  nlink_ = 0;
  never_named_ = true;
}

Result<std::string> TmpInode::GetXattr(Context&, std::string_view name) {
  MutexLock lock(mu_);
  if (xattrs_ == nullptr) return Errno::kENODATA;
  const auto it = xattrs_->find(name);
  if (it == xattrs_->end()) return Errno::kENODATA;
  return it->second;
}

Result<void> TmpInode::SetXattr(Context& ctx, std::string_view name, std::string_view value, uint32_t flags) {
  const abi::Timespec now = ctx.Now();
  MutexLock lock(mu_);
  if (xattrs_ == nullptr) xattrs_ = std::make_unique<std::map<std::string, std::string, std::less<>>>();
  const auto it = xattrs_->find(name);
  if (it != xattrs_->end() && (flags & abi::kXATTR_CREATE) != 0) return Errno::kEEXIST;
  if (it == xattrs_->end() && (flags & abi::kXATTR_REPLACE) != 0) return Errno::kENODATA;
  const size_t freed = it == xattrs_->end() ? 0 : it->first.size() + it->second.size();
  const size_t total = xattr_bytes_ - freed + name.size() + value.size();
  if (total > kMaxXattrBytes) return Errno::kENOSPC;
  if (it != xattrs_->end()) {
    it->second = std::string(value);
  } else {
    xattrs_->emplace(std::string(name), std::string(value));
  }
  xattr_bytes_ = total;
  ctime_ = now;
  return {};
}

Result<std::vector<std::string>> TmpInode::ListXattr(Context&) {
  std::vector<std::string> names;
  MutexLock lock(mu_);
  if (xattrs_ == nullptr) return names;
  for (const auto& [name, value] : *xattrs_) names.push_back(name);
  return names;
}

Result<void> TmpInode::RemoveXattr(Context& ctx, std::string_view name) {
  const abi::Timespec now = ctx.Now();
  MutexLock lock(mu_);
  if (xattrs_ == nullptr) return Errno::kENODATA;
  const auto it = xattrs_->find(name);
  if (it == xattrs_->end()) return Errno::kENODATA;
  xattr_bytes_ -= it->first.size() + it->second.size();
  xattrs_->erase(it);
  ctime_ = now;
  return {};
}

SymlinkInode::SymlinkInode(TmpFs& fs, const vfs::NewFileOwner& owner, std::string target, const abi::Timespec& now)
    : TmpInode(fs, owner, 0, now), target_(std::move(target)) {}

void SymlinkInode::FillSizeLocked(vfs::Attributes& attributes) { attributes.size = target_.size(); }

}  // namespace ringwall::tmpfs
