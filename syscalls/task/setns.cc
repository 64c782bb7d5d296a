// setns(2).
#include <utility>
#include <vector>

#include "abi/clone.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/anon/pidfd.h"
#include "sentry/ns/nsfs.h"
#include "sentry/ns/unshare.h"
#include "sentry/task/ptrace_access.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/path_walk.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {
namespace {

constexpr uint64_t kNamespaces = abi::kCLONE_NEWNS | abi::kCLONE_NEWCGROUP | abi::kCLONE_NEWUTS | abi::kCLONE_NEWIPC | abi::kCLONE_NEWUSER |
                                 abi::kCLONE_NEWPID | abi::kCLONE_NEWNET | abi::kCLONE_NEWTIME;

// The namespaces of `kinds` that a process is in.
Result<std::vector<Ref<cred::Namespace>>> NamespacesOf(Task& task, int32_t pid, uint64_t kinds) {
  const RefPtr<Task> target = task.thread_group().pids().FindTask(pid);
  if (!target) return Errno::kESRCH;
  TRY(task::CheckPtraceAccess(task, *target, task::PtraceCreds::kReal));
  const RefPtr<vfs::FsContext> fs = target->ShareFs();
  const RefPtr<const cred::Credentials> creds = target->ShareCreds();
  const RefPtr<const ns::Namespaces> set = target->ShareNamespaces();
  if (!fs || !creds || !set) return Errno::kESRCH;
  std::vector<Ref<cred::Namespace>> out;
  const auto add = [&](uint64_t kind, Ref<cred::Namespace> ns) {
    if ((kinds & kind) != 0) out.push_back(std::move(ns));
  };
  // Its own user namespace again is no change here, where the file would be EINVAL.
  if (creds->user_ns.get() != task.creds().user_ns.get())
    add(abi::kCLONE_NEWUSER, creds->user_ns);
  else if ((kinds & abi::kCLONE_NEWUSER) != 0)
    return Errno::kEINVAL;
  add(abi::kCLONE_NEWNS, Ref<cred::Namespace>(fs->mount_ns()));
  add(abi::kCLONE_NEWUTS, Ref<cred::Namespace>(set->uts));
  add(abi::kCLONE_NEWIPC, set->ipc);
  add(abi::kCLONE_NEWPID, Ref<cred::Namespace>(ns::PidNamespaceOf(*target)));
  add(abi::kCLONE_NEWNET, set->net);
  add(abi::kCLONE_NEWCGROUP, set->cgroup);
  add(abi::kCLONE_NEWTIME, set->time);
  return out;
}

}  // namespace

Result<void> SysSetns(Task& task, Fd fd, RawFlags type) {
  const Ref<vfs::File> file = TRY(task.fds().Get(fd));
  if (file->kind() == vfs::FileKind::kPidfd) {
    if (type.value == 0 || (type.value & ~kNamespaces) != 0) return Errno::kEINVAL;
    const int32_t pid = TRY(anon::PidOfPidfd(*file));
    const std::vector<Ref<cred::Namespace>> targets = TRY(NamespacesOf(task, pid, type.value));
    return ns::Enter(task, targets);
  }
  Ref<cred::Namespace> target = TRY(ns::NamespaceOf(*file));
  if (type.value != 0 && type.value != target->kind()) return Errno::kEINVAL;
  std::vector<Ref<cred::Namespace>> targets;
  targets.push_back(std::move(target));
  return ns::Enter(task, targets);
}

}  // namespace ringwall::syscalls
