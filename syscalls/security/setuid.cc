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

Result<uint32_t> SysGetuid(Task& task) { return task.creds().uid; }
Result<uint32_t> SysGeteuid(Task& task) { return task.creds().euid; }
Result<uint32_t> SysGetgid(Task& task) { return task.creds().gid; }
Result<uint32_t> SysGetegid(Task& task) { return task.creds().egid; }

Result<void> SysSetuid(Task& task, uint32_t uid) {
  return Change(task, [&](cred::Credentials& c) { return c.SetUid(uid); });
}
Result<void> SysSetgid(Task& task, uint32_t gid) {
  return Change(task, [&](cred::Credentials& c) { return c.SetGid(gid); });
}
Result<void> SysSetreuid(Task& task, uint32_t ruid, uint32_t euid) {
  return Change(task, [&](cred::Credentials& c) { return c.SetReUid(ruid, euid); });
}
Result<void> SysSetregid(Task& task, uint32_t rgid, uint32_t egid) {
  return Change(task, [&](cred::Credentials& c) { return c.SetReGid(rgid, egid); });
}
Result<void> SysSetresuid(Task& task, uint32_t ruid, uint32_t euid, uint32_t suid) {
  return Change(task, [&](cred::Credentials& c) { return c.SetResUid(ruid, euid, suid); });
}
Result<void> SysSetresgid(Task& task, uint32_t rgid, uint32_t egid, uint32_t sgid) {
  return Change(task, [&](cred::Credentials& c) { return c.SetResGid(rgid, egid, sgid); });
}

Result<void> SysGetresuid(Task& task, UserOut<uint32_t> ruid, UserOut<uint32_t> euid, UserOut<uint32_t> suid) {
  TRY(ruid.Write(task.memory(), task.creds().uid));
  TRY(euid.Write(task.memory(), task.creds().euid));
  return suid.Write(task.memory(), task.creds().suid);
}
Result<void> SysGetresgid(Task& task, UserOut<uint32_t> rgid, UserOut<uint32_t> egid, UserOut<uint32_t> sgid) {
  TRY(rgid.Write(task.memory(), task.creds().gid));
  TRY(egid.Write(task.memory(), task.creds().egid));
  return sgid.Write(task.memory(), task.creds().sgid);
}

Result<uint32_t> SysSetfsuid(Task& task, uint32_t uid) {
  const uint32_t old = task.creds().fsuid;
  TRY(Change(task, [&](cred::Credentials& c) -> Result<void> {
    c.SetFsUid(uid);
    return {};
  }));
  return old;
}
Result<uint32_t> SysSetfsgid(Task& task, uint32_t gid) {
  const uint32_t old = task.creds().fsgid;
  TRY(Change(task, [&](cred::Credentials& c) -> Result<void> {
    c.SetFsGid(gid);
    return {};
  }));
  return old;
}

Result<int32_t> SysGetgroups(Task& task, int32_t count, UserArray<uint32_t> list) {
  if (count < 0) return Errno::kEINVAL;
  const std::vector<uint32_t>& groups = task.creds().groups;
  if (count != 0) {
    if (static_cast<size_t>(count) < groups.size()) return Errno::kEINVAL;
    TRY(list.Write(task.memory(), groups));
  }
  return static_cast<int32_t>(groups.size());
}

Result<void> SysSetgroups(Task& task, int32_t count, UserArray<uint32_t> list) {
  if (!task.creds().Has(abi::kCAP_SETGID)) return Errno::kEPERM;
  if (count < 0 || count > kNgroupsMax) return Errno::kEINVAL;
  std::vector<uint32_t> groups(static_cast<size_t>(count));
  if (count != 0) TRY(list.Read(task.memory(), absl::MakeSpan(groups)));
  return Change(task, [&](cred::Credentials& c) { return c.SetGroups(std::move(groups)); });
}

}  // namespace ringwall::syscalls
