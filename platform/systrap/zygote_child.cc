// What the zygote's process does between fork and the stub's code.
#include "platform/systrap/zygote_child.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/rseq.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/systrap/guest/layout.h"

namespace ringwall::platform::systrap {
namespace {

enum Step : int { kParent = 11, kDescriptors, kCapabilities, kPrctl };

[[noreturn]] void Fail(Step step) {
  for (;;) syscall(SYS_exit_group, static_cast<int>(step));
}

}  // namespace

const char* ZygoteStepName(int step) {
  switch (step) {
    case kParent: return "its parent died";
    case kDescriptors: return "arranging descriptors";
    case kCapabilities: return "dropping capabilities";
    case kPrctl: return "prctl";
    case 5: return "mapping the stub's code at its place (a sealed vdso?)";
    case 6: return "executable memory is refused";
    default: return "dying";
  }
}

void ZygoteMain(const ZygoteStart& start, uint64_t blob, uint64_t entry, uint64_t bytes) {
  syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // It may have died before that; and no end of file would tell, for we hold a copy of its end of the socket.
  if (syscall(SYS_getppid) != start.parent) Fail(kParent);

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
  if (socket < 0 || memory < 0) Fail(kDescriptors);
  if (syscall(SYS_dup2, socket, kZygoteSocket) < 0 || syscall(SYS_dup2, memory, kZygoteMemory) < 0) Fail(kDescriptors);
  if (syscall(SYS_close_range, kZygoteMemory + 1, ~0U, 0) != 0) Fail(kDescriptors);

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
  if (syscall(SYS_capset, &header, none) != 0) Fail(kCapabilities);
  // Credentials may have changed in the parent, which clears its dumpable flag: process_vm_readv(2) needs it.
  if (syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) Fail(kPrctl);
  syscall(SYS_prctl, PR_SET_NAME, "ringwall-stub", 0, 0, 0);
  if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) Fail(kPrctl);

  asm volatile(
      "mov %1, %%rsp\n\t"
      "xor %%ebp, %%ebp\n\t"
      "call *%2\n\t"
      "hlt"
      :
      : "D"(blob), "r"(blob + bytes - 64), "r"(blob + entry)
      : "memory");
  __builtin_unreachable();
}

}  // namespace ringwall::platform::systrap
