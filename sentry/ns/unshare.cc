// clone(2), unshare(2) and setns(2): the rules of namespaces(7) and of each kind's page.
#include "sentry/ns/unshare.h"

#include <utility>

#include "abi/capability.h"
#include "abi/clone.h"
#include "sentry/kernel/kernel.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/path_walk.h"

namespace ringwall::ns {

using cred::Credentials;
using cred::UserNamespace;

Ref<PidNamespace> PidNamespaceOf(const task::Task& task) {
  if (PidNamespace* own = task.thread_group().pid_ns()) return Ref<PidNamespace>(*own);
  return task.kernel().initial_namespaces()->pid_for_children;
}

bool ChildrenBornElsewhere(const task::Task& task) {
  const PidNamespace& next = task.namespaces().pid_for_children;
  const PidNamespace* own = task.thread_group().pid_ns();
  return own == nullptr ? !next.is_initial() : own != &next;
}

bool IsChrooted(const vfs::FsContext& fs) {
  const Ref<vfs::MountNamespace>& ns = fs.mount_ns();
  const vfs::Path root = fs.root();
  // The namespace's root and whatever was mounted on top of it.
  vfs::Path at{RefPtr<vfs::Mount>(ns->root()), nullptr};
  for (;;) {
    at.dentry = RefPtr<vfs::Dentry>(at.mount->root());
    if (at == root) return false;
    RefPtr<vfs::Mount> on_top = ns->MountedAt(at);
    if (!on_top) return true;
    at.mount = std::move(on_top);
  }
}

Result<void> MayChoosePids(const Credentials& creds, const PidNamespace& innermost, size_t levels) {
  if (levels > static_cast<size_t>(innermost.level()) + 1) return Errno::kEINVAL;
  const PidNamespace* ns = &innermost;
  for (size_t i = 0; i < levels && ns != nullptr; ++i, ns = ns->parent()) {
    if (!creds.HasIn(*ns->owner(), abi::kCAP_CHECKPOINT_RESTORE) && !creds.HasIn(*ns->owner(), abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
  }
  return {};
}

Result<Inherited> Inherit(task::Task& task, uint64_t new_flags) {
  Inherited out{task.ShareCreds().ToRef(), task.ShareNamespaces().ToRef(), nullptr};
  const bool new_time = out.namespaces->time.get() != out.namespaces->time_for_children.get();
  if (new_flags == 0 && !new_time) return out;
  if ((new_flags & abi::kCLONE_NEWUSER) != 0) {
    Ref<UserNamespace> user = TRY(UserNamespace::Create(*out.creds, IsChrooted(task.fs())));
    Ref<Credentials> creds = out.creds->Clone();
    creds->EnterUserNamespace(std::move(user));
    out.creds = Ref<const Credentials>(std::move(creds));
  }
  const uint64_t others = new_flags & ~abi::kCLONE_NEWUSER;
  const Ref<UserNamespace>& owner = out.creds->user_ns;
  if (others != 0 && !out.creds->HasIn(*owner, abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
  if (others != 0 || new_time) {
    Ref<Namespaces> namespaces = out.namespaces->Clone();
    TRY(namespaces->MakeNew(others, owner));
    // Children live in it from birth (time_namespaces(7)).
    namespaces->time = namespaces->time_for_children;
    out.namespaces = Ref<const Namespaces>(std::move(namespaces));
  }
  if ((others & abi::kCLONE_NEWNS) != 0) {
    vfs::Path root = task.fs().root(), cwd = task.fs().cwd();
    Ref<vfs::MountNamespace> mounts = TRY(task.fs().mount_ns()->Copy(owner, {&root, &cwd}));
    out.fs = MakeRef<vfs::FsContext>(std::move(mounts), std::move(root), std::move(cwd), task.fs().umask());
  }
  return out;
}

Result<void> Unshare(task::Task& task, uint64_t new_flags) {
  const Ref<const Namespaces> before = task.ShareNamespaces().ToRef();
  Inherited made = TRY(Inherit(task, new_flags));
  if (made.namespaces->time.get() != before->time.get()) {
    // The caller itself stays where it is.
    Ref<Namespaces> namespaces = made.namespaces->Clone();
    namespaces->time = before->time;
    made.namespaces = Ref<const Namespaces>(std::move(namespaces));
  }
  if (made.fs) task.SetFs(made.fs.ToRef());
  task.SetNamespaces(made.namespaces);
  task.SetCreds(made.creds);
  return {};
}

Result<void> Enter(task::Task& task, const std::vector<Ref<cred::Namespace>>& targets) {
  Ref<Credentials> creds = task.creds().Clone();
  Ref<Namespaces> namespaces = task.namespaces().Clone();
  RefPtr<vfs::FsContext> fs;
  const bool several_threads = task.thread_group().pids().ThreadsOf(task.thread_group()).size() > 1;

  // The user namespace comes first: its capabilities open the others.
  for (const Ref<cred::Namespace>& target : targets) {
    if (target->kind() != abi::kCLONE_NEWUSER) continue;
    auto& user = static_cast<UserNamespace&>(*target);
    if (&user == creds->user_ns.get()) return Errno::kEINVAL;
    if (several_threads || task.fs().ref_count() > 1) return Errno::kEINVAL;
    if (!creds->HasIn(user, abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
    creds->EnterUserNamespace(Ref<UserNamespace>(user));
  }
  for (const Ref<cred::Namespace>& target : targets) {
    if (target->kind() == abi::kCLONE_NEWUSER) continue;
    if (!creds->HasIn(*target->owner(), abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
    if (!creds->HasInOwn(abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
    switch (target->kind()) {
      case abi::kCLONE_NEWNS: {
        if (!creds->HasInOwn(abi::kCAP_SYS_CHROOT)) return Errno::kEPERM;
        if (task.fs().ref_count() > 1) return Errno::kEINVAL;
        const Ref<vfs::MountNamespace> mounts(static_cast<vfs::MountNamespace&>(*target));
        vfs::Path top{RefPtr<vfs::Mount>(mounts->root()), RefPtr<vfs::Dentry>(mounts->root()->root())};
        while (RefPtr<vfs::Mount> over = mounts->MountedAt(top)) top = vfs::Path{over, RefPtr<vfs::Dentry>(over->root())};
        fs = MakeRef<vfs::FsContext>(mounts, top, top, task.fs().umask());
        break;
      }
      case abi::kCLONE_NEWPID: {
        auto& pid = static_cast<PidNamespace&>(*target);
        // Only down (pid_namespaces(7), "Setns(2) and unshare(2) semantics").
        if (!PidNamespaceOf(task)->Contains(pid)) return Errno::kEINVAL;
        namespaces->pid_for_children = Ref<PidNamespace>(pid);
        break;
      }
      case abi::kCLONE_NEWTIME:
        if (several_threads) return Errno::kEUSERS;
        namespaces->time = namespaces->time_for_children = target;
        break;
      case abi::kCLONE_NEWUTS: namespaces->uts = Ref<UtsNamespace>(static_cast<UtsNamespace&>(*target)); break;
      case abi::kCLONE_NEWIPC: namespaces->ipc = target; break;
      case abi::kCLONE_NEWNET: namespaces->net = target; break;
      case abi::kCLONE_NEWCGROUP: namespaces->cgroup = target; break;
      default: return Errno::kEINVAL;
    }
  }
  if (fs) task.SetFs(std::move(fs).ToRef());
  task.SetNamespaces(Ref<const Namespaces>(std::move(namespaces)));
  task.SetCreds(Ref<const Credentials>(std::move(creds)));
  return {};
}

}  // namespace ringwall::ns
