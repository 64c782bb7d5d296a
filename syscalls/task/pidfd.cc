// pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2).
#include "sentry/fs/anon/pidfd.h"
#include "abi/clone.h"
#include "abi/fcntl.h"
#include "abi/signal.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/proc/proc.h"
#include "sentry/task/clone.h"
#include "sentry/task/ptrace_access.h"
#include "sentry/task/signals.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {
namespace {

// The process that a pidfd stands for, not a later one with its number. EBADF, ESRCH.
Result<Ref<task::ThreadGroup>> ProcessOf(Task& task, vfs::File& file) {
  const int32_t pid = TRY(anon::PidOfPidfd(file));
  RefPtr<task::ThreadGroup> group = task.thread_group().pids().FindGroup(pid);
  if (!group || static_cast<RefCounted*>(group.get()) != &file.As<anon::PidfdFile>()->process()) return Errno::kESRCH;
  return std::move(group).ToRef();
}

// The same, or that of an open /proc/PID: before pidfd_open(2) came, those were the only ones.
Result<Ref<task::ThreadGroup>> Target(Task& task, vfs::File& file) {
  RefPtr<task::ThreadGroup> named = proc::ProcessOf(file);
  if (!named) return ProcessOf(task, file);
  if (task.thread_group().pids().FindGroup(named->pid()).get() != named.get()) return Errno::kESRCH;
  return std::move(named).ToRef();
}

}  // namespace

Result<Fd> SysPidfdOpen(Task& task, int32_t pid, RawFlags flags) {
  if ((flags.value & ~abi::kPIDFD_NONBLOCK) != 0 || pid <= 0) return Errno::kEINVAL;
  const int32_t id = task.ToKernelPid(pid);
  const RefPtr<task::ThreadGroup> group = task.thread_group().pids().FindGroup(id);
  if (!group) return task.thread_group().pids().FindTask(id) ? Errno::kEINVAL : Errno::kESRCH;
  Ref<vfs::File> file = TRY(task::MakePidfd(task, group.ToRef(), flags.value));
  return task.fds().Add(std::move(file), {.cloexec = true}, task.Limit(abi::kRLIMIT_NOFILE));
}

Result<void> SysPidfdSendSignal(Task& task, Fd pidfd, int32_t signo, UserIn<abi::SigInfo> info, RawFlags flags) {
  constexpr uint32_t kScopes = abi::kPIDFD_SIGNAL_THREAD | abi::kPIDFD_SIGNAL_THREAD_GROUP | abi::kPIDFD_SIGNAL_PROCESS_GROUP;
  if ((flags.value & ~kScopes) != 0 || (flags.value & (flags.value - 1)) != 0) return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(pidfd));
  const Ref<task::ThreadGroup> group = TRY(Target(task, file));
  abi::SigInfo sent = task::InfoFrom(task, signo, abi::kSI_USER);
  if (!info.is_null()) {
    sent = TRY(info.Read(task.memory()));
    if (sent.si_signo != signo) return Errno::kEINVAL;
    sent.pad0_ = 0;
    if ((sent.si_code >= 0 || sent.si_code == abi::kSI_TKILL) && group.get() != &task.thread_group()) return Errno::kEPERM;
  }
  TRY(task::MaySignal(task, *group, signo));
  // Differs from Linux 6.9: no PIDFD_SIGNAL_PROCESS_GROUP.
  if (flags.value == abi::kPIDFD_SIGNAL_PROCESS_GROUP) return Errno::kEINVAL;
  if (signo == 0) return {};
  if (flags.value != abi::kPIDFD_SIGNAL_THREAD) return group->SendSignal(sent);
  const RefPtr<Task> thread = task.thread_group().pids().FindTask(group->pid());
  if (!thread) return Errno::kESRCH;
  if (info.is_null()) sent.si_code = abi::kSI_TKILL;
  return thread->SendSignal(sent);
}

Result<Fd> SysPidfdGetfd(Task& task, Fd pidfd, Fd target, RawFlags flags) {
  if (flags.value != 0) return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(task.fds().Get(pidfd));
  const Ref<task::ThreadGroup> group = TRY(ProcessOf(task, *file));
  const RefPtr<Task> other = task.thread_group().pids().FindTask(group->pid());
  if (!other) return Errno::kESRCH;
  TRY(task::CheckPtraceAccess(task, *other, task::PtraceCreds::kReal));
  const RefPtr<vfs::FdTable> table = other->ShareFds();
  if (!table) return Errno::kESRCH;
  Ref<vfs::File> wanted = TRY(table->Get(target));
  return task.fds().Add(std::move(wanted), {.cloexec = true}, task.Limit(abi::kRLIMIT_NOFILE));
}

}  // namespace ringwall::syscalls
