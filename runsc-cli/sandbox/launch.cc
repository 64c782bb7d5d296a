// The order matters: every descriptor is made first, then the stand-in is forked, and the stand-in starts gofer and sentry, so that
// they are its children and end with it.
#include "runsc-cli/sandbox/launch.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/sanitizer/sanitizer.h"
#include "runsc-cli/container/control_client.h"
#include "runsc-cli/oci/text.h"
#include "runsc-cli/sandbox/inherited.h"
#include "runsc-cli/sandbox/spawn.h"
#include "runsc-cli/sandbox/stand_in.h"

namespace ringwall::sandbox {
namespace {

// Host user and group of a sentry that root started: an id that owns nothing.
constexpr uint32_t kNobody = 65534;

absl::StatusOr<UniqueFd> ConfigMemfd(const char* name, const std::string& text) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return HostSentence(errno, "memfd_create");
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t put = ::write(fd.get(), text.data() + done, text.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return HostSentence(errno, "writing the sandbox's configuration");
    done += static_cast<size_t>(put);
  }
  ::lseek(fd.get(), 0, SEEK_SET);
  ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  return fd;
}

struct Pair {
  UniqueFd first, second;
};

absl::StatusOr<Pair> PacketPair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) return HostSentence(errno, "socketpair");
  Pair out;
  out.first.reset(fds[0]);
  out.second.reset(fds[1]);
  return out;
}

bool UserNamespacesWork() {
  const UniqueFd file(::open("/proc/sys/user/max_user_namespaces", O_RDONLY | O_CLOEXEC));
  char text[32] = {};
  return file.valid() && ::read(file.get(), text, sizeof text - 1) > 0 && std::strtoul(text, nullptr, 10) > 0;
}

// Stand-in to command line, once, after both children run.
struct Pids {
  int32_t sentry = -1;
  int32_t gofer = -1;
};

struct Wiring {
  UniqueFd exe, null, boot_config, gofer_config, control;
  Pair gofer, owner, caller;
  UniqueFd report_read, report_write;
};

// Everything the stand-in does not need must be closed in it: its copies would keep pipes of the container and of the caller open.
void KeepOnly(std::vector<int> keep) {
  std::sort(keep.begin(), keep.end());
  unsigned next = 3;
  for (const int fd : keep) {
    if (fd < 3) continue;
    if (static_cast<unsigned>(fd) > next) ::syscall(SYS_close_range, next, static_cast<unsigned>(fd) - 1, 0u);
    next = static_cast<unsigned>(fd) + 1;
  }
  ::syscall(SYS_close_range, next, ~0u, 0u);
}

