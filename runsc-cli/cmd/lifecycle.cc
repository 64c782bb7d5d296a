// The life of a container on the host, from an empty directory to running.
#include "runsc-cli/cmd/lifecycle.h"

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "runsc-cli/boot/platform_name.h"
#include "runsc-cli/container/control_client.h"
#include "runsc-cli/oci/json.h"
#include "runsc-cli/oci/text.h"
#include "runsc-cli/sandbox/console.h"

namespace ringwall::cmd {
namespace {

std::string OwnerName() {
  // Not getpwuid: a static program cannot load name service modules. The number is an answer too.
  return ::geteuid() == 0 ? "root" : Cat(::geteuid());
}

}  // namespace

absl::StatusOr<Bundle> LoadBundleOf(const Context& context) {
  char resolved[PATH_MAX];
  const std::string given = context.in().bundle.empty() ? "." : context.in().bundle;
  if (::realpath(given.c_str(), resolved) == nullptr) return HostSentence(errno, Cat("--bundle: \"", given, "\""));
  Bundle bundle{.path = resolved};
  std::vector<std::string> warnings;
  auto spec = oci::LoadBundle(bundle.path, &warnings);
  for (const std::string& warning : warnings) context.Warn(warning);
  if (!spec.ok()) return spec.status();
  bundle.spec = *std::move(spec);
  return bundle;
}

absl::StatusOr<CreateRequest> RequestFor(const Context& context, const Bundle& bundle) {
  CreateRequest request{.id = context.in().id};
  auto plan = sandbox::PlanBundle(bundle.spec, bundle.path, context.overlay());
  if (!plan.ok()) return plan.status();
  request.plan = *std::move(plan);
  auto platform = boot::PlatformOf(context.in().platform, bundle.spec.annotations);
  if (!platform.ok()) return platform.status();
  request.plan.boot.platform = *std::move(platform);
  request.record.version = bundle.spec.version;
  request.record.bundle = bundle.path;
  request.record.rootfs = bundle.spec.root.path;
  request.record.annotations = bundle.spec.annotations;
  request.record.poststart = bundle.spec.hooks.poststart;
  request.record.poststop = bundle.spec.hooks.poststop;
  request.hooks = &bundle.spec.hooks;
  return request;
}

absl::StatusOr<Created> CreateContainer(const Context& context, CreateRequest request, sandbox::StartFailure* failure) {
  Created created;
  auto handle = context.store().Create(request.id);
  if (handle.ok()) {
    created.handle.emplace(*std::move(handle));
  } else if (request.needs_state) {
    return handle.status();
  } else {
    context.Warn(Cat("no state directory, so `ringwall debug` cannot reach this sandbox: ", std::string(handle.status().message())));
  }
  // Whatever fails from here on takes the directory along.
  const auto undo = [&](absl::Status status) {
    created.sandbox.caller.reset();
    if (created.handle.has_value()) (void)Destroy(*created.handle, created.record);
    return status;
  };

  created.record = std::move(request.record);
  created.record.id = request.id;
  created.record.created = container::NowRfc3339();
  created.record.owner = OwnerName();
  created.record.ephemeral = request.ephemeral;
  if (created.handle.has_value()) {
    if (absl::Status saved = created.handle->Save(created.record); !saved.ok()) return undo(saved);
  }

  context.ApplyFlags(&request.plan);
  request.plan.boot.container_id = request.id;
  sandbox::LaunchRequest launch{.plan = std::move(request.plan)};
  launch.console = std::move(request.console);
  launch.handle = created.handle.has_value() ? &*created.handle : nullptr;
  launch.store_root = context.store().root();
  // A foreground command without --log tells on its own stderr why the sandbox died.
  UniqueFd stderr_copy;
  launch.log = context.log();
  if (request.foreground && context.log().fd() < 0) {
    stderr_copy.reset(::fcntl(2, F_DUPFD_CLOEXEC, 3));
    launch.log = container::ErrorLog(stderr_copy.get(), false);
  }
  launch.sandbox_log = context.SandboxLog(request.foreground);
  launch.ephemeral = request.ephemeral;
  auto sandbox = sandbox::Launch(std::move(launch));
  if (!sandbox.ok()) return undo(sandbox.status());
  created.sandbox = *std::move(sandbox);
  created.record.stand_in = created.sandbox.stand_in;
  created.record.sentry = created.sandbox.sentry;
  created.record.gofer = created.sandbox.gofer;
  // Before anything can take long: who is killed now leaves a record that `delete --force` can follow.
  if (created.handle.has_value()) {
    if (absl::Status saved = created.handle->Save(created.record); !saved.ok()) return undo(saved);
  }
  if (absl::Status ready = sandbox::AwaitReady(created.sandbox, failure); !ready.ok()) return undo(ready);
  created.record.phase = container::Phase::kCreated;
  if (request.hooks != nullptr) {
    const std::string state = oci::FormatState(container::DocumentOf(created.record));
    for (const auto& [hooks, kind] :
         {std::pair{&request.hooks->prestart, "prestart"}, std::pair{&request.hooks->create_runtime, "createRuntime"},
          std::pair{&request.hooks->create_container, "createContainer"}}) {
      if (absl::Status ran = RunHooks(*hooks, state, kind); !ran.ok()) return undo(ran);
    }
  }
  if (created.handle.has_value()) {
    if (absl::Status saved = created.handle->Save(created.record); !saved.ok()) return undo(saved);
  }
  return created;
}

absl::Status StartContainer(const Context& context, container::Handle& handle, container::Record& record) {
  auto client = container::ControlClient::Connect(handle.dir(), handle.id());
  if (!client.ok()) return client.status();
  RETURN_IF_ERROR(client->Start());
  record.phase = container::Phase::kRunning;
  RETURN_IF_ERROR(handle.Save(record));
  // The specification: a failing poststart hook is told, the container goes on.
  if (absl::Status ran = RunHooks(record.poststart, oci::FormatState(container::DocumentOf(record)), "poststart"); !ran.ok()) {
    context.log().Warning(std::string(ran.message()));
  }
  return {};
}

absl::Status WritePidFile(const std::string& path, int pid) {
  if (path.empty()) return {};
  // Engines poll for the file: it appears whole or not at all.
  const std::string temporary = Cat(path, ".tmp", ::getpid());
  const std::string text = std::to_string(pid);
  const UniqueFd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file.valid() || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return HostSentence(error, Cat("--pid-file: cannot write \"", path, "\""));
  }
  return {};
}

