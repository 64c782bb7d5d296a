// Shared by the ipc calls: the caller's IPC namespace, and ids as the caller's user namespace shows them.
#pragma once

#include "abi/ipc.h"
#include "sentry/cred/credentials.h"
#include "sentry/ipc/namespace.h"
#include "sentry/ns/namespaces.h"
#include "sentry/task/task.h"

namespace ringwall::syscalls {

inline Ref<ipc::IpcNamespace> IpcOf(const task::Task& task) { return ipc::IpcNamespace::Of(*task.namespaces().ipc); }

inline void ShowIds(const task::Task& task, abi::IpcPerm& perm) {
  const cred::UserNamespace& ns = *task.creds().user_ns;
  perm.uid = ns.Show(cred::IdKind::kUid, perm.uid);
  perm.cuid = ns.Show(cred::IdKind::kUid, perm.cuid);
  perm.gid = ns.Show(cred::IdKind::kGid, perm.gid);
  perm.cgid = ns.Show(cred::IdKind::kGid, perm.cgid);
}

// IPC_SET: EINVAL for ids that are not mapped.
inline Result<void> TakeIds(const task::Task& task, abi::IpcPerm& perm) {
  const cred::UserNamespace& ns = *task.creds().user_ns;
  const auto uid = ns.ToKernel(cred::IdKind::kUid, perm.uid);
  const auto gid = ns.ToKernel(cred::IdKind::kGid, perm.gid);
  if (!uid.has_value() || !gid.has_value()) return Errno::kEINVAL;
  perm.uid = *uid;
  perm.gid = *gid;
  return {};
}

}  // namespace ringwall::syscalls
