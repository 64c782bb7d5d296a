// Requests on a file's attributes: SetAttr and the extended attributes.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <string>

#include "gofer/server/service.h"

namespace ringwall::gofer {

namespace {

timespec HostTime(Mask<SetAttrField> fields, SetAttrField set, SetAttrField now, const Timestamp& value) {
  if (fields.Has(now)) return {0, UTIME_NOW};
  if (fields.Has(set)) return {value.seconds, static_cast<long>(value.nanoseconds)};
  return {0, UTIME_OMIT};
}

bool StartsWith(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

bool IsAcl(std::string_view name) { return name == "system.posix_acl_access" || name == "system.posix_acl_default"; }

// xattr(7) name spaces that a guest may see of a host file. security.* (but file capabilities, which are the guest's business
// on exec) and trusted.* belong to the host.
bool Readable(std::string_view name) {
  return (StartsWith(name, "user.") && name.size() > 5) || IsAcl(name) || name == "security.capability";
}
bool Writable(std::string_view name) { return (StartsWith(name, "user.") && name.size() > 5) || IsAcl(name); }

Result<void> CheckXattrName(std::string_view name) {
  if (name.empty() || name.size() > kMaxXattrName) return Errno::kERANGE;  // setxattr(2)
  if (name.find('\0') != std::string_view::npos) return Errno::kEINVAL;
  return {};
}

Errno RefusedXattr(std::string_view name) {
  return StartsWith(name, "security.") || StartsWith(name, "trusted.") ? Errno::kEPERM : Errno::kEOPNOTSUPP;
}

}  // namespace

Result<AttributesReply> Service::On(const SetAttrRequest& request, UniqueFd&) {
  const Node node = TRY(nodes_.Find(request.node));
  TRY(CheckWritable(node));
  const Mask<SetAttrField> fields = request.fields;
  const FdName name(node.fd);
  const int proc = options_.proc_self_fd.get();

  // Everything that can be refused without touching the file is refused first: a half-done SetAttr helps nobody.
  if (fields.Has(SetAttrField::kMode)) {
    if ((request.mode & ~kPermissionMask) != 0) return Errno::kEINVAL;
    if (node.type == kTypeSymlink) return Errno::kEOPNOTSUPP;
  }
  constexpr uint32_t kNoId = UINT32_MAX;
  if (fields.Has(SetAttrField::kUid) && request.uid == kNoId) return Errno::kEINVAL;
  if (fields.Has(SetAttrField::kGid) && request.gid == kNoId) return Errno::kEINVAL;
  UniqueFd writable;
  if (fields.Has(SetAttrField::kSize)) {
    if (node.type == kTypeDirectory) return Errno::kEISDIR;
    if (node.type != kTypeRegular || request.size > static_cast<uint64_t>(INT64_MAX)) return Errno::kEINVAL;
    writable = TRY(Reopen(node.fd, O_WRONLY));
  }

  if (fields.Has(SetAttrField::kUid) || fields.Has(SetAttrField::kGid)) {
    const uint32_t uid = fields.Has(SetAttrField::kUid) ? request.uid : kNoId;
    const uint32_t gid = fields.Has(SetAttrField::kGid) ? request.gid : kNoId;
    if (fchownat(node.fd, "", uid, gid, AT_EMPTY_PATH) != 0) return LastError();
  }
  if (fields.Has(SetAttrField::kSize)) {
    if (ftruncate(writable.get(), static_cast<off_t>(request.size)) != 0) return LastError();
  }
  // After chown and truncate, which may clear set-id bits that the client wants set.
  if (fields.Has(SetAttrField::kMode)) {
    if (fchmodat(proc, name.c_str(), request.mode, 0) != 0) return LastError();
  }
  const timespec times[2] = {HostTime(fields, SetAttrField::kAtime, SetAttrField::kAtimeNow, request.atime),
                             HostTime(fields, SetAttrField::kMtime, SetAttrField::kMtimeNow, request.mtime)};
  if (times[0].tv_nsec != UTIME_OMIT || times[1].tv_nsec != UTIME_OMIT) {
    if (utimensat(proc, name.c_str(), times, 0) != 0) return LastError();
  }
  AttributesReply reply;
  reply.attributes = TRY(StatFd(node.fd));
  return reply;
}

// The xattr calls take no directory descriptor, and f*xattr refuses O_PATH: the working directory is /proc/self/fd instead.

Result<XattrReply> Service::On(const GetXattrRequest& request, UniqueFd&) {
  const Node node = TRY(nodes_.Find(request.node));
  TRY(CheckXattrName(request.name.data));
  if (!Readable(request.name.data)) return StartsWith(request.name.data, "trusted.") ? Errno::kENODATA : Errno::kEOPNOTSUPP;
  const std::string name(request.name.data);
  const ssize_t n = getxattr(FdName(node.fd).c_str(), name.c_str(), scratch_.get(), kMaxXattrValue);
  if (n < 0) return LastError();
  XattrReply reply;
  reply.value.data = std::string_view(scratch_.get(), static_cast<size_t>(n));
  return reply;
}

Result<EmptyReply> Service::On(const SetXattrRequest& request, UniqueFd&) {
  const Node node = TRY(nodes_.Find(request.node));
  TRY(CheckXattrName(request.name.data));
  TRY(CheckWritable(node));
  if (!Writable(request.name.data)) return RefusedXattr(request.name.data);
  int flags = 0;
  if (request.flags.Has(XattrFlag::kCreate)) flags |= XATTR_CREATE;
  if (request.flags.Has(XattrFlag::kReplace)) flags |= XATTR_REPLACE;
  const std::string name(request.name.data);
  if (setxattr(FdName(node.fd).c_str(), name.c_str(), request.value.data.data(), request.value.data.size(), flags) != 0) {
    return LastError();
  }
  return EmptyReply{};
}

Result<ListXattrReply> Service::On(const ListXattrRequest& request, UniqueFd&) {
  const Node node = TRY(nodes_.Find(request.node));
  const ssize_t n = listxattr(FdName(node.fd).c_str(), scratch_.get(), kMaxXattrList);
  if (n < 0) return LastError();
  // Keep what a guest may read, in place.
  const std::string_view all(scratch_.get(), static_cast<size_t>(n));
  size_t kept = 0;
  for (size_t at = 0; at < all.size();) {
    size_t end = all.find('\0', at);
    if (end == std::string_view::npos) break;
    const std::string_view name = all.substr(at, end - at);
    if (Readable(name)) {
      memmove(scratch_.get() + kept, name.data(), name.size() + 1);
      kept += name.size() + 1;
    }
    at = end + 1;
  }
  ListXattrReply reply;
  reply.names.data = std::string_view(scratch_.get(), kept);
  return reply;
}

Result<EmptyReply> Service::On(const RemoveXattrRequest& request, UniqueFd&) {
  const Node node = TRY(nodes_.Find(request.node));
  TRY(CheckXattrName(request.name.data));
  TRY(CheckWritable(node));
  if (!Writable(request.name.data)) return RefusedXattr(request.name.data);
  const std::string name(request.name.data);
  if (removexattr(FdName(node.fd).c_str(), name.c_str()) != 0) return LastError();
  return EmptyReply{};
}

}  // namespace ringwall::gofer
