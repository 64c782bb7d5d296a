// ptrace(2), "Ptrace access mode checking": ids, dumpability, capabilities.
#include "sentry/task/ptrace_access.h"

#include "abi/capability.h"
#include "abi/prctl.h"
#include "sentry/cred/credentials.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/task/executable.h"
#include "sentry/task/task.h"

namespace ringwall::task {

Result<void> CheckPtraceAccess(Task& caller, const Task& target, PtraceCreds which) {
  if (&caller.thread_group() == &target.thread_group()) return {};
  const cred::Credentials& mine = caller.creds();
  const RefPtr<const cred::Credentials> theirs = target.ShareCreds();
  if (!theirs) return mine.Has(abi::kCAP_SYS_PTRACE) ? Result<void>() : Errno::kEPERM;
  const bool privileged = mine.HasIn(*theirs->user_ns, abi::kCAP_SYS_PTRACE);
  const uint32_t uid = which == PtraceCreds::kReal ? mine.uid : mine.fsuid;
  const uint32_t gid = which == PtraceCreds::kReal ? mine.gid : mine.fsgid;
  const bool same =
      uid == theirs->uid && uid == theirs->euid && uid == theirs->suid && gid == theirs->gid && gid == theirs->egid && gid == theirs->sgid;
  if (!same && !privileged) return Errno::kEPERM;
  // What is not dumpable belongs to the user namespace in which it was executed.
  if (const RefPtr<mm::MemoryManager> mm = target.ShareMm(); mm && mm->dumpable.load() != abi::kSUID_DUMP_USER) {
    const RefPtr<RefCounted> executable = mm->executable();
    const auto* image = static_cast<const Executable*>(executable.get());
    if (image != nullptr ? !mine.HasIn(image->user_ns(), abi::kCAP_SYS_PTRACE) : !privileged) return Errno::kEPERM;
  }
  if (privileged) return {};
  // A caller without the target's capabilities could gain them by looking.
  const auto own = which == PtraceCreds::kReal ? mine.permitted : mine.effective;
  if (theirs->user_ns.get() != mine.user_ns.get() || (theirs->permitted & ~own) != 0) return Errno::kEPERM;
  return {};
}

}  // namespace ringwall::task
