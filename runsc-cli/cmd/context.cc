// Global flags, errors, output: what all sub-commands share.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>

#include "base/log/log.h"
#include "runsc-cli/boot/platform_name.h"
#include "runsc-cli/cmd/command.h"
#include "runsc-cli/oci/text.h"

namespace ringwall::cmd {

Context::Context(const Invocation& invocation)
    : in_(invocation), store_(invocation.root.empty() ? container::DefaultRoot() : invocation.root) {}

absl::Status Context::Open() {
  if (!in_.log.empty()) {
    log_file_.reset(::open(in_.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!log_file_.valid()) return HostSentence(errno, Cat("--log: cannot open \"", in_.log, "\""));
    log_ = container::ErrorLog(log_file_.get(), in_.log_format == "json");
  }
  RETURN_IF_ERROR(boot::CheckPlatformName("--platform", in_.platform));
  if (in_.network == "sandbox" || in_.network == "host") {
    return absl::UnimplementedError(
        Cat("--network: \"", in_.network, "\" is not available in this version; use none (a loopback interface only)"));
  }
  if (in_.network != "none")
    return absl::InvalidArgumentError(OneLine(Cat("--network: found \"", in_.network, "\", wanted none, sandbox or host")));
  if (in_.overlay == "self" || in_.overlay == "root:self") {
    return absl::UnimplementedError(Cat("--overlay: \"", in_.overlay, "\" is not available in this version; use root:memory or none"));
  }
  if (in_.overlay != "root:memory" && in_.overlay != "none") {
    return absl::InvalidArgumentError(OneLine(Cat("--overlay: found \"", in_.overlay, "\", wanted root:memory, self or none")));
  }
  if (!in_.debug_log.empty()) {
    std::string error;
    if (!SetLogLevels(in_.debug_log, &error)) return absl::InvalidArgumentError(OneLine(Cat("--debug-log: ", error)));
  }
  if (in_.preserve_fds != 0)
    return absl::UnimplementedError("--preserve-fds: passing further descriptors is not available in this version");
  return {};
}

int Context::Fail(const absl::Status& status, int exit_status) const {
  const std::string message = OneLine(std::string(status.message()));
  log_.Error(message);
  const std::string line = Cat("ringwall: ", message, "\n");
  (void)!::write(2, line.data(), line.size());
  return exit_status;
}

void Context::Warn(const std::string& sentence) const {
  if (!in_.debug) return;
  log_.Warning(OneLine(sentence));
  if (log_.fd() >= 0) return;
  const std::string line = Cat("ringwall: warning: ", OneLine(sentence), "\n");
  (void)!::write(2, line.data(), line.size());
}

void Context::ApplyFlags(sandbox::Plan* plan) const {
  boot::BootConfig& boot = plan->boot;
  // A bundle's annotation has had its say already (RequestFor).
  if (in_.platform != boot::kAutoPlatform) boot.platform = in_.platform;
  boot.rewrite_calls = in_.rewrite_calls == "on";
  boot.network = in_.network;
  boot.debug = in_.debug;
  boot.debug_log = in_.debug_log;
  boot.strace = in_.strace.has_value();
  if (in_.strace.has_value() && *in_.strace != "all") {
    std::stringstream list(*in_.strace);
    for (std::string call; std::getline(list, call, ',');) {
      if (!call.empty()) boot.strace_calls.push_back(call);
    }
  }
}

int Context::SandboxLog(bool foreground) const {
  if (log_.fd() >= 0) return log_.fd();
  if (foreground && (in_.debug || in_.strace.has_value() || !in_.debug_log.empty())) return 2;
  return -1;
}

void Print(const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t put = ::write(1, text.data() + done, text.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return;
    done += static_cast<size_t>(put);
  }
}

}  // namespace ringwall::cmd