absl::Status RunHooks(const std::vector<oci::Hook>& hooks, const std::string& state_json, const char* kind) {
  for (const oci::Hook& hook : hooks) {
    int input[2];
    if (::pipe2(input, O_CLOEXEC) != 0) return HostSentence(errno, "pipe");
    UniqueFd read_end(input[0]), write_end(input[1]);
    std::vector<char*> args, env;
    for (const std::string& arg : hook.args) args.push_back(const_cast<char*>(arg.c_str()));
    if (args.empty()) args.push_back(const_cast<char*>(hook.path.c_str()));
    for (const std::string& entry : hook.env) env.push_back(const_cast<char*>(entry.c_str()));
    args.push_back(nullptr);
    env.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid < 0) return HostSentence(errno, "fork");
    if (pid == 0) {
      sigset_t none;
      sigemptyset(&none);
      ::sigprocmask(SIG_SETMASK, &none, nullptr);
      ::dup2(read_end.get(), 0);
      ::execve(hook.path.c_str(), args.data(), env.data());
      ::_exit(127);
    }
    read_end.reset();
    // The state is a few kilobytes: it fits into the pipe whether the hook reads it or not.
    ::fcntl(write_end.get(), F_SETFL, O_NONBLOCK);
    struct sigaction ignore {
    }, old{};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, &old);
    (void)!::write(write_end.get(), state_json.data(), state_json.size());
    ::sigaction(SIGPIPE, &old, nullptr);
    write_end.reset();
    const container::ProcessId child = container::IdentifyProcess(pid);
    const bool timed = hook.timeout_seconds.has_value();
    if (timed && !container::WaitGone(child, *hook.timeout_seconds * 1000)) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
      return absl::DeadlineExceededError(Cat(kind, " hook ", hook.path, ": not done after ", *hook.timeout_seconds, " seconds"));
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) return absl::InternalError(Cat(kind, " hook ", hook.path, ": killed by signal ", WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0) return absl::InternalError(Cat(kind, " hook ", hook.path, ": exit status ", WEXITSTATUS(status)));
  }
  return {};
}

int StatusOfStartFailure(const sandbox::StartFailure& failure, int otherwise) {
  if (failure.exec_errno == 0) return otherwise;
  return failure.exec_errno == ENOENT || failure.exec_errno == ENOTDIR ? kNotFound : kNotExecutable;
}

}  // namespace ringwall::cmd
