// ControlTarget: what the control socket may do to a running sentry. The Kernel implements it (through sentry/kernel/control.*).
#pragma once

#include <cstdint>
#include <string>

#include "base/error/result.h"
#include "sentry/control/messages.h"

namespace ringwall::control {

// Calls come from the control server's thread, one at a time, with no lock held.
class ControlTarget {
 public:
  virtual ~ControlTarget() = default;
  // Lets the created init process run. EINVAL when it runs already or has exited.
  virtual Result<void> Start() = 0;
  // kill(2) from outside with root's rights. ESRCH when the process is gone; signo is 1..64.
  virtual Result<void> Signal(int signo, SignalScope scope) = 0;
  virtual StateBody State() = 0;
  // New window size of the container's terminal (SIGWINCH to its foreground group). ENOTTY without a terminal.
  virtual Result<void> Resize(uint16_t rows, uint16_t columns) = 0;
  // One line per unimplemented (call, flag) that the guest has met: text for operators.
  virtual std::string UnimplementedReport() = 0;
  // One line or paragraph per task: state, last call, what it waits on.
  virtual std::string TaskDump() = 0;
  // Kills every process of every container; the sentry ends soon after. Never blocks.
  virtual void Shutdown() = 0;
};

}  // namespace ringwall::control
