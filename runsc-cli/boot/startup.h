// `ringwall boot`: the sentry's start, from inherited descriptors to a locked-down process that runs a kernel. Internal.
//
// Order, and why: configuration and log first (so that failures can be told); then the empty root, while mounting is still allowed; then
// the identity (own user namespace, user nobody, no capabilities); then the kernel makes what needs host calls that the filter forbids
// (platform, threads); then the seccomp filter; only then is a byte of the container's files looked at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd/unique_fd.h"
#include "runsc-cli/boot/boot_config.h"
#include "runsc-cli/sandbox/inherited.h"

namespace ringwall::boot {

// One answer to the command line that waits for the container to be created.
class Reporter {
 public:
  explicit Reporter(int fd) : fd_(fd) {}
  // The container is created: its program is loaded and parked.
  void Ready() { Send(sandbox::StartReport::Kind::kReady, 0, ""); }
  // The sandbox could not be made.
  void InternalError(std::string_view sentence) { Send(sandbox::StartReport::Kind::kInternalError, 0, sentence); }
  // The container's program could not be executed: errno of execve(2).
  void ExecError(int32_t error, std::string_view sentence) { Send(sandbox::StartReport::Kind::kExecError, error, sentence); }
  bool sent() const { return !fd_.valid(); }

 private:
  void Send(sandbox::StartReport::Kind kind, int32_t error, std::string_view text);
  UniqueFd fd_;
};

// What boot.cc gets: a process without privileges, its descriptors and its configuration.
struct BootContext {
  BootConfig config;
  Reporter report{-1};
  UniqueFd gofer;             // connection to the gofer, nothing sent yet
  UniqueFd owner;             // to the stand-in, for control::ServerOptions::owner
  UniqueFd control_listener;  // may be invalid
  UniqueFd console;           // valid when config.has_console
  UniqueFd stdio[3];          // the container's 0, 1, 2 (or /dev/null)
  UniqueFd proc;              // a detached proc of this pid namespace, for the platform's statistics; may be invalid
};

// Gets ready and calls `run_sentry` (boot.cc's RunSentry; a double in tests). Returns the process's exit status.
int BootMain(int (*run_sentry)(BootContext context));

}  // namespace ringwall::boot
