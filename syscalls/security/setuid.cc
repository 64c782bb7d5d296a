// getuid(2), setuid(2), setreuid(2), setresuid(2), setfsuid(2), getgroups(2) and their group twins. The rules are Credentials'.
#include <algorithm>
#include <utility>
#include <vector>

#include "sentry/cred/credentials.h"
#include "sentry/mm/memory_manager.h"
#include "syscalls/security/security.h"

namespace ringwall::syscalls {
namespace {

constexpr int32_t kNgroupsMax = 65536;

using cred::IdKind;

uint32_t Shown(const Task& task, IdKind kind, uint32_t id) { return task.creds().user_ns->Show(kind, id); }
// Maps are written by others.
Lasting<uint32_t> Own(const Task& task, IdKind kind, uint32_t id) { return {Shown(task, kind, id), task.creds().user_ns->is_initial()}; }
// EINVAL for an id that the caller's user namespace does not know; -1 leaves the field alone where the call allows it.
Result<uint32_t> Given(const Task& task, IdKind kind, uint32_t id, bool may_leave) {
  if (id == ~0u && may_leave) return id;
  const auto kernel_id = task.creds().user_ns->ToKernel(kind, id);
  if (!kernel_id.has_value()) return Errno::kEINVAL;
  return *kernel_id;
}

// Applies `change` to a copy and publishes it when it succeeds.
template <typename F>
Result<void> Change(Task& task, F change) {
  Ref<cred::Credentials> creds = task.creds().Clone();
  TRY(change(*creds));
  // A process whose effective ids change is not dumpable any more (prctl(2), PR_SET_DUMPABLE), and its parent's death no longer reaches it.
  if (creds->euid != task.creds().euid || creds->egid != task.creds().egid || creds->fsuid != task.creds().fsuid ||
      creds->fsgid != task.creds().fsgid) {
    task.mm().dumpable.store(0);
    task.parent_death_signal = 0;
  }
  task.SetCreds(Ref<const cred::Credentials>(std::move(creds)));
  return {};
}

}  // namespace

Result<Lasting<uint32_t>> SysGetuid(Task& task) { return Own(task, IdKind::kUid, task.creds().uid); }
Result<Lasting<uint32_t>> SysGeteuid(Task& task) { return Own(task, IdKind::kUid, task.creds().euid); }
Result<Lasting<uint32_t>> SysGetgid(Task& task) { return Own(task, IdKind::kGid, task.creds().gid); }
Result<Lasting<uint32_t>> SysGetegid(Task& task) { return Own(task, IdKind::kGid, task.creds().egid); }

Result<void> SysSetuid(Task& task, uint32_t uid) {
  const uint32_t id = TRY(Given(task, IdKind::kUid, uid, false));
  return Change(task, [&](cred::Credentials& c) { return c.SetUid(id); });
}
Result<void> SysSetgid(Task& task, uint32_t gid) {
  const uint32_t id = TRY(Given(task, IdKind::kGid, gid, false));
  return Change(task, [&](cred::Credentials& c) { return c.SetGid(id); });
}
Result<void> SysSetreuid(Task& task, uint32_t ruid, uint32_t euid) {
  ruid = TRY(Given(task, IdKind::kUid, ruid, true));
  euid = TRY(Given(task, IdKind::kUid, euid, true));
  return Change(task, [&](cred::Credentials& c) { return c.SetReUid(ruid, euid); });
}
Result<void> SysSetregid(Task& task, uint32_t rgid, uint32_t egid) {
  rgid = TRY(Given(task, IdKind::kGid, rgid, true));
  egid = TRY(Given(task, IdKind::kGid, egid, true));
  return Change(task, [&](cred::Credentials& c) { return c.SetReGid(rgid, egid); });
}
Result<void> SysSetresuid(Task& task, uint32_t ruid, uint32_t euid, uint32_t suid) {
  ruid = TRY(Given(task, IdKind::kUid, ruid, true));
  euid = TRY(Given(task, IdKind::kUid, euid, true));
  suid = TRY(Given(task, IdKind::kUid, suid, true));
  return Change(task, [&](cred::Credentials& c) { return c.SetResUid(ruid, euid, suid); });
}
Result<void> SysSetresgid(Task& task, uint32_t rgid, uint32_t egid, uint32_t sgid) {
  rgid = TRY(Given(task, IdKind::kGid, rgid, true));
  egid = TRY(Given(task, IdKind::kGid, egid, true));
  sgid = TRY(Given(task, IdKind::kGid, sgid, true));
  return Change(task, [&](cred::Credentials& c) { return c.SetResGid(rgid, egid, sgid); });
}

Result<void> SysGetresuid(Task& task, UserOut<uint32_t> ruid, UserOut<uint32_t> euid, UserOut<uint32_t> suid) {
  TRY(ruid.Write(task.memory(), Shown(task, IdKind::kUid, task.creds().uid)));
  TRY(euid.Write(task.memory(), Shown(task, IdKind::kUid, task.creds().euid)));
  return suid.Write(task.memory(), Shown(task, IdKind::kUid, task.creds().suid));
}
Result<void> SysGetresgid(Task& task, UserOut<uint32_t> rgid, UserOut<uint32_t> egid, UserOut<uint32_t> sgid) {
  TRY(rgid.Write(task.memory(), Shown(task, IdKind::kGid, task.creds().gid)));
  TRY(egid.Write(task.memory(), Shown(task, IdKind::kGid, task.creds().egid)));
  return sgid.Write(task.memory(), Shown(task, IdKind::kGid, task.creds().sgid));
}

Result<uint32_t> SysSetfsuid(Task& task, uint32_t uid) {
  const uint32_t old = Shown(task, IdKind::kUid, task.creds().fsuid);
  const auto id = Given(task, IdKind::kUid, uid, false);
  if (!id.ok()) return old;
  TRY(Change(task, [&](cred::Credentials& c) -> Result<void> {
    c.SetFsUid(*id);
    return {};
  }));
  return old;
}
Result<uint32_t> SysSetfsgid(Task& task, uint32_t gid) {
  const uint32_t old = Shown(task, IdKind::kGid, task.creds().fsgid);
  const auto id = Given(task, IdKind::kGid, gid, false);
  if (!id.ok()) return old;
  TRY(Change(task, [&](cred::Credentials& c) -> Result<void> {
    c.SetFsGid(*id);
    return {};
  }));
  return old;
}

Result<int32_t> SysGetgroups(Task& task, int32_t count, UserArray<uint32_t> list) {
  if (count < 0) return Errno::kEINVAL;
  const std::vector<uint32_t>& groups = task.creds().groups;
  if (count != 0) {
    if (static_cast<size_t>(count) < groups.size()) return Errno::kEINVAL;
    std::vector<uint32_t> shown = groups;
    for (uint32_t& group : shown) group = Shown(task, IdKind::kGid, group);
    TRY(list.Write(task.memory(), shown));
  }
  return static_cast<int32_t>(groups.size());
}

Result<void> SysSetgroups(Task& task, int32_t count, UserArray<uint32_t> list) {
  if (!task.creds().HasInOwn(abi::kCAP_SETGID) || !task.creds().user_ns->MaySetGroups()) return Errno::kEPERM;
  if (count < 0 || count > kNgroupsMax) return Errno::kEINVAL;
  std::vector<uint32_t> groups(static_cast<size_t>(count));
  if (count != 0) TRY(list.Read(task.memory(), absl::MakeSpan(groups)));
  for (uint32_t& group : groups) group = TRY(Given(task, IdKind::kGid, group, false));
  return Change(task, [&](cred::Credentials& c) { return c.SetGroups(std::move(groups)); });
}

}  // namespace ringwall::syscalls
