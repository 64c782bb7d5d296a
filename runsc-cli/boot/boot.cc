// Composition of the sentry: platform, kernel, file systems, control server, filter, and then the container's first process.
//
// The order that startup.h promises:
//   1. platform (its first stub is forked before the filter), kernel, control::Server (its thread too)
//   2. LockDown
//   3. gofer connection, mounts, console, standard streams, Kernel::CreateProcess; report.Ready() or report.ExecError(errno, sentence)
//   4. Kernel::Run on this thread; the exit callback calls Server::ContainerExited; Server::Flush before returning
#include "runsc-cli/boot/boot.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "abi/fcntl.h"
#include "abi/socket.h"
#include "absl/strings/str_cat.h"
#include "base/log/log.h"
#include "host/calls/socket_shutdown.h"
#include "runsc-cli/boot/filter.h"
#include "runsc-cli/boot/home.h"
#include "runsc-cli/boot/kernel_target.h"
#include "runsc-cli/boot/mounts.h"
#include "runsc-cli/boot/platform.h"
#include "sentry/context/machine.h"
#include "sentry/control/server.h"
#include "sentry/fs/anon/pidfd.h"
#include "sentry/fs/dev/dev.h"
#include "sentry/fs/host/console_link.h"
#include "sentry/fs/host/host_file.h"
#include "sentry/fs/host/host_poller.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/kernel/kernel.h"
#include "sentry/kernel/kernel_context.h"
#include "sentry/kernel/tty_job_control.h"
#include "sentry/observe/unimplemented.h"
#include "sentry/pipe/pipe.h"
#include "sentry/socket/network.h"
#include "sentry/socket/socket.h"
#include "sentry/socket/unix/family.h"
#include "sentry/task/clone.h"
#include "sentry/tty/tty.h"
#include "sentry/vdso/vdso.h"
#include "sentry/vfs/operations.h"
#include "syscalls/core/table_builder.h"

namespace ringwall::boot {
namespace {

constexpr int kInternalFailure = 125;

kernel::ProcessSpec SpecOf(const ProcessConfig& process) {
  kernel::ProcessSpec spec;
  spec.args = process.args;
  spec.env = process.env;
  spec.cwd = process.cwd;
  spec.uid = process.uid;
  spec.gid = process.gid;
  spec.umask = process.umask;
  spec.additional_gids = process.additional_gids;
  spec.cap_bounding = process.cap_bounding;
  spec.cap_effective = process.cap_effective;
  spec.cap_inheritable = process.cap_inheritable;
  spec.cap_permitted = process.cap_permitted;
  spec.cap_ambient = process.cap_ambient;
  spec.no_new_privileges = process.no_new_privileges;
  spec.ordinary = process.ordinary;
  spec.terminal = process.terminal;
  for (const ProcessConfig::Limit& limit : process.limits) spec.limits.push_back({limit.resource, {limit.soft, limit.hard}});
  return spec;
}

kernel::KernelOptions OptionsOf(const BootConfig& config) {
  kernel::KernelOptions options;
  options.syscalls = &syscalls::kTableX86_64;
  options.uts.hostname = config.hostname;
  if (!config.domainname.empty()) options.uts.domainname = config.domainname;
  options.strace = config.strace;
  options.strace_calls = config.strace_calls;
  return options;
}

Result<Ref<vfs::File>> PidfdOf(Context& ctx, Ref<task::ThreadGroup> group, uint32_t flags) {
  wait::Waitable& exited = *group;
  const int32_t pid = group->pid();
  return anon::MakePidfd(ctx, std::move(group), exited, pid, flags);
}

// What execve's errno means to somebody who typed the command.
std::string ExecSentence(std::string program, Errno error) {
  constexpr size_t kLongest = 200;
  if (program.size() > kLongest) program = absl::StrCat(program.substr(0, kLongest), "...");
  const std::string what = absl::StrCat("exec: \"", program, "\": ");
  switch (error) {
    case Errno::kENOENT: return what + "no such file in the container; check the path, PATH and the program's interpreter";
    case Errno::kEACCES: return what + "permission denied; the file must be a program with execute permission";
    case Errno::kENOEXEC: return what + "exec format error; it is neither an x86-64 ELF file nor a script with #!";
    case Errno::kEFAULT: return what + "the file ends before the memory that its headers describe; is it whole?";
    case Errno::kELOOP: return what + "too many symbolic links, or interpreters that name each other (ELOOP)";
    case Errno::kENAMETOOLONG: return what + "the path is longer than Linux allows (ENAMETOOLONG)";
    case Errno::kENOTDIR: return what + "a part of the path is not a directory (ENOTDIR)";
    case Errno::kE2BIG: return what + "arguments and environment are longer than the stack limit allows (E2BIG)";
    case Errno::kENOMEM: return what + "not enough memory for the program (ENOMEM)";
    default: return what + std::string(ErrnoName(error));
  }
}

class Sentry {
 public:
  explicit Sentry(BootContext context) : context_(std::move(context)) {}

