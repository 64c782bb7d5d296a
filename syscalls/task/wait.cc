// wait4(2), waitid(2).
#include "abi/wait.h"
#include "sentry/fs/anon/pidfd.h"
#include "sentry/task/wait.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/task/rusage.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {

Result<int32_t> SysWait4(Task& task, int32_t pid, UserOut<int32_t> status, RawFlags options, UserOut<abi::Rusage> usage) {
  constexpr uint32_t kKnown = abi::kWNOHANG | abi::kWUNTRACED | abi::kWCONTINUED | abi::k__WNOTHREAD | abi::k__WALL | abi::k__WCLONE;
  if ((options.value & ~kKnown) != 0) return Errno::kEINVAL;
  if (pid == INT32_MIN) return Errno::kESRCH;
  task::WaitRequest request{.options = options.value | abi::kWEXITED};
  if (pid < -1) {
    request.id_type = abi::kP_PGID;
    request.id = -pid;
  } else if (pid == -1) {
    request.id_type = abi::kP_ALL;
  } else if (pid == 0) {
    request.id_type = abi::kP_PGID;  // id 0: the caller's group
  } else {
    request.id_type = abi::kP_PID;
    request.id = pid;
  }
  const task::WaitResult result = TRY(task::Wait(task, request));
  if (result.pid == 0) return 0;
  TRY(status.WriteIfSet(task.memory(), result.status));
  TRY(usage.WriteIfSet(task.memory(), ToRusage(result.usage)));
  return result.pid;
}

namespace {

Result<void> Waitid(Task& task, int32_t id_type, int32_t id, UserOut<abi::SigInfo> info, RawFlags options, UserOut<abi::Rusage> usage) {
  constexpr uint32_t kKnown =
      abi::kWNOHANG | abi::kWNOWAIT | abi::kWEXITED | abi::kWSTOPPED | abi::kWCONTINUED | abi::k__WNOTHREAD | abi::k__WALL | abi::k__WCLONE;
  if ((options.value & ~kKnown) != 0 || (options.value & (abi::kWEXITED | abi::kWSTOPPED | abi::kWCONTINUED)) == 0) return Errno::kEINVAL;
  task::WaitRequest request{.id_type = id_type, .id = id, .options = options.value};
  switch (id_type) {
    case abi::kP_ALL: break;
    case abi::kP_PID:
      if (id <= 0) return Errno::kEINVAL;
      break;
    case abi::kP_PGID:
      if (id < 0) return Errno::kEINVAL;
      break;
    case abi::kP_PIDFD: {
      if (id < 0) return Errno::kEINVAL;
      const Ref<vfs::File> file = TRY(task.fds().Get(Fd{id}));
      request.id = TRY(anon::PidOfPidfd(*file));
      request.id_type = abi::kP_PID;
      request.kernel_id = true;
      if (file->nonblocking()) request.options |= abi::kWNOHANG;
      break;
    }
    default: return Errno::kEINVAL;
  }
  const task::WaitResult result = TRY(task::Wait(task, request));
  if (result.pid == 0 && (options.value & abi::kWNOHANG) == 0) return Errno::kEAGAIN;  // a non-blocking pidfd
  abi::SigInfo out{};
  if (result.pid != 0) {
    out.si_signo = abi::kSIGCHLD;
    abi::SigInfo::Child child{.pid = result.pid, .uid = result.uid};
    if (result.trapped) {
      out.si_code = result.stop_cld;
      child.status = result.stop_code;
    } else if (result.status == abi::kContinuedStatus) {
      out.si_code = abi::kCLD_CONTINUED;
      child.status = abi::kSIGCONT;
    } else if (abi::StatusStopped(result.status)) {
      out.si_code = abi::kCLD_STOPPED;
      child.status = abi::StatusStopSignal(result.status);
    } else if (abi::StatusExited(result.status)) {
      out.si_code = abi::kCLD_EXITED;
      child.status = abi::StatusExitCode(result.status);
    } else {
      out.si_code = (result.status & 0x80) != 0 ? abi::kCLD_DUMPED : abi::kCLD_KILLED;
      child.status = abi::StatusTermSignal(result.status);
    }
    out.Set(child);
  }
  TRY(info.WriteIfSet(task.memory(), out));
  if (result.pid != 0) TRY(usage.WriteIfSet(task.memory(), ToRusage(result.usage)));
  return {};
}

}  // namespace

Result<void> SysWaitid(Task& task, int32_t id_type, int32_t id, UserOut<abi::SigInfo> info, RawFlags options, UserOut<abi::Rusage> usage) {
  const Result<void> done = Waitid(task, id_type, id, info, options, usage);
  // An error is told with an empty siginfo_t, so that one that cannot be written hides it.
  if (!done.ok() && done.error() == Errno::kEINVAL && !info.is_null()) TRY(info.Write(task.memory(), abi::SigInfo{}));
  return done;
}

}  // namespace ringwall::syscalls
