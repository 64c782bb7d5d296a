// Every host call that the sentry keeps once a container's bytes are about to be looked at, each with its reason. What is not here is
// fatal and reported by name; what is needed only once (the epoll, event and timer descriptors) is made before. Not here, on purpose:
// execve, open* outside our own /proc, socket, connect, bind, any change of ids, namespaces or mounts, mmap of executable memory, ioctls
// that type into a terminal (TIOCSTI) or take it over (TIOCSCTTY).
#include "runsc-cli/boot/filter.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

#include <string>

#include "base/log/log.h"
#include "host/seccomp/compile.h"
#include "host/seccomp/precompiled.h"
#include "host/seccomp/sanitizer_rules.h"

namespace ringwall::boot {

host::Policy MakeSentryPolicy(const SentryFilterOptions& options) {
  using host::ArgEquals;
  using host::ArgMasked;
  using host::ArgOneOf;
  using host::ArgOnlyBits;
  host::Policy p("sentry", host::DefaultAction::kTrap);

  // Donated files, the container's standard streams, the console.
  p.Allow("read", "standard streams, event descriptors");
  p.Allow("write", "standard streams, event descriptors, the log");
  p.Allow("pread64", "files that the gofer donated");
  p.Allow("pwrite64", "files that the gofer donated");
  p.Allow("preadv2", "files that the gofer donated, RWF_NOWAIT first");
  p.Allow("pwritev2", "files that the gofer donated, O_APPEND and O_SYNC of the guest");
  p.Allow("lseek", "SEEK_DATA and SEEK_HOLE of donated files, size of memory files");
  p.Allow("newfstatat", {ArgEquals(3, AT_EMPTY_PATH)}, "fstat, as the C library spells it; a path would end in an empty root");
  p.Allow("ftruncate", "memory files, donated files that the guest truncates");
  p.Allow("fallocate", "memory files: punching holes gives memory back; donated files");
  p.Allow("fsync", "fsync of donated files");
  p.Allow("fdatasync", "fdatasync of donated files");
  p.Allow("fcntl", {ArgOneOf(1, {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC})}, "flags and copies of our own descriptors");
  p.Allow("ioctl", {ArgOneOf(1, {FIONREAD, TCGETS, TIOCGWINSZ})}, "bytes waiting on, kind and size of the standard streams");
  p.Allow("close", "descriptors");
  p.Allow("memfd_create", "shared guest memory, tmpfs files");

  // The gofer and the control socket.
  p.Allow("sendmsg", {ArgEquals(0, static_cast<uint64_t>(options.gofer))}, "requests to the gofer");
  p.Allow("recvmsg", {ArgEquals(0, static_cast<uint64_t>(options.gofer))}, "replies of the gofer, with descriptors");
  p.Allow("sendto", "control replies; a connected socket takes no address");
  p.Allow("recvfrom", "control requests");
  p.Allow("shutdown", "the end of the gofer's connection");
  if (options.listener >= 0) {
    p.Allow("accept4", {ArgEquals(0, static_cast<uint64_t>(options.listener))}, "control connections");
    p.Allow("getsockopt", {ArgEquals(1, SOL_SOCKET), ArgEquals(2, SO_PEERCRED)}, "who asks on the control socket");
  }

  // Waiting and time.
  p.Allow("poll", "control server, host descriptors");
  p.Allow("epoll_ctl", "readiness of standard streams");
  p.Allow("epoll_wait", "readiness of standard streams");
  p.Allow("timerfd_settime", "guest timers");
  p.Allow("futex", "locks and condition variables");
  p.Allow("clock_nanosleep", "timers, back-off of locks");
  p.Allow("clock_gettime", "clocks where the vDSO cannot answer: CPU time of stubs");
  p.Allow("sched_yield", "back-off of locks");
  p.Allow("sysinfo", "free memory of the machine, for sysinfo(2) and /proc/meminfo");
  p.Allow("getrandom", "guest randomness, our hash seeds");

  // Guest processes.
  p.Add(options.platform);
  p.Allow("tgkill", {ArgEquals(2, SIGABRT)}, "abort");

  // The runtime.
  p.Allow("mmap", {ArgMasked(2, PROT_EXEC, 0)}, "malloc, thread stacks, memory files; never executable");
  p.Allow("munmap", "malloc, thread stacks, memory files");
  p.Allow("mprotect", {ArgMasked(2, PROT_EXEC, 0)}, "guard pages of thread stacks; never executable");
  p.Allow("mremap", "realloc");
  p.Allow("madvise", "malloc and thread stacks give memory back");
  p.Allow("brk", "malloc");
  constexpr uint64_t kThreadFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
                                    CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
  p.Allow("clone", {ArgEquals(0, kThreadFlags)}, "threads of our own, nothing else");
  p.Fail("clone3", 38 /* ENOSYS */, "its arguments cannot be checked: the library falls back to clone");
  p.Fail("set_robust_list", 38 /* ENOSYS */, "start of a thread; the library ignores the answer, and none of our mutexes is robust");
  p.Allow("rseq", "start of a thread");
  p.Allow("prctl", {ArgOneOf(0, {PR_SET_NAME, PR_SET_VMA})}, "names of threads and of memory, for operators");
  p.Allow("rt_sigprocmask", "start of a thread, abort");
  p.Allow("rt_sigaction", "abort");
  p.Allow("getpid", "abort, log");
  p.Allow("gettid", "abort, log, thread identity");
  p.Allow("restart_syscall", "stop and continue by the operator");
  p.Allow("exit", "end of a thread");
  p.Allow("exit_group", "the end");
  return p;
}

Result<void> LockDown(const SentryFilterOptions& options) {
  std::string error;
#ifdef RINGWALL_SANITIZED
  const auto filter = host::Compile(host::WithSanitizerRules(MakeSentryPolicy(options)), &error);
#else
  const auto filter = host::CompileOrFind(MakeSentryPolicy(options), &error);
#endif
  if (!filter.ok()) {
    LOG(kError) << "the sentry's policy does not compile: " << error;
    return filter.error();
  }
  host::PrepareHostCallNames();
  host::InstallForbiddenCallReporter("sentry");
  return filter->Install(/*all_threads=*/true);
}

}  // namespace ringwall::boot