  int Run() {
    if (const std::string failure = MakeParts(); !failure.empty()) return Fail(failure);
    if (!LockDown(filter_).ok()) return Fail("the seccomp filter cannot be installed");
    if (const std::string failure = MakeContainer(); !failure.empty()) return Fail(failure);
    if (!MakeProcess()) return kInternalFailure;
    context_.report.Ready();
    kernel_->Run();
    if (context_.config.debug && !kernel_->unimplemented().empty()) {
      LOG(kWarning) << "system calls and flags that this program asked for and Ringwall does not have:\n"
                    << kernel_->unimplemented().Text();
    }
    server_->Flush();
    // The gofer ends while we do, not after us; not before the exit status is told, or its death would be news.
    host::ShutdownSocket(gofer_fd_);
    // The rest of the process is the host's to take down: nothing here outlives it.
    ::_exit(0);
  }

 private:
  int Fail(const std::string& sentence) {
    context_.report.InternalError(sentence);
    return kInternalFailure;
  }

  // Everything that needs host calls which the filter forbids.
  std::string MakeParts() {
    // One heap for all workers: less memory, and a further arena would read /proc when it shrinks.
    mallopt(M_ARENA_MAX, 1);
    (void)machine::CpuCount();
    std::string why;
    auto chosen = MakePlatform({.name = context_.config.platform,
                                .proc_fd = std::move(context_.proc),
                                .cpu = context_.config.cpu,
                                .rewrite_calls = context_.config.rewrite_calls},
                               &why);
    if (!chosen.ok()) return why;
    filter_ = {.gofer = context_.gofer.get(), .listener = context_.control_listener.get(), .platform = std::move(chosen->rules)};
    kernel_ = std::make_unique<kernel::Kernel>(OptionsOf(context_.config), std::move(chosen->platform));
    auto poller = hostfs::HostPoller::Create();
    if (!poller.ok()) return absl::StrCat("epoll: ", ErrnoName(poller.error()));
    poller_ = std::move(*poller);
    poller_->Start();
    target_ = std::make_unique<KernelTarget>(*kernel_);
    control::ServerOptions options{.listener = std::move(context_.control_listener), .owner = std::move(context_.owner)};
    options.allowed_uids = context_.config.control_uids;
    auto server = control::Server::Create(std::move(options), *target_);
    if (!server.ok()) return absl::StrCat("control socket: ", ErrnoName(server.error()));
    server_ = std::move(*server);
    pipe::RegisterFifos();
    devfs::RegisterDevices();
    tty::RegisterDevTty();
    socket::RegisterFamily(abi::kAF_UNIX, socket::MakeUnixFamily());
    socket::RegisterNetworkFamilies();
    // Makes its pages while memory files can still be sealed.
    (void)vdso::Vdso::Get();
    task::SetPidfdFactory(&PidfdOf);
    job_control_ = std::make_unique<kernel::TtyJobControl>(*kernel_);
    kernel::TtyJobControl::Install(*job_control_);
    return "";
  }