[[noreturn]] void StandInMain(LaunchRequest& request, Wiring& wiring) {
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  ::setsid();  // Ctrl-C of the operator's terminal reaches the command line only
  const boot::BootConfig& boot = request.plan.boot;
  const bool rootless = boot.identity == boot::BootConfig::Identity::kAlreadyInUserNamespace;
  const unsigned long users = rootless ? CLONE_NEWUSER : 0;
  const int null = wiring.null.get();

  SpawnRequest gofer{.role = "gofer", .id = boot.container_id.c_str(), .exe = wiring.exe.get(), .report = wiring.report_write.get()};
  gofer.namespaces = CLONE_NEWPID | users;
  gofer.own_namespaces = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;
  gofer.fds = {{null, 0},
               {null, 1},
               {null, 2},
               {wiring.gofer_config.get(), kConfigFd},
               {wiring.gofer.second.get(), kGoferFd},
               {wiring.report_write.get(), kReportFd}};
  if (request.sandbox_log >= 0) gofer.fds.emplace_back(request.sandbox_log, kLogFd);

  SpawnRequest sentry{.role = "boot", .id = boot.container_id.c_str(), .exe = wiring.exe.get(), .report = wiring.report_write.get()};
  sentry.namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | users;
  const bool console = request.console.valid();
  for (int i = 0; i < 3; ++i) sentry.fds.emplace_back(console || request.stdio[i] < 0 ? null : request.stdio[i], i);
  sentry.fds.emplace_back(wiring.boot_config.get(), kConfigFd);
  if (request.sandbox_log >= 0) sentry.fds.emplace_back(request.sandbox_log, kLogFd);
  sentry.fds.emplace_back(wiring.gofer.first.get(), kGoferFd);
  sentry.fds.emplace_back(wiring.owner.second.get(), kOwnerFd);
  sentry.fds.emplace_back(wiring.report_write.get(), kReportFd);
  if (wiring.control.valid()) sentry.fds.emplace_back(wiring.control.get(), kControlFd);
  if (console) sentry.fds.emplace_back(request.console.get(), kConsoleFd);

  // The sentry first: it has more to do, and making the gofer's namespaces (a millisecond) then costs nobody's time.
  const pid_t sentry_pid = Spawn(sentry);
  if (sentry_pid < 0) {
    ReportFailure(wiring.report_write.get(), "cannot start the sandbox in namespaces of its own", errno);
    ::_exit(125);
  }
  const pid_t gofer_pid = Spawn(gofer);
  if (gofer_pid < 0) {
    ReportFailure(wiring.report_write.get(), "cannot start the file server (gofer) in namespaces of its own", errno);
    ::kill(sentry_pid, SIGKILL);
    ::_exit(125);
  }
  const Pids pids{.sentry = sentry_pid, .gofer = gofer_pid};
  (void)::send(wiring.caller.second.get(), &pids, sizeof pids, MSG_NOSIGNAL);

  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  StandInOptions options{.sentry = sentry_pid, .gofer = gofer_pid};
  options.owner = std::move(wiring.owner.first);
  options.caller = std::move(wiring.caller.second);
  options.log = request.log;
  options.id = boot.container_id;
  options.ephemeral = request.ephemeral;
  options.store_root = request.handle != nullptr ? request.store_root : "";
  options.map_ids = boot.identity == boot::BootConfig::Identity::kOwnUserNamespace;
  char text[96];
  std::snprintf(text, sizeof text, "0 %u 1\n1 %u 1\n", kNobody, ::geteuid());
  options.uid_map = text;
  std::snprintf(text, sizeof text, "0 %u 1\n", kNobody);
  options.gid_map = text;
  KeepOnly({options.owner.get(), options.caller.get(), options.log.fd(), sanitizer::FindingsFd()});
  (void)!::chdir("/");  // no file system of the caller stays busy
  RunStandIn(std::move(options));
}

}  // namespace

absl::StatusOr<Sandbox> Launch(LaunchRequest request) {
  Wiring wiring;
  boot::BootConfig& boot = request.plan.boot;
  boot::GoferConfig& gofer = request.plan.gofer;
  if (::geteuid() != 0) {
    boot.identity = boot::BootConfig::Identity::kAlreadyInUserNamespace;
    boot.control_uids = {0};
  } else if (UserNamespacesWork()) {
    boot.identity = boot::BootConfig::Identity::kOwnUserNamespace;
    boot.control_uids = {1};
  } else {
    boot.identity = boot::BootConfig::Identity::kNobodyOnly;
    boot.control_uids = {0};
  }
  boot.has_console = request.console.valid();
  boot.has_log = gofer.has_log = request.sandbox_log >= 0;
  boot.log_json = gofer.log_json = request.log.json();
  gofer.debug = boot.debug;
  gofer.debug_log = boot.debug_log;
  gofer.container_id = boot.container_id;
  // The sentry waits for each answer of the gofer: a wake-up on the same CPU costs 5 us, one across CPUs 50 (docs/adr/0003-host-files.md).
  boot.cpu = gofer.cpu = ::sched_getcpu();

  wiring.exe.reset(::open("/proc/self/exe", O_PATH | O_CLOEXEC));
  if (!wiring.exe.valid()) return HostSentence(errno, "/proc/self/exe (is /proc mounted?)");
  wiring.null.reset(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!wiring.null.valid()) return HostSentence(errno, "/dev/null");
  auto boot_config = ConfigMemfd("ringwall-boot", boot::FormatBootConfig(boot));
  if (!boot_config.ok()) return boot_config.status();
  wiring.boot_config = *std::move(boot_config);
  auto gofer_config = ConfigMemfd("ringwall-gofer", boot::FormatGoferConfig(gofer));
  if (!gofer_config.ok()) return gofer_config.status();
  wiring.gofer_config = *std::move(gofer_config);
  for (Pair* pair : {&wiring.gofer, &wiring.owner, &wiring.caller}) {
    auto made = PacketPair();
    if (!made.ok()) return made.status();
    *pair = *std::move(made);
  }
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) return HostSentence(errno, "pipe");
  wiring.report_read.reset(report[0]);
  wiring.report_write.reset(report[1]);
  if (request.handle != nullptr) {
    auto control = container::ListenControl(request.handle->dir());
    if (!control.ok()) return control.status();
    wiring.control = *std::move(control);
  }

  const pid_t stand_in = ::fork();
  if (stand_in < 0) return HostSentence(errno, "fork");
  if (stand_in == 0) StandInMain(request, wiring);

  // Our copies would hide the death of the other side.
  wiring.caller.second.reset();
  wiring.report_write.reset();
  wiring.owner = Pair();
  wiring.gofer = Pair();
  wiring.control.reset();
  Sandbox sandbox;
  sandbox.stand_in = container::IdentifyProcess(stand_in);
  sandbox.caller = std::move(wiring.caller.first);
  sandbox.report = std::move(wiring.report_read);
  Pids pids;
  ssize_t got;
  do {
    got = ::recv(sandbox.caller.get(), &pids, sizeof pids, 0);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof pids) {
    sandbox.sentry = container::IdentifyProcess(pids.sentry);
    sandbox.gofer = container::IdentifyProcess(pids.gofer);
  }
  return sandbox;  // a failure before this point is told by the report
}

