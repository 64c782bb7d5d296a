// An IPC namespace (ipc_namespaces(7)): System V objects, and the file system of POSIX message queues.
#pragma once

#include "base/ref/ref.h"
#include "sentry/cred/namespace.h"
#include "sentry/fs/mqueue/mqueue_fs.h"
#include "sentry/ipc/msg.h"
#include "sentry/ipc/sem.h"
#include "sentry/ipc/shm.h"
#include "sentry/vfs/mount.h"

namespace ringwall::ipc {

class IpcNamespace final : public RefCounted {
 public:
  // The state of this namespace, made at first use.
  static Ref<IpcNamespace> Of(cred::Namespace& ns);
  IpcNamespace();

  ShmTable shm;
  SemTable sem;
  MsgTable msg;
  const Ref<mqueue::MqueueFs> mqueues;
  const Ref<vfs::Mount> mqueue_mount;  // the kernel's own: keeps the tree
};

}  // namespace ringwall::ipc
