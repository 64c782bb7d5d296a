// What the zygote's process does between fork and the moment the tracer takes it over.
#include "platform/ptrace/zygote_child.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/rseq.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/ptrace/guest/layout.h"

namespace ringwall::platform::ptrace {
namespace {

[[noreturn]] void Fail(ZygoteStep step) {
  for (;;) syscall(SYS_exit_group, static_cast<int>(step));
}

}  // namespace

const char* ZygoteStepName(int step) {
  switch (step) {
    case kStepGo: return "waiting for the tracer";
    case kStepDescriptors: return "arranging descriptors";
    case kStepCapabilities: return "dropping capabilities";
    case kStepPrctl: return "prctl";
    case kStepFilter: return "installing the seccomp filter";
    default: return "dying";
  }
}

void ZygoteMain(const ZygoteStart& start) {
  // Nobody may trace us until the tracer has seized us, but we must die with it even before that.
  syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // It may have died before that; and no end of file would tell, for we hold a copy of its end of the socket.
  if (syscall(SYS_getppid) != start.parent) Fail(kStepGo);
  // Credentials may have changed in the parent, which clears its dumpable flag: PTRACE_SEIZE needs it (ptrace(2)).
  if (syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) Fail(kStepPrctl);
  char go = 0;
  if (syscall(SYS_write, start.socket, &go, 1) != 1) Fail(kStepGo);
  if (syscall(SYS_read, start.socket, &go, 1) != 1) Fail(kStepGo);

  // glibc registered an rseq area in the memory that is about to go; the host would write to it at every preemption and kill us.
  if (__rseq_size > 0) {
    char* area = static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset;
    syscall(SYS_rseq, area, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
  }
  // A terminal's signals are for the sentry; none may be blocked here, or Interrupt() would never arrive.
  syscall(SYS_setsid);
  const uint64_t no_signals = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, nullptr, sizeof(no_signals));

  // Order matters: both numbers may be among the targets.
  const int socket = static_cast<int>(syscall(SYS_fcntl, start.socket, 0 /*F_DUPFD*/, 16));
  const int memory = static_cast<int>(syscall(SYS_fcntl, start.memory, 0 /*F_DUPFD*/, 16));
  if (socket < 0 || memory < 0) Fail(kStepDescriptors);
  if (syscall(SYS_dup2, socket, kZygoteSocket) < 0 || syscall(SYS_dup2, memory, kZygoteMemory) < 0) Fail(kStepDescriptors);
  if (syscall(SYS_close_range, kZygoteMemory + 1, ~0U, 0) != 0) Fail(kStepDescriptors);

  // Guests' stacks grow as far as the sentry allows, not as far as its own limit says. No core dumps of guests on the host.
  rlimit limit;
  if (syscall(SYS_getrlimit, RLIMIT_STACK, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    syscall(SYS_setrlimit, RLIMIT_STACK, &limit);
  }
  limit.rlim_cur = limit.rlim_max = 0;
  syscall(SYS_setrlimit, RLIMIT_CORE, &limit);

  // Fewer capabilities than the sentry will ever have: process_vm_readv(2) is refused when the target has one that the caller lacks.
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  if (syscall(SYS_capset, &header, none) != 0) Fail(kStepCapabilities);
  if (syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) Fail(kStepPrctl);
  syscall(SYS_prctl, PR_SET_NAME, "ringwall-stub", 0, 0, 0);
  if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) Fail(kStepPrctl);
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, start.filter) != 0) Fail(kStepFilter);

  reinterpret_cast<void (*)()>(start.park)();
  __builtin_trap();
}

}  // namespace ringwall::platform::ptrace