absl::Status AwaitReady(Sandbox& sandbox, StartFailure* failure) {
  std::string text;
  char buffer[sizeof(StartReport) + StartReport::kMaxText];
  // A bounded read of what an untrusted process may write.
  while (text.size() < sizeof buffer) {
    pollfd wait{.fd = sandbox.report.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wait, 1, 120 * 1000);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    const ssize_t got = ::read(sandbox.report.get(), buffer, sizeof buffer - text.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer, static_cast<size_t>(got));
    StartReport report;
    if (text.size() < sizeof report) continue;
    std::memcpy(&report, text.data(), sizeof report);
    if (report.magic != StartReport::kMagic || text.size() >= sizeof report + report.text_size) break;
  }
  sandbox.report.reset();
  StartReport report{.kind = StartReport::Kind::kInternalError};
  const bool told = text.size() >= sizeof report;
  if (told) std::memcpy(&report, text.data(), sizeof report);
  if (told && report.magic == StartReport::kMagic && report.kind == StartReport::Kind::kReady) return {};

  sandbox.caller.reset();  // the stand-in takes everything down
  int status = 0;
  while (::waitpid(sandbox.stand_in.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!told || report.magic != StartReport::kMagic) {
    return absl::InternalError("the sandbox died while it started; run again with --debug --log FILE to see why");
  }
  const std::string message = OneLine(text.substr(sizeof report, std::min<size_t>(report.text_size, StartReport::kMaxText)));
  if (report.kind == StartReport::Kind::kExecError) {
    failure->exec_errno = report.error != 0 ? report.error : EINVAL;
    return absl::Status(absl::ErrnoToStatusCode(failure->exec_errno), message);
  }
  return absl::InternalError(message);
}

namespace {

absl::Status Tell(Sandbox& sandbox, CallerMessage::Kind kind) {
  const CallerMessage message{.kind = kind};
  if (::send(sandbox.caller.get(), &message, sizeof message, MSG_NOSIGNAL) < 0) {
    return absl::InternalError("the container's stand-in process died");
  }
  return {};
}

}  // namespace

absl::Status Commit(Sandbox& sandbox) { return Tell(sandbox, CallerMessage::Kind::kCommit); }

absl::Status SendStart(Sandbox& sandbox) { return Tell(sandbox, CallerMessage::Kind::kStart); }

void SendResize(const Sandbox& sandbox, uint16_t rows, uint16_t columns) {
  const CallerMessage message{.kind = CallerMessage::Kind::kResize, .rows = rows, .columns = columns};
  (void)::send(sandbox.caller.get(), &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace ringwall::sandbox
