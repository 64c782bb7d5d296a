// What waitpid(2) says about a tracee, as a type: exit, death by signal, system-call stop, ptrace event stop, signal-delivery stop.
#pragma once

#include <signal.h>
#include <sys/wait.h>

namespace ringwall::platform::ptrace {

class WaitStatus {
 public:
  WaitStatus() = default;
  explicit WaitStatus(int raw) : raw_(raw) {}

  bool gone() const { return WIFEXITED(raw_) || WIFSIGNALED(raw_); }
  bool exited() const { return WIFEXITED(raw_); }
  int exit_code() const { return WEXITSTATUS(raw_); }
  bool stopped() const { return WIFSTOPPED(raw_); }
  // PTRACE_O_TRACESYSGOOD sets bit 7 of the signal.
  bool system_call() const { return stopped() && WSTOPSIG(raw_) == (SIGTRAP | 0x80); }
  // PTRACE_EVENT_*; 0 = none. PTRACE_EVENT_STOP is the first stop of a new tracee, PTRACE_INTERRUPT, and group stop.
  int event() const { return raw_ >> 16; }
  // The signal of a signal-delivery stop; 0 in every other state.
  int signal() const { return stopped() && event() == 0 && !system_call() ? WSTOPSIG(raw_) : 0; }

 private:
  int raw_ = 0;
};

}  // namespace ringwall::platform::ptrace
