// Attributes of a file: stat(2), chmod(2), chown(2), utimensat(2), truncate(2), readlink(2), xattr(7).
#include <utility>

#include "abi/capability.h"
#include "abi/fcntl.h"
#include "abi/xattr.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/operations.h"

namespace ringwall::vfs {

namespace {

using cred::Credentials;

// Truncation by name takes write access like an open for writing would.
class WriteAccess {
 public:
  static Result<WriteAccess> Take(Inode& inode) {
    int32_t n = inode.write_count.load(std::memory_order_relaxed);
    do {
      if (n < 0) return Errno::kETXTBSY;
    } while (!inode.write_count.compare_exchange_weak(n, n + 1, std::memory_order_acq_rel));
    return WriteAccess(&inode);
  }
  WriteAccess(WriteAccess&& o) noexcept : inode_(std::exchange(o.inode_, nullptr)) {}
  WriteAccess& operator=(WriteAccess&&) = delete;
  ~WriteAccess() {
    if (inode_ != nullptr) inode_->write_count.fetch_sub(1, std::memory_order_acq_rel);
  }

 private:
  explicit WriteAccess(Inode* inode) : inode_(inode) {}
  Inode* inode_;
};

Result<void> SetSize(Context& ctx, Inode& inode, const Attributes& attributes, uint64_t size) {
  if (size > static_cast<uint64_t>(INT64_MAX)) return Errno::kEINVAL;
  if (size > attributes.size && size > ctx.FileSizeLimit()) return Errno::kEFBIG;
  AttributeChange change{.mask = AttributeChange::kSize, .size = size};
  const uint32_t mode = ModeAfterWrite(ctx, attributes.mode);
  if (mode != attributes.mode) {
    change.mask |= AttributeChange::kMode;
    change.mode = mode & abi::kS_IALLUGO;
  }
  return inode.SetAttributes(ctx, change);
}

// A change by name, and what watches hear of it: times alone look like the access or the write that sets them (Linux's fsnotify_change).
Result<void> Change(Context& ctx, const Path& path, const AttributeChange& change) {
  TRY(path.inode().SetAttributes(ctx, change));
  uint32_t event = abi::kIN_ATTRIB;
  if (change.mask == AttributeChange::kAtime) event = abi::kIN_ACCESS;
  if (change.mask == AttributeChange::kMtime) event = abi::kIN_MODIFY;
  NotifyDentry(*path.dentry, event);
  return {};
}

Result<void> CheckSpace(std::string_view name) {
  if (name.empty() || name.size() > abi::kXATTR_NAME_MAX) return Errno::kERANGE;
  for (const std::string_view space : {"user.", "trusted.", "security."}) {
    // A bare prefix names nothing.
    if (name.starts_with(space)) return name.size() > space.size() ? Result<void>() : Errno::kEINVAL;
  }
  // Differs from Linux: no POSIX ACLs (system.posix_acl_*), as on a file system mounted with noacl.
  return Errno::kEOPNOTSUPP;
}

// xattr(7): user.* on regular files and directories only; trusted.* for CAP_SYS_ADMIN only, as if absent for others. Rights come before the
// question whether there is such a space at all.
Result<void> CheckXattrRead(Context& ctx, const Path& path, std::string_view name) {
  Inode& inode = path.inode();
  if (name.starts_with("trusted.")) {
    if (!ctx.creds().Has(abi::kCAP_SYS_ADMIN)) return Errno::kENODATA;
  } else if (!name.starts_with("security.") && !name.starts_with("system.")) {
    if (name.starts_with("user.") && !inode.IsRegular() && !inode.IsDirectory()) return Errno::kENODATA;
    TRY(CheckAccess(ctx, inode, abi::kR_OK));
  }
  return CheckSpace(name);
}

Result<void> CheckXattrWrite(Context& ctx, const Path& path, std::string_view name) {
  TRY(CheckWritable(path));
  Inode& inode = path.inode();
  if (name.starts_with("trusted.")) {
    if (!ctx.creds().Has(abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
  } else if (name.starts_with("security.")) {
    if (!ctx.creds().HasIn(inode.file_system().owner_ns(), abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
  } else if (!name.starts_with("system.")) {
    if (name.starts_with("user.")) {
      if (!inode.IsRegular() && !inode.IsDirectory()) return Errno::kEPERM;
      const Attributes attributes = TRY(inode.GetAttributes(ctx));
      if (inode.IsDirectory() && (attributes.mode & abi::kS_ISVTX) != 0) TRY(CheckOwner(ctx, attributes));
    }
    TRY(CheckAccess(ctx, inode, abi::kW_OK));
  }
  return CheckSpace(name);
}

// eventfd(2), epoll(7) and their kin share one inode, which nobody changes.
bool IsShared(const Inode& inode) { return inode.file_system().type_name() == "anon_inodefs"; }

}  // namespace

Result<Attributes> GetAttributes(Context& ctx, const Path& path) { return path.inode().GetAttributes(ctx); }

Result<void> Chmod(Context& ctx, const Path& path, uint32_t mode) {
  TRY(CheckWritable(path));
  Inode& inode = path.inode();
  if (inode.IsSymlink() || IsShared(inode)) return Errno::kEOPNOTSUPP;
  const Attributes attributes = TRY(inode.GetAttributes(ctx));
  TRY(CheckOwner(ctx, attributes));
  mode &= abi::kS_IALLUGO;
  // chmod(2): the set-group-ID bit is dropped in silence when the file's group is not the caller's.
  if ((mode & abi::kS_ISGID) != 0 && !ctx.creds().InGroup(attributes.gid) &&
      !ctx.creds().HasOver(attributes.uid, attributes.gid, abi::kCAP_FSETID))
    mode &= ~abi::kS_ISGID;
  return Change(ctx, path, {.mask = AttributeChange::kMode, .mode = mode});
}

Result<void> Chown(Context& ctx, const Path& path, uint32_t uid, uint32_t gid) {
  TRY(CheckWritable(path));
  Inode& inode = path.inode();
  if (IsShared(inode)) return Errno::kEOPNOTSUPP;
  const Attributes attributes = TRY(inode.GetAttributes(ctx));
  const Credentials& creds = ctx.creds();
  AttributeChange change;
  const bool owner = creds.fsuid == attributes.uid;
  const bool may = creds.HasOver(attributes.uid, attributes.gid, abi::kCAP_CHOWN);
  if (uid != ~0u) {
    if (!may && !(owner && uid == attributes.uid)) return Errno::kEPERM;
    change.mask |= AttributeChange::kUid;
    change.uid = uid;
  }
  if (gid != ~0u) {
    if (!may && !(owner && (gid == attributes.gid || creds.InGroup(gid)))) return Errno::kEPERM;
    change.mask |= AttributeChange::kGid;
    change.gid = gid;
  }
  // chown(2): set-ID bits of anything but directories go, for root too; a set-group-ID bit without group execution is mandatory locking's
  // and stays for those who could set it.
  if (!inode.IsDirectory() && (attributes.mode & (abi::kS_ISUID | abi::kS_ISGID)) != 0) {
    uint32_t mode = attributes.mode & ~abi::kS_ISUID;
    const bool group_executes = (mode & abi::kS_IXGRP) != 0;
    if (group_executes || (!creds.InGroup(attributes.gid) && !creds.HasOver(attributes.uid, attributes.gid, abi::kCAP_FSETID)))
      mode &= ~abi::kS_ISGID;
    if (mode != attributes.mode) {
      change.mask |= AttributeChange::kMode;
      change.mode = mode & abi::kS_IALLUGO;
    }
  }
  if (change.mask == 0) {
    NotifyDentry(*path.dentry, abi::kIN_ATTRIB);
    return {};
  }
  return Change(ctx, path, change);
}

Result<void> SetTimes(Context& ctx, const Path& path, const TimeChange& atime, const TimeChange& mtime) {
  using Kind = TimeChange::Kind;
  if (atime.kind == Kind::kOmit && mtime.kind == Kind::kOmit) return {};
  TRY(CheckWritable(path));
  Inode& inode = path.inode();
  if (IsShared(inode)) return Errno::kEOPNOTSUPP;
  const Attributes attributes = TRY(inode.GetAttributes(ctx));
  const Credentials& creds = ctx.creds();
  if (creds.fsuid != attributes.uid && !creds.HasOver(attributes.uid, attributes.gid, abi::kCAP_FOWNER)) {
    // utimensat(2): both to now is for anybody who may write; all else is the owner's.
    if (atime.kind != Kind::kNow || mtime.kind != Kind::kNow) return Errno::kEPERM;
    TRY(CheckAccess(creds, attributes, abi::kW_OK));
  }
  AttributeChange change;
  const abi::Timespec now = ctx.Now();
  if (atime.kind != Kind::kOmit) {
    change.mask |= AttributeChange::kAtime;
    change.atime = atime.kind == Kind::kNow ? now : atime.time;
  }
  if (mtime.kind != Kind::kOmit) {
    change.mask |= AttributeChange::kMtime;
    change.mtime = mtime.kind == Kind::kNow ? now : mtime.time;
  }
  return Change(ctx, path, change);
}

Result<void> Truncate(Context& ctx, const Path& path, uint64_t size) {
  Inode& inode = path.inode();
  if (inode.IsDirectory()) return Errno::kEISDIR;
  if (!inode.IsRegular()) return Errno::kEINVAL;
  TRY(CheckWritable(path));
  TRY(CheckAccess(ctx, inode, abi::kW_OK));
  const WriteAccess access = TRY(WriteAccess::Take(inode));
  const Attributes attributes = TRY(inode.GetAttributes(ctx));
  TRY(SetSize(ctx, inode, attributes, size));
  NotifyDentry(*path.dentry, abi::kIN_MODIFY);
  return {};
}

Result<void> TruncateFile(Context& ctx, File& file, uint64_t size) {
  if (!file.writable()) return Errno::kEINVAL;
  if (!file.path() || !file.path().inode().IsRegular()) return Errno::kEINVAL;
  const Attributes attributes = TRY(file.GetAttributes(ctx));
  if (size > static_cast<uint64_t>(INT64_MAX)) return Errno::kEINVAL;
  if (size > attributes.size && size > ctx.FileSizeLimit()) return Errno::kEFBIG;
  AttributeChange change{.mask = AttributeChange::kSize, .size = size};
  const uint32_t mode = ModeAfterWrite(ctx, attributes.mode);
  if (mode != attributes.mode) {
    change.mask |= AttributeChange::kMode;
    change.mode = mode & abi::kS_IALLUGO;
  }
  // Through the file: a memfd looks at its seals, a gofer file at the handle it was opened with.
  TRY(file.SetAttributes(ctx, change));
  NotifyDentry(*file.path().dentry, abi::kIN_MODIFY);
  return {};
}

Result<std::string> ReadLink(Context& ctx, const Path& path) {
  if (!path.inode().IsSymlink()) return Errno::kEINVAL;
  return path.inode().ReadLink(ctx);
}

Result<std::string> GetXattr(Context& ctx, const Path& path, std::string_view name) {
  TRY(CheckXattrRead(ctx, path, name));
  return path.inode().GetXattr(ctx, name);
}

Result<void> SetXattr(Context& ctx, const Path& path, std::string_view name, std::string_view value, uint32_t flags) {
  if ((flags & ~(abi::kXATTR_CREATE | abi::kXATTR_REPLACE)) != 0) return Errno::kEINVAL;
  if (value.size() > abi::kXATTR_SIZE_MAX) return Errno::kE2BIG;
  TRY(CheckXattrWrite(ctx, path, name));
  TRY(path.inode().SetXattr(ctx, name, value, flags));
  NotifyDentry(*path.dentry, abi::kIN_ATTRIB);
  return {};
}

Result<std::vector<std::string>> ListXattr(Context& ctx, const Path& path) {
  std::vector<std::string> names = TRY(path.inode().ListXattr(ctx));
  if (!ctx.creds().Has(abi::kCAP_SYS_ADMIN)) {
    std::erase_if(names, [](const std::string& name) { return name.starts_with("trusted."); });
  }
  return names;
}

Result<void> RemoveXattr(Context& ctx, const Path& path, std::string_view name) {
  TRY(CheckXattrWrite(ctx, path, name));
  TRY(path.inode().RemoveXattr(ctx, name));
  NotifyDentry(*path.dentry, abi::kIN_ATTRIB);
  return {};
}

}  // namespace ringwall::vfs
