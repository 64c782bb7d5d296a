// The gofer's confinement: every capability and every host call that it keeps, each with its reason.
#include "gofer/server/filter.h"

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/log/log.h"
#include "host/seccomp/compile.h"
#include "host/seccomp/precompiled.h"
#include "host/seccomp/sanitizer_rules.h"

namespace ringwall::gofer {

namespace {

struct KeptCapability {
  int capability;
  const char* why;
};
constexpr KeptCapability kCapabilities[] = {
    {CAP_CHOWN, "files get the owner that the guest's process has"},
    {CAP_DAC_OVERRIDE, "the sentry has checked permissions against the guest's credentials; ours must not decide again"},
    {CAP_FOWNER, "chmod, utimes and sticky directories for files of any guest user"},
    {CAP_FSETID, "set-id bits survive chmod and truncate when the sentry says so"},
};
// Not kept although tempting: DAC_READ_SEARCH (it also allows open_by_handle_at, the known way out of a tree), MKNOD (devices are
// refused), SETFCAP (file capabilities are never written), SYS_ADMIN, SYS_RESOURCE, SYS_CHROOT.

}  // namespace

host::CapabilitySet GoferCapabilities() {
  uint64_t bits = 0;
  for (const KeptCapability& kept : kCapabilities) bits |= uint64_t{1} << kept.capability;
  return host::CapabilitySet::FromRaw(bits);
}

host::Policy MakeGoferPolicy(const ConfinementOptions& options) {
  using host::ArgEquals;
  using host::ArgMasked;
  host::Policy p("gofer", host::DefaultAction::kTrap);
  const auto socket = static_cast<uint64_t>(options.socket);
  const auto proc = static_cast<uint64_t>(options.proc_self_fd);

  // The border itself: no other socket is ever read or written.
  p.Allow("recvmsg", {ArgEquals(0, socket)}, "requests");
  p.Allow("sendmsg", {ArgEquals(0, socket)}, "replies and donated descriptors");

  // Calls that follow a link follow our own magic links only, so their directory can only be /proc/self/fd.
  p.Allow("openat", {ArgEquals(0, proc)}, "reopening a node: Open, Fsync, SetAttr, ReadDir");
  p.Allow("linkat", {ArgEquals(0, proc)}, "Link");
  p.Allow("fchmodat", {ArgEquals(0, proc)}, "mode of new files, SetAttr");
  p.Allow("utimensat", {ArgEquals(0, proc)}, "SetAttr");

  p.Allow("openat2", "walks and exclusive creation, RESOLVE_BENEATH");
  p.Allow("close", "forgotten nodes, descriptors after donation");
  p.Allow("statx", "attributes in every reply");
  p.Allow("fstatfs", "StatFs");
  p.Allow("readlinkat", "ReadLink");
  p.Allow("getdents64", "ReadDir");
  p.Allow("lseek", "ReadDir from a cookie");
  p.Allow("pread64", "contents of small files, Look");
  p.Allow("mkdirat", "Mkdir");
  for (const uint64_t type : {S_IFREG, S_IFIFO, S_IFSOCK}) p.Allow("mknodat", {ArgMasked(2, S_IFMT, type)}, "Mknod, never of devices");
  p.Allow("symlinkat", "Symlink");
  p.Allow("unlinkat", "Unlink");
  p.Allow("renameat2", "Rename");
  p.Allow("fchownat", "owner of new files, SetAttr");
  p.Allow("ftruncate", "SetAttr of size");
  p.Allow("fsync", "Fsync");
  p.Allow("getxattr", "GetXattr");
  p.Allow("setxattr", "SetXattr");
  p.Allow("listxattr", "ListXattr");
  p.Allow("removexattr", "RemoveXattr");
  if (options.allow_connect) {
    p.Allow("socket", {ArgEquals(0, AF_UNIX)}, "Connect");
    p.Allow("connect", "Connect: the socket can only be a unix one");
  }

  // The runtime.
  p.Allow("mmap", {ArgMasked(2, PROT_EXEC, 0)}, "malloc; memory is never executable");
  p.Allow("brk", "malloc");
  p.Allow("munmap", "malloc");
  p.Allow("mremap", "realloc of the node table");
  p.Allow("madvise", "malloc gives memory back");
  p.Allow("futex", "the log's lock");
  p.Allow("write", "the log");
  p.Allow("clock_gettime", "time in log lines where the vDSO has no clock");
  p.Allow("getpid", "abort");
  p.Allow("gettid", "abort, log");
  p.Allow("tgkill", "abort");
  p.Allow("rt_sigprocmask", "abort");
  p.Allow("rt_sigaction", "abort");
  p.Allow("rt_sigreturn", "return from a handler of the runtime");
  p.Allow("restart_syscall", "stop and continue by a debugger or SIGSTOP");
  p.Allow("exit_group", "the end");
  return p;
}

Result<void> EnterConfinement(const ConfinementOptions& options) {
  std::string error;
#ifdef RINGWALL_SANITIZED
  const auto filter = host::Compile(host::WithSanitizerRules(MakeGoferPolicy(options)), &error);
#else
  const auto filter = host::CompileOrFind(MakeGoferPolicy(options), &error);
#endif
  if (!filter.ok()) {
    LOG(kError) << "the gofer's policy does not compile: " << error;
    return filter.error();
  }
  host::InstallForbiddenCallReporter("gofer");
  TRY(host::SetNoNewPrivs());
  // Neither a core dump of the guest's file names nor a ptrace by another process of the same user.
  TRY(host::SetDumpable(false));
  TRY(host::KeepOnlyCapabilities(GoferCapabilities()));
  return filter->Install(true);
}

}  // namespace ringwall::gofer
