// Permission checks: path_resolution(7), capabilities(7), inode(7).
#include "sentry/vfs/permission.h"

#include <algorithm>

#include "abi/capability.h"
#include "abi/fcntl.h"
#include "sentry/vfs/mount.h"

namespace ringwall::vfs {

using cred::Credentials;

Result<void> CheckAccess(const Credentials& creds, const Attributes& attributes, uint32_t access) {
  uint32_t granted = attributes.mode;
  if (creds.fsuid == attributes.uid) {
    granted >>= 6;
  } else if ((granted >> 3 & 7) == (granted & 7)) {
    // Group and others have the same rights: no need to know.
  } else if (creds.InGroup(attributes.gid)) {
    granted >>= 3;
  }
  if ((access & ~granted & 7) == 0) return {};
  if (attributes.type() == abi::kS_IFDIR) {
    if (creds.HasOver(attributes.uid, attributes.gid, abi::kCAP_DAC_OVERRIDE)) return {};
    if ((access & abi::kW_OK) == 0 && creds.HasOver(attributes.uid, attributes.gid, abi::kCAP_DAC_READ_SEARCH)) return {};
    return Errno::kEACCES;
  }
  if (access == abi::kR_OK && creds.HasOver(attributes.uid, attributes.gid, abi::kCAP_DAC_READ_SEARCH)) return {};
  // Execution needs an execute bit somewhere, even for root.
  if (((access & abi::kX_OK) == 0 || (attributes.mode & 0111) != 0) &&
      creds.HasOver(attributes.uid, attributes.gid, abi::kCAP_DAC_OVERRIDE))
    return {};
  return Errno::kEACCES;
}

Result<void> CheckAccess(Context& ctx, Inode& inode, uint32_t access) {
  if (access == 0) return {};
  const Credentials& creds = ctx.creds();
  // What holds whatever the mode says needs no attributes (and no request to a gofer).
  if (inode.IsDirectory() && creds.Has(abi::kCAP_DAC_OVERRIDE)) return {};
  const Attributes attributes = TRY(inode.GetAttributes(ctx));
  return CheckAccess(creds, attributes, access);
}

Result<void> CheckWritable(const Path& path) {
  if (!path.mount) return {};
  if (path.mount->flags().read_only || path.mount->fs().read_only()) return Errno::kEROFS;
  return {};
}

Result<void> CheckOwner(Context& ctx, const Attributes& attributes) {
  if (ctx.creds().fsuid == attributes.uid || ctx.creds().HasOver(attributes.uid, attributes.gid, abi::kCAP_FOWNER)) return {};
  return Errno::kEPERM;
}

Result<void> CheckRemoval(Context& ctx, Inode& directory, const Attributes& victim) {
  const Attributes dir = TRY(directory.GetAttributes(ctx));
  const Credentials& creds = ctx.creds();
  TRY(CheckAccess(creds, dir, abi::kW_OK | abi::kX_OK));
  if ((dir.mode & abi::kS_ISVTX) != 0 && creds.fsuid != victim.uid && creds.fsuid != dir.uid &&
      !creds.HasOver(victim.uid, victim.gid, abi::kCAP_FOWNER))
    return Errno::kEPERM;
  return {};
}

NewFileOwner OwnerOfNewFile(Context& ctx, const Attributes& directory, uint32_t mode) {
  const Credentials& creds = ctx.creds();
  NewFileOwner owner{creds.fsuid, creds.fsgid, mode};
  if ((directory.mode & abi::kS_ISGID) == 0) return owner;
  owner.gid = directory.gid;
  if ((mode & abi::kS_IFMT) == abi::kS_IFDIR) {
    owner.mode |= abi::kS_ISGID;
  } else if ((mode & (abi::kS_ISGID | abi::kS_IXGRP)) == (abi::kS_ISGID | abi::kS_IXGRP) && !creds.InGroup(owner.gid) &&
             !creds.HasOver(directory.uid, directory.gid, abi::kCAP_FSETID)) {
    // Else anybody could make set-group-ID programs of the directory's group.
    owner.mode &= ~abi::kS_ISGID;
  }
  return owner;
}

uint32_t ModeAfterWrite(Context& ctx, uint32_t mode) {
  // Over the machine: root of a user namespace loses them like everybody.
  if ((mode & (abi::kS_ISUID | abi::kS_ISGID)) == 0 || ctx.creds().Has(abi::kCAP_FSETID)) return mode;
  mode &= ~abi::kS_ISUID;
  if ((mode & abi::kS_IXGRP) != 0) mode &= ~abi::kS_ISGID;
  return mode;
}

Result<size_t> WritableLength(Context& ctx, uint64_t offset, size_t wanted) {
  if (wanted == 0) return size_t{0};
  const uint64_t limit = std::min(ctx.FileSizeLimit(), static_cast<uint64_t>(INT64_MAX));
  if (offset >= limit) return Errno::kEFBIG;
  return static_cast<size_t>(std::min<uint64_t>(wanted, limit - offset));
}

bool NeedsAtimeUpdate(const Attributes& attributes, const abi::Timespec& now) {
  const auto not_after = [](const abi::Timespec& a, const abi::Timespec& b) { return !(b < a); };
  if (not_after(attributes.atime, attributes.mtime) || not_after(attributes.atime, attributes.ctime)) return true;
  return now.tv_sec - attributes.atime.tv_sec >= 24 * 60 * 60;
}

}  // namespace ringwall::vfs
