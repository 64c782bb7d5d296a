// Terminals: a host pty for an engine's --console-socket, and the relay between the operator's terminal and the sandbox.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd/unique_fd.h"
#include "runsc-cli/sandbox/launch.h"

namespace ringwall::sandbox {

// A host pty pair: the master is sent to the AF_UNIX stream socket `path` (SCM_RIGHTS, as runc does), the slave is returned in raw mode.
// The line discipline that the workload sees is the sentry's own.
absl::StatusOr<UniqueFd> OpenConsole(const std::string& path, uint16_t rows, uint16_t columns);

// The relay's two ends: one for the sandbox, one for WaitForeground.
struct Relay {
  UniqueFd sandbox;
  UniqueFd ours;
};
absl::StatusOr<Relay> MakeRelay();

// Window size of a terminal; false when fd is none.
bool WindowSize(int fd, uint16_t* rows, uint16_t* columns);

// Blocks the signals that WaitForeground passes on. Before Launch, so that none is lost.
void BlockSignals();

// Runs until the stand-in has ended: passes signals on, relays the terminal (when `relay` is valid: raw mode on stdin while it lasts)
// and window sizes. Returns the container's wait(2) status as a shell shows it: exit code, or 128 + signal.
int WaitForeground(Sandbox& sandbox, UniqueFd relay);

}  // namespace ringwall::sandbox
