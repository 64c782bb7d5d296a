// The gofer's start: opens each host tree as a detached copy of its mount, then pivots into an empty root, so that the trees are all it
// can ever name, and serves.
#include "runsc-cli/sandbox/gofer_main.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "base/log/log.h"
#include "gofer/server/server.h"
#include "host/namespaces/capabilities.h"
#include "host/namespaces/mounts.h"
#include "runsc-cli/boot/boot_config.h"
#include "runsc-cli/oci/text.h"
#include "runsc-cli/sandbox/inherited.h"
#include "runsc-cli/sandbox/read_config.h"
#include "runsc-cli/sandbox/spawn.h"

namespace ringwall::sandbox {
namespace {

absl::Status Failed(Errno error, std::string_view what) { return absl::InternalError(Cat(what, ": ", ErrnoName(error))); }

absl::StatusOr<UniqueFd> OpenTree(const boot::GoferMount& mount) {
  Result<UniqueFd> tree = host::CloneTree(AT_FDCWD, mount.source.c_str(), mount.recursive);
  if (!tree.ok()) return Failed(tree.error(), Cat("cannot open the host tree ", mount.source));
  // Nothing the gofer opens gives rights to this process itself, and a read-only tree is so for the host kernel too.
  uint64_t attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (mount.read_only) attributes |= MOUNT_ATTR_RDONLY;
  Result<void> set = host::SetMountAttributes(tree->get(), "", attributes, 0, /*recursive=*/true);
  if (!set.ok()) return Failed(set.error(), Cat("cannot restrict the host tree ", mount.source));
  return UniqueFd(tree->release());
}

absl::Status Prepare(const boot::GoferConfig& config, gofer::ServerOptions* options) {
  if (Result<void> priv = host::MakePrivate("/"); !priv.ok()) return Failed(priv.error(), "cannot make the mounts private");
  // Before the trees, which take the numbers that are free.
  Result<UniqueFd> proc = gofer::OpenProcSelfFd();
  if (!proc.ok()) return Failed(proc.error(), "cannot open the gofer's /proc/self/fd");
  options->proc_self_fd = MoveDescriptor(std::move(*proc), kGoferProcFd);
  if (!options->proc_self_fd.valid()) return HostSentence(errno, "the gofer's /proc/self/fd");
  for (const boot::GoferMount& mount : config.mounts) {
    auto tree = OpenTree(mount);
    if (!tree.ok()) return tree.status();
    options->mounts.push_back(gofer::MountRoot{
        .root = *std::move(tree), .read_only = mount.read_only, .exclusive = mount.exclusive, .cross_mounts = mount.cross_mounts});
  }
  if (Result<void> empty = host::PivotIntoEmptyRoot(); !empty.ok()) return Failed(empty.error(), "cannot enter an empty root");
  // One descriptor a node: as many as the host allows.
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  return {};
}

// An attempt: a cpuset of the container may exclude it.
void StayOn(int cpu) {
  if (cpu < 0 || cpu >= CPU_SETSIZE) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  (void)::sched_setaffinity(0, sizeof set, &set);
}

}  // namespace

int GoferMain() {
  ::prctl(PR_SET_NAME, "ringwall-gofer");
  auto text = ReadConfig(kConfigFd);
  if (!text.ok()) return 125;
  auto config = boot::ParseGoferConfig(*text);
  if (!config.ok()) return 125;
  InitLog({.fd = config->has_log ? kLogFd : 2,
           .format = config->log_json ? LogFormat::kJson : LogFormat::kText,
           .level = config->debug ? LogLevel::kInfo : LogLevel::kWarning,
           .process = "gofer"});
  if (std::string error; !config->debug_log.empty()) (void)SetLogLevels(config->debug_log, &error);
  gofer::ServerOptions options;
  options.socket.reset(kGoferFd);
  if (absl::Status status = Prepare(*config, &options); !status.ok()) {
    // Told before the sentry can notice that its connection has ended: the first report counts.
    ReportFailure(kReportFd, std::string(status.message()).c_str(), 0);
    return 125;
  }
  ::close(kReportFd);
  ::close(kConfigFd);
  StayOn(config->cpu);
  gofer::RunGofer(std::move(options));
}

}  // namespace ringwall::sandbox
