// New namespaces for a child or for the caller itself (clone(2), unshare(2)), and entering those of others (setns(2)).
#pragma once

#include <cstdint>
#include <vector>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/cred/credentials.h"
#include "sentry/ns/namespaces.h"

namespace ringwall::task {
class Task;
}
namespace ringwall::vfs {
class FsContext;
class MountNamespace;
}  // namespace ringwall::vfs

namespace ringwall::ns {

// What a task gets with the namespaces that CLONE_NEW* flags ask for.
struct Inherited {
  Ref<const cred::Credentials> creds;
  Ref<const Namespaces> namespaces;
  RefPtr<vfs::FsContext> fs;  // null: the same mount namespace
};
// For a child of `task`. EPERM, ENOSPC.
Result<Inherited> Inherit(task::Task& task, uint64_t new_flags);
// unshare(2)'s namespaces; the rules on threads are the caller's. EPERM, ENOSPC, EINVAL.
Result<void> Unshare(task::Task& task, uint64_t new_flags);

// setns(2): all or nothing. `targets` in any order, at most one of each kind.
Result<void> Enter(task::Task& task, const std::vector<Ref<cred::Namespace>>& targets);

// The pid namespace that `task` itself is in.
Ref<PidNamespace> PidNamespaceOf(const task::Task& task);
// Whether its children go to another one than its own (after unshare(2) or setns(2) with CLONE_NEWPID).
bool ChildrenBornElsewhere(const task::Task& task);
// clone3(2), set_tid: CAP_CHECKPOINT_RESTORE (or CAP_SYS_ADMIN) over each of the namespaces. EPERM, EINVAL.
Result<void> MayChoosePids(const cred::Credentials& creds, const PidNamespace& innermost, size_t levels);
// Whether the task's root is another place than its mount namespace's.
bool IsChrooted(const vfs::FsContext& fs);

}  // namespace ringwall::ns
