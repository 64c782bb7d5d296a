// ptrace(2), "Ptrace access mode checking": ids, dumpability, capabilities.
#include "sentry/task/ptrace_access.h"

#include "abi/capability.h"
#include "abi/prctl.h"
#include "sentry/cred/credentials.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/task/task.h"

namespace ringwall::task {

Result<void> CheckPtraceAccess(Task& caller, const Task& target, PtraceCreds which) {
  if (&caller.thread_group() == &target.thread_group()) return {};
  const cred::Credentials& mine = caller.creds();
  const RefPtr<const cred::Credentials> theirs = target.ShareCreds();
  if (!theirs) return mine.Has(abi::kCAP_SYS_PTRACE) ? Result<void>() : Errno::kEPERM;
  if (mine.HasIn(*theirs->user_ns, abi::kCAP_SYS_PTRACE)) return {};
  const uint32_t uid = which == PtraceCreds::kReal ? mine.uid : mine.fsuid;
  const uint32_t gid = which == PtraceCreds::kReal ? mine.gid : mine.fsgid;
  if (uid != theirs->uid || uid != theirs->euid || uid != theirs->suid) return Errno::kEPERM;
  if (gid != theirs->gid || gid != theirs->egid || gid != theirs->sgid) return Errno::kEPERM;
  if (const RefPtr<mm::MemoryManager> mm = target.ShareMm(); mm && mm->dumpable.load() != abi::kSUID_DUMP_USER) return Errno::kEPERM;
  // A caller without the target's capabilities could gain them by looking.
  const auto own = which == PtraceCreds::kReal ? mine.permitted : mine.effective;
  if (theirs->user_ns.get() != mine.user_ns.get() || (theirs->permitted & ~own) != 0) return Errno::kEPERM;
  return {};
}

}  // namespace ringwall::task