  std::string MakeContainer() {
    gofer_fd_ = context_.gofer.get();
    auto gofer = gofer::GoferClient::Connect(std::move(context_.gofer));
    if (!gofer.ok()) return absl::StrCat("the gofer does not answer: ", ErrnoName(gofer.error()));
    kernel_->SetSharedMemory(tmpfs::TmpFs::Create(ctx_, {.mode = 0700}));
    ConsoleOpener open_console;
    if (context_.config.has_console) {
      console_ = tty::Console::Create(hostfs::MakeConsoleLink(*poller_, std::move(context_.console)));
      open_console = [console = console_.ToRef()](Context&, const vfs::Path& path, uint32_t flags) -> Result<Ref<vfs::File>> {
        return console->OpenAt(path, flags);
      };
    }
    const absl::Status mounts = BuildMounts(ctx_, context_.config, *gofer, *kernel_, std::move(open_console));
    if (!mounts.ok()) return std::string(mounts.message());
    return "";
  }

  // Standard streams, console and the program itself.
  bool MakeProcess() {
    kernel::ProcessSpec spec = SpecOf(context_.config.process);
    // Not in the specification, but runc and crun both do it, and images count on it.
    const auto is_home = [](const std::string& entry) { return entry.starts_with("HOME="); };
    if (std::none_of(spec.env.begin(), spec.env.end(), is_home)) spec.env.push_back("HOME=" + HomeOf(ctx_, *kernel_, spec.uid));
    if (console_) {
      const Ref<tty::Console> console = console_.ToRef();
      if (context_.config.process.rows != 0)
        console->Resize({.ws_row = context_.config.process.rows, .ws_col = context_.config.process.columns});
      target_->SetConsole(console);
      // By its name where there is one: ttyname(3) compares the two.
      const Ref<vfs::MountNamespace> mounts = kernel_->mounts();
      const vfs::Path root{RefPtr<vfs::Mount>(mounts->root()), RefPtr<vfs::Dentry>(mounts->root()->root())};
      auto named = vfs::Open(ctx_, {mounts, root, root}, "/dev/console", {.flags = abi::kO_RDWR | abi::kO_NOCTTY}, 0);
      const Ref<vfs::File> file = named.ok() ? *named : console->OpenFile(ctx_, abi::kO_RDWR);
      for (int i = 0; i < 3; ++i) spec.files.push_back(file);
    } else {
      for (UniqueFd& fd : context_.stdio) {
        auto file = hostfs::ImportHostFd(ctx_, *poller_, std::move(fd));
        if (!file.ok()) {
          Fail(absl::StrCat("standard streams: ", ErrnoName(file.error())));
          return false;
        }
        spec.files.push_back(std::move(*file));
      }
    }
    auto init = kernel_->CreateProcess(spec);
    if (!init.ok()) {
      std::string sentence = ExecSentence(spec.args.empty() ? "" : spec.args[0], init.error());
      // The working directory is looked up first: it may be what is missing.
      const Ref<vfs::MountNamespace> mounts = kernel_->mounts();
      const vfs::Path root{RefPtr<vfs::Mount>(mounts->root()), RefPtr<vfs::Dentry>(mounts->root()->root())};
      const auto cwd = vfs::Walk(ctx_, {mounts, root, root}, spec.cwd, {.must_be_directory = true});
      if (!cwd.ok())
        sentence = absl::StrCat("working directory \"", spec.cwd, "\": ", ErrnoName(cwd.error()), "; it must exist in the container");
      context_.report.ExecError(static_cast<int32_t>(init.error()), sentence);
      return false;
    }
    target_->SetInit(*init);
    kernel_->OnProcessExit([this](int32_t pid, int32_t wait_status) {
      if (pid == target_->init_pid()) server_->ContainerExited(target_->InitExited(wait_status));
    });
    return true;
  }

  BootContext context_;
  SentryFilterOptions filter_;
  int gofer_fd_ = -1;  // by number: the client owns it, and lives as long as the process
  kernel::KernelContext ctx_;
  std::unique_ptr<kernel::Kernel> kernel_;
  std::unique_ptr<hostfs::HostPoller> poller_;
  std::unique_ptr<KernelTarget> target_;
  std::unique_ptr<control::Server> server_;
  RefPtr<tty::Console> console_;  // the container's terminal, if it has one
  std::unique_ptr<kernel::TtyJobControl> job_control_;
};

}  // namespace

int RunSentry(BootContext context) { return Sentry(std::move(context)).Run(); }

}  // namespace ringwall::boot
