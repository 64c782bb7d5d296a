// Requests that change names: Mkdir, Symlink, Mknod, Link, Unlink, Rename.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "gofer/server/service.h"

namespace ringwall::gofer {

Result<void> Service::SetOwnerAndMode(int fd, const NewFile& file) const {
  Attributes now = TRY(StatFd(fd));
  if (now.uid != file.uid || now.gid != file.gid) {
    if (fchownat(fd, "", file.uid, file.gid, AT_EMPTY_PATH) != 0) return LastError();
    now = TRY(StatFd(fd));  // chown(2) may have cleared set-id bits
  }
  // A symlink has no mode of its own. Others: the file system may have mixed in a default ACL or the directory's set-group-id bit.
  if (now.type() != kTypeSymlink && (now.mode & kPermissionMask) != file.mode) {
    if (fchmodat(options_.proc_self_fd.get(), FdName(fd).c_str(), file.mode, 0) != 0) return LastError();
  }
  return {};
}

Result<NewNodeReply> Service::FinishNew(const Node& directory, const char* name, const NewFile& file, uint32_t type) {
  auto finish = [&]() -> Result<NewNodeReply> {
    UniqueFd fd = TRY(OpenChild(directory.fd, name, false));
    const Attributes made = TRY(StatFd(fd.get()));
    // On a shared mount somebody may have put another file in its place: that one is not ours to give away.
    if (made.type() != type || made.uid != euid_ || (type != kTypeDirectory && made.nlink != 1)) return Errno::kESTALE;
    TRY(SetOwnerAndMode(fd.get(), file));
    NewNodeReply reply;
    reply.directory = TRY(StatFd(directory.fd));
    reply.file = TRY(AddNode(std::move(fd), directory.mount));
    return reply;
  };
  auto reply = finish();
  if (!reply.ok() && reply.error() != Errno::kESTALE) unlinkat(directory.fd, name, type == kTypeDirectory ? AT_REMOVEDIR : 0);
  return reply;
}

Result<NewNodeReply> Service::On(const MkdirRequest& request, UniqueFd&) {
  const Node directory = TRY(FindForChange(request.file.directory, request.file.name.view()));
  if ((request.file.mode & ~kPermissionMask) != 0) return Errno::kEINVAL;
  if (nodes_.full()) return Errno::kENFILE;
  const ComponentString name(request.file.name.view());
  if (mkdirat(directory.fd, name.c_str(), request.file.mode & 01777) != 0) return LastError();
  return FinishNew(directory, name.c_str(), request.file, kTypeDirectory);
}

Result<NewNodeReply> Service::On(const SymlinkRequest& request, UniqueFd&) {
  const Node directory = TRY(FindForChange(request.file.directory, request.file.name.view()));
  // symlink(2): an empty target is ENOENT. The target is only text: it is never followed on this side of the border.
  if (request.target.data.empty()) return Errno::kENOENT;
  if (request.target.data.find('\0') != std::string_view::npos) return Errno::kEINVAL;
  if (nodes_.full()) return Errno::kENFILE;
  const ComponentString name(request.file.name.view());
  const std::string target(request.target.data);
  if (symlinkat(target.c_str(), directory.fd, name.c_str()) != 0) return LastError();
  return FinishNew(directory, name.c_str(), request.file, kTypeSymlink);
}

Result<NewNodeReply> Service::On(const MknodRequest& request, UniqueFd&) {
  const Node directory = TRY(FindForChange(request.file.directory, request.file.name.view()));
  if ((request.file.mode & ~kPermissionMask) != 0) return Errno::kEINVAL;
  switch (request.type) {
    case kTypeRegular:
    case kTypeFifo:
    case kTypeSocket: break;
    case kTypeCharDevice:
    case kTypeBlockDevice: return Errno::kEPERM;  // a device made here would be the host's
    default: return Errno::kEINVAL;
  }
  if (nodes_.full()) return Errno::kENFILE;
  const ComponentString name(request.file.name.view());
  if (mknodat(directory.fd, name.c_str(), request.type | (request.file.mode & 0777), 0) != 0) return LastError();
  return FinishNew(directory, name.c_str(), request.file, request.type);
}

Result<LinkReply> Service::On(const LinkRequest& request, UniqueFd&) {
  const Node file = TRY(nodes_.Find(request.file));
  const Node directory = TRY(FindForChange(request.directory, request.name.view()));
  if (file.mount != directory.mount) return Errno::kEXDEV;
  const ComponentString name(request.name.view());
  // A directory is the host's EPERM, which comes after EEXIST. The magic link is our own descriptor, so exactly the node is linked
  // (symlinks too, without being followed).
  if (linkat(options_.proc_self_fd.get(), FdName(file.fd).c_str(), directory.fd, name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return LastError();
  }
  LinkReply reply;
  reply.file = TRY(StatFd(file.fd));
  reply.directory = TRY(StatFd(directory.fd));
  return reply;
}

Result<AttributesReply> Service::On(const UnlinkRequest& request, UniqueFd&) {
  const Node directory = TRY(FindForChange(request.directory, request.name.view()));
  const int flags = request.kind == UnlinkKind::kDirectory ? AT_REMOVEDIR : 0;
  if (unlinkat(directory.fd, ComponentString(request.name.view()).c_str(), flags) != 0) return LastError();
  AttributesReply reply;
  reply.attributes = TRY(StatFd(directory.fd));
  return reply;
}

Result<RenameReply> Service::On(const RenameRequest& request, UniqueFd&) {
  const Node from = TRY(FindForChange(request.old_directory, request.old_name.view()));
  const Node to = TRY(FindForChange(request.new_directory, request.new_name.view()));
  if (request.flags.Has(RenameFlag::kNoReplace) && request.flags.Has(RenameFlag::kExchange)) return Errno::kEINVAL;
  if (from.mount != to.mount) return Errno::kEXDEV;
  unsigned flags = 0;
  if (request.flags.Has(RenameFlag::kNoReplace)) flags |= RENAME_NOREPLACE;
  if (request.flags.Has(RenameFlag::kExchange)) flags |= RENAME_EXCHANGE;
  // Not glibc's renameat2(): without flags it makes another call, which the filter does not know.
  const ComponentString old_name(request.old_name.view());
  const ComponentString new_name(request.new_name.view());
  if (syscall(SYS_renameat2, from.fd, old_name.c_str(), to.fd, new_name.c_str(), flags) != 0) {
    return LastError();
  }
  RenameReply reply;
  reply.old_directory = TRY(StatFd(from.fd));
  reply.new_directory = TRY(StatFd(to.fd));
  return reply;
}

}  // namespace ringwall::gofer
