// ipc_namespaces(7).
#include "sentry/ipc/namespace.h"

#include <utility>

namespace ringwall::ipc {

IpcNamespace::IpcNamespace()
    : mqueues(mqueue::MqueueFs::Create()),
      mqueue_mount(vfs::Mount::OfFileSystem(mqueues, {.no_suid = true, .no_dev = true, .no_exec = true}, "mqueue")) {}

Ref<IpcNamespace> IpcNamespace::Of(cred::Namespace& ns) {
  Ref<RefCounted> state = ns.AttachOnce([](cred::Namespace&) -> Ref<RefCounted> { return MakeRef<IpcNamespace>(); });
  return Ref<IpcNamespace>(static_cast<IpcNamespace*>(state.Leak()), Ref<IpcNamespace>::AdoptTag{});
}

}  // namespace ringwall::ipc
