// process_madvise(2), process_mrelease(2).
#include "abi/mman.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/anon/pidfd.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/task/ptrace_access.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/mm/mm.h"

namespace ringwall::syscalls {
namespace {

Result<Ref<task::ThreadGroup>> ProcessOf(Task& task, Fd pidfd) {
  const Ref<vfs::File> file = TRY(task.fds().Get(pidfd));
  const int32_t pid = TRY(anon::PidOfPidfd(*file));
  RefPtr<task::ThreadGroup> group = task.thread_group().pids().FindGroup(pid);
  if (!group) return Errno::kESRCH;
  return std::move(group).ToRef();
}

}  // namespace

Result<int64_t> SysProcessMadvise(Task& task, Fd pidfd, UserIovecs iov, uint64_t count, int32_t advice, uint32_t flags) {
  if (flags != 0) return Errno::kEINVAL;
  const mm::IovecList segments = TRY(mm::ReadIovecs(task.memory(), iov.address, count));
  const Ref<task::ThreadGroup> group = TRY(ProcessOf(task, pidfd));
  const RefPtr<Task> target = task.thread_group().pids().FindTask(group->pid());
  if (!target) return Errno::kESRCH;
  const RefPtr<mm::MemoryManager> memory = target->ShareMm();
  if (!memory) return Errno::kESRCH;
  const bool own = memory.get() == &task.mm();
  switch (advice) {
    case abi::kMADV_WILLNEED:
    case abi::kMADV_COLD:
    case abi::kMADV_PAGEOUT: break;
    default:
      // The rest changes what the memory holds: only one's own.
      if (!own) return Errno::kEINVAL;
  }
  if (!own) {
    TRY(task::CheckPtraceAccess(task, *target, task::PtraceCreds::kReal));
    if (!task.creds().Has(abi::kCAP_SYS_NICE)) return Errno::kEPERM;
  }
  uint64_t advised = 0;
  for (const abi::Iovec& segment : segments) {
    Result<void> done;
    if (own) {
      done = memory->Madvise(segment.iov_base, segment.iov_len, advice, &task.thread());
    } else if (segment.iov_base % platform::kPageSize != 0) {
      done = Errno::kEINVAL;
    } else if (segment.iov_len != 0 && memory->FindVma(segment.iov_base) == nullptr) {
      // Hints about another's memory are taken, and change nothing here.
      done = Errno::kENOMEM;
    }
    if (!done.ok()) {
      if (advised != 0) break;
      return done.error();
    }
    advised += segment.iov_len;
  }
  return static_cast<int64_t>(advised);
}

Result<void> SysProcessMrelease(Task& task, Fd pidfd, uint32_t flags) {
  if (flags != 0) return Errno::kEINVAL;
  const Ref<task::ThreadGroup> group = TRY(ProcessOf(task, pidfd));
  // A process that is being killed gives its memory back by itself, soon.
  if (!group->group_exiting()) return Errno::kEINVAL;
  return {};
}

}  // namespace ringwall::syscalls
