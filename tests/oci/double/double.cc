// A stand-in for the sentry in lifecycle tests: everything of `ringwall` is real (processes, namespaces, gofer, filter, control socket)
// but the kernel, which "runs" the few programs below on a thread. So the life of a container can be tested without guest code.
//
//   exit N | echo WORDS... | cat | sleep | trap (ignores TERM) | size (prints window sizes) | read PATH (through the gofer)
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>

#include "gofer/client/client.h"
#include "runsc-cli/boot/boot.h"
#include "runsc-cli/boot/filter.h"
#include "runsc-cli/oci/text.h"
#include "sentry/control/server.h"

namespace ringwall::boot {
namespace {

class Double final : public control::ControlTarget {
 public:
  Double(BootContext& context, gofer::GoferClient& gofer) : context_(context), gofer_(gofer) {}

  Result<void> Start() override {
    std::lock_guard lock(mutex_);
    if (status_ != control::ContainerStatus::kCreated) return Errno::kEINVAL;
    status_ = control::ContainerStatus::kRunning;
    changed_.notify_all();
    return {};
  }
  Result<void> Signal(int signo, control::SignalScope) override {
    std::lock_guard lock(mutex_);
    if (status_ == control::ContainerStatus::kStopped) return Errno::kESRCH;
    static const std::set<int> kIgnored = {SIGCHLD, SIGWINCH, SIGURG, SIGCONT};
    if (kIgnored.count(signo) != 0 || (context_.config.process.args[0] == "trap" && signo == SIGTERM)) return {};
    signal_ = signo;
    changed_.notify_all();
    return {};
  }
  control::StateBody State() override {
    std::lock_guard lock(mutex_);
    return {.status = status_, .exit = {}};
  }
  Result<void> Resize(uint16_t rows, uint16_t columns) override {
    if (!context_.config.process.terminal) return Errno::kENOTTY;
    if (context_.config.process.args[0] == "size") Out(Cat("size ", rows, " ", columns, "\r\n"));
    return {};
  }
  std::string UnimplementedReport() override { return "3 frobnicate\n"; }
  std::string TaskDump() override { return std::string(100000, 't'); }
  void Shutdown() override { (void)Signal(SIGKILL, control::SignalScope::kAll).ok(); }

  control::ExitBody Run() {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return status_ != control::ContainerStatus::kCreated || signal_ != 0; });
    }
    const control::ExitBody status = signal_ != 0 ? control::ExitBody{.signal = signal_} : Program();
    std::lock_guard lock(mutex_);
    status_ = control::ContainerStatus::kStopped;
    return status;
  }

 private:
  int in() const { return context_.console.valid() ? context_.console.get() : context_.stdio[0].get(); }
  void Out(const std::string& text) {
    (void)!::write(context_.console.valid() ? context_.console.get() : context_.stdio[1].get(), text.data(), text.size());
  }
  bool Killed() {
    std::lock_guard lock(mutex_);
    return signal_ != 0;
  }
  control::ExitBody Program() {
    const auto& args = context_.config.process.args;
    if (args[0] == "exit") return {.code = std::atoi(args.at(1).c_str())};
    if (args[0] == "echo") {
      std::string line;
      for (size_t i = 1; i < args.size(); ++i) line += (i == 1 ? "" : " ") + args[i];
      Out(line + "\n");
      return {};
    }
    if (args[0] == "mounts") {
      for (const MountConfig& m : context_.config.mounts) {
        Out(Cat(m.destination, " ", static_cast<int>(m.kind), " ro=", m.read_only ? 1 : 0, " overlay=", m.overlay ? 1 : 0, "\n"));
      }
      return {};
    }
    if (args[0] == "env") {
      for (const std::string& entry : context_.config.process.env) Out(entry + "\n");
      return {};
    }
    if (args[0] == "read") return ReadThroughGofer(args.at(1));
    if (args[0] == "cat") {
      while (!Killed()) {
        pollfd wait{.fd = in(), .events = POLLIN, .revents = 0};
        if (::poll(&wait, 1, 50) <= 0) continue;
        char buffer[4096];
        const ssize_t got = ::read(in(), buffer, sizeof buffer);
        if (got <= 0 || (context_.console.valid() && got == 1 && buffer[0] == 4)) return {};
        Out(std::string(buffer, static_cast<size_t>(got)));
      }
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return signal_ != 0; });
    return {.signal = signal_};
  }

  control::ExitBody ReadThroughGofer(const std::string& path) {
    auto root = gofer_.Attach(0);
    if (!root.ok()) return {.code = 10};
    std::vector<std::string_view> names;
    std::string_view rest(path);
    while (!rest.empty()) {
      const size_t slash = rest.find('/');
      if (slash != 0) names.push_back(rest.substr(0, slash));
      rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    }
    auto walked = gofer_.Walk(*root->node, names);
    if (!walked.ok()) return {.code = static_cast<int32_t>(walked.error()) == 5 ? 15 : 11};
    if (walked->nodes.size() != names.size()) return {.code = 12};
    auto opened = gofer_.Open(*walked->nodes.back().node, gofer::OpenFlag::kRead);
    if (!opened.ok()) return {.code = 13};
    char buffer[4096];
    const ssize_t got = ::read(opened->file.get(), buffer, sizeof buffer);
    Out(std::string(buffer, static_cast<size_t>(std::max<ssize_t>(got, 0))));
    return {};
  }

  BootContext& context_;
  gofer::GoferClient& gofer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  control::ContainerStatus status_ = control::ContainerStatus::kCreated;
  int signal_ = 0;
};

}  // namespace

int RunSentry(BootContext context) {
  // A process of the pid namespace that outlives nothing: what a stub is.
  if (::fork() == 0) {
    for (;;) ::pause();
  }
  const int gofer_fd = context.gofer.get();
  const int listener = context.control_listener.get();
  auto gofer = gofer::GoferClient::Connect(std::move(context.gofer));
  if (!gofer.ok()) {
    context.report.InternalError("the gofer does not answer");
    return 125;
  }
  Double kernel(context, **gofer);
  control::ServerOptions options{.listener = std::move(context.control_listener), .owner = std::move(context.owner)};
  options.allowed_uids = context.config.control_uids;
  auto server = control::Server::Create(std::move(options), kernel);
  if (!server.ok()) return 125;
  if (!LockDown({.gofer = gofer_fd, .listener = listener}).ok()) {
    context.report.InternalError("the filter cannot be installed");
    return 125;
  }
  const std::string& program = context.config.process.args[0];
  if (program == "missing" || program == "denied") {
    context.report.ExecError(program == "missing" ? ENOENT : EACCES, Cat("exec: \"", program, "\": cannot be executed"));
    return 125;
  }
  context.report.Ready();
  const control::ExitBody status = kernel.Run();
  (*server)->ContainerExited(status);
  (*server)->Flush();
  // As a kernel would: the console closes with the last process.
  ::_exit(0);
}

// The double replaces the kernel, not the machine: it needs no platform, and the choice is tested with the real program.
std::vector<doctor::PlatformState> ProbePlatforms() { return {{.name = "double", .available = true, .reason = "", .milliseconds = 0}}; }

}  // namespace ringwall::boot
