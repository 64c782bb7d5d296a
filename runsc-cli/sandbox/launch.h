// Starts a sandbox: gofer, sentry and stand-in, wired to each other and to the container's standard streams.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd/unique_fd.h"
#include "runsc-cli/container/error_log.h"
#include "runsc-cli/container/process.h"
#include "runsc-cli/container/store.h"
#include "runsc-cli/sandbox/plan.h"

namespace ringwall::sandbox {

struct LaunchRequest {
  Plan plan;
  std::array<int, 3> stdio = {0, 1, 2};       // the container's, borrowed; unused with a console
  UniqueFd console;                           // the terminal's bytes, both ways
  const container::Handle* handle = nullptr;  // where the control socket goes; null: none
  std::string store_root;
  container::ErrorLog log;  // errors of the stand-in
  int sandbox_log = -1;     // borrowed: logs and --strace of sentry and gofer; -1 = none
  bool ephemeral = false;   // the container dies with this process
};

struct Sandbox {
  container::ProcessId stand_in;
  container::ProcessId sentry;
  container::ProcessId gofer;
  UniqueFd caller;  // to the stand-in; closing it before Commit tears everything down
  UniqueFd report;
};

// The container's program could not be executed: `do` and `run` turn the errno into 126 or 127.
struct StartFailure {
  int exec_errno = 0;  // 0: the sandbox itself failed
};

absl::StatusOr<Sandbox> Launch(LaunchRequest request);
// Waits until the container is created (its program loaded, parked before its first instruction). On failure all its processes are gone.
absl::Status AwaitReady(Sandbox& sandbox, StartFailure* failure);
// From now on the container outlives this process (unless ephemeral).
absl::Status Commit(Sandbox& sandbox);
// Lets the created program run, through the stand-in: for a sandbox that may have no control socket.
absl::Status SendStart(Sandbox& sandbox);
void SendResize(const Sandbox& sandbox, uint16_t rows, uint16_t columns);

}  // namespace ringwall::sandbox
