// The sentry's way into confinement.
#include "runsc-cli/boot/startup.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log/log.h"
#include "host/namespaces/capabilities.h"
#include "host/namespaces/mounts.h"
#include "host/namespaces/namespaces.h"
#include "runsc-cli/oci/text.h"
#include "runsc-cli/sandbox/read_config.h"
#include "runsc-cli/sandbox/spawn.h"

namespace ringwall::boot {
namespace {

using sandbox::kConfigFd;
using sandbox::kConsoleFd;
using sandbox::kControlFd;
using sandbox::kGoferFd;
using sandbox::kLogFd;
using sandbox::kOwnerFd;
using sandbox::kProcFd;
using sandbox::kReportFd;

constexpr uint32_t kNobody = 65534;

absl::Status Failed(Errno error, std::string_view what) { return absl::InternalError(Cat(what, ": ", ErrnoName(error))); }

// fsopen(2) of proc: mounted nowhere, so only this descriptor reaches it. Processes only (subset=pid): no /proc/sys, no /proc/kcore.
UniqueFd DetachedProc() {
  const UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC)));
  if (!context.valid()) return UniqueFd();
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, "subset", "pid", 0) != 0) return UniqueFd();
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return UniqueFd();
  return UniqueFd(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC,
                                             MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)));
}

absl::Status EnterOwnUserNamespace() {
  if (Result<void> left = host::Unshare(CLONE_NEWUSER); !left.ok())
    return Failed(left.error(), "cannot make a user namespace for the sandbox");
  // Only a privileged process of the outer namespace may write maps of its choice: the stand-in does.
  char byte = sandbox::kMapsWanted;
  ssize_t got = ::send(kOwnerFd, &byte, 1, MSG_NOSIGNAL);
  if (got == 1) {
    do {
      got = ::recv(kOwnerFd, &byte, 1, 0);
    } while (got < 0 && errno == EINTR);
  }
  if (got != 1 || byte != sandbox::kMapsWritten) return absl::InternalError("the user id maps of the sandbox could not be written");
  if (Result<void> became = host::BecomeUser(0, 0); !became.ok()) return Failed(became.error(), "cannot become the sandbox's user");
  return {};
}

absl::Status GiveUpPrivileges(const BootConfig& config) {
  if (Result<void> priv = host::MakePrivate("/"); !priv.ok()) return Failed(priv.error(), "cannot make the mounts private");
  if (Result<void> empty = host::PivotIntoEmptyRoot(); !empty.ok()) return Failed(empty.error(), "cannot enter an empty root");
  // The container's name is nobody's business, and the host's is not the container's: this process sees neither.
  (void)host::SetHostName("ringwall").ok();
  // Every open file of every guest process may be a descriptor here.
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  const rlimit no_core{0, 0};  // a dump of the sentry would hold guests' data, and be written by host root
  ::setrlimit(RLIMIT_CORE, &no_core);
  switch (config.identity) {
    case BootConfig::Identity::kOwnUserNamespace: RETURN_IF_ERROR(EnterOwnUserNamespace()); break;
    case BootConfig::Identity::kNobodyOnly:
      if (Result<void> became = host::BecomeUser(kNobody, kNobody); !became.ok())
        return Failed(became.error(), "cannot become user nobody");
      break;
    case BootConfig::Identity::kAlreadyInUserNamespace: break;
  }
  if (Result<void> dropped = host::DropAllCapabilities(); !dropped.ok()) return Failed(dropped.error(), "cannot drop capabilities");
  if (Result<void> fixed = host::SetNoNewPrivs(); !fixed.ok()) return Failed(fixed.error(), "cannot set no-new-privs");
  // Changing users made us undumpable, and with us every stub: the ptrace platform needs them traceable. Nobody else can: they are in
  // this process's pid and user namespaces, where nothing else runs.
  if (Result<void> traceable = host::SetDumpable(true); !traceable.ok()) return Failed(traceable.error(), "prctl(PR_SET_DUMPABLE)");
  return {};
}

}  // namespace

void Reporter::Send(sandbox::StartReport::Kind kind, int32_t error, std::string_view text) {
  if (!fd_.valid()) return;
  struct {
    sandbox::StartReport report;
    char text[sandbox::StartReport::kMaxText];
  } out{};
  out.report.kind = kind;
  out.report.error = error;
  out.report.text_size = static_cast<uint32_t>(std::min<size_t>(text.size(), sizeof out.text));
  std::memcpy(out.text, text.data(), out.report.text_size);
  (void)!::write(fd_.get(), &out, sizeof out.report + out.report.text_size);
  fd_.reset();
}

int BootMain(int (*run_sentry)(BootContext context)) {
  ::prctl(PR_SET_NAME, "ringwall-sentry");
  BootContext context;
  context.report = Reporter(kReportFd);
  context.owner.reset(kOwnerFd);
  context.gofer.reset(kGoferFd);
  auto text = sandbox::ReadConfig(kConfigFd);
  auto config = text.ok() ? ParseBootConfig(*text) : absl::StatusOr<BootConfig>(text.status());
  if (!config.ok()) {
    context.report.InternalError(std::string(config.status().message()));
    return 125;
  }
  context.config = *std::move(config);
  ::close(kConfigFd);
  if (::fcntl(kControlFd, F_GETFD) >= 0) context.control_listener.reset(kControlFd);
  if (context.config.has_console) context.console.reset(kConsoleFd);
  for (int fd = kLogFd; fd <= kConsoleFd; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  for (int fd = 0; fd < 3; ++fd) {
    // The originals become /dev/null: no library's stray print may reach the container's streams.
    context.stdio[fd] = UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, kProcFd + 1));
  }
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd = 0; fd < 3; ++fd) ::dup2(null.get(), fd);

  // --strace writes at info level; --debug shows the rest of info.
  InitLog({.fd = context.config.has_log ? kLogFd : 2,
           .format = context.config.log_json ? LogFormat::kJson : LogFormat::kText,
           .level = context.config.debug ? LogLevel::kInfo : LogLevel::kWarning,
           .process = "sentry"});
  if (std::string error; !context.config.debug_log.empty()) (void)SetLogLevels(context.config.debug_log, &error);

  context.proc = sandbox::MoveDescriptor(DetachedProc(), kProcFd);
  if (absl::Status status = GiveUpPrivileges(context.config); !status.ok()) {
    context.report.InternalError(std::string(status.message()));
    return 125;
  }
  return run_sentry(std::move(context));
}

}  // namespace ringwall::boot
