// sysvipc(7): who may use and control an object.
#include "sentry/ipc/object.h"

#include "abi/capability.h"
#include "sentry/cred/credentials.h"
#include "sentry/cred/namespace.h"

namespace ringwall::ipc {

namespace {

// Over the IPC namespace that the caller sees the object in (capabilities(7)).
bool HasInIpc(Context& ctx, int capability) {
  const cred::Namespace* ns = ctx.ipc_ns();
  return ns == nullptr ? ctx.creds().Has(capability) : ctx.creds().HasIn(*ns->owner(), capability);
}

}  // namespace

Object::Object(Context& ctx, int32_t key, int32_t flags) : key_(key) {
  const cred::Credentials& creds = ctx.creds();
  permissions.uid = permissions.cuid = creds.euid;
  permissions.gid = permissions.cgid = creds.egid;
  permissions.mode = static_cast<uint32_t>(flags) & 0777;
  change_time = ctx.Now().tv_sec;
}

Result<void> Object::MayAccess(Context& ctx, uint32_t access) const {
  const cred::Credentials& creds = ctx.creds();
  // What any of the three classes asks for is asked for.
  const uint32_t wanted = (access >> 6 | access >> 3 | access) & 7;
  uint32_t granted = permissions.mode;
  if (creds.euid == permissions.cuid || creds.euid == permissions.uid) {
    granted >>= 6;
  } else if (creds.InGroup(permissions.cgid) || creds.InGroup(permissions.gid)) {
    granted >>= 3;
  }
  if ((wanted & ~granted) != 0 && !HasInIpc(ctx, abi::kCAP_IPC_OWNER)) return Errno::kEACCES;
  return {};
}

Result<void> Object::MayControl(Context& ctx) const {
  const cred::Credentials& creds = ctx.creds();
  if (creds.euid == permissions.cuid || creds.euid == permissions.uid || HasInIpc(ctx, abi::kCAP_SYS_ADMIN)) return {};
  return Errno::kEPERM;
}

void Object::SetOwner(uint32_t uid, uint32_t gid, uint32_t mode) {
  permissions.uid = uid;
  permissions.gid = gid;
  permissions.mode = (permissions.mode & ~0777u) | (mode & 0777);
}

abi::IpcPerm Object::DescribePermissions() const {
  abi::IpcPerm perm;
  perm.key = key();
  perm.uid = permissions.uid;
  perm.gid = permissions.gid;
  perm.cuid = permissions.cuid;
  perm.cgid = permissions.cgid;
  perm.mode = permissions.mode;
  perm.seq = static_cast<uint16_t>(id_ / 32768);
  return perm;
}

}  // namespace ringwall::ipc
