// Signals: record what arrives, block for a scope.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include "tests/lib/call.h"

namespace tests {

// Counts deliveries of one signal and keeps the last siginfo. Restores the old action at the end of its scope.
class SignalRecorder {
 public:
  explicit SignalRecorder(int signal, int flags = 0);
  ~SignalRecorder();
  SignalRecorder(const SignalRecorder&) = delete;
  int count() const;
  const siginfo_t& last() const;

 private:
  int signal_;
  struct sigaction old_;
};

// Signals blocked in the calling thread for a scope.
class BlockedSignals {
 public:
  template <class... Signals>
  explicit BlockedSignals(Signals... signals) {
    sigemptyset(&set_);
    (sigaddset(&set_, signals), ...);
    sigprocmask(SIG_BLOCK, &set_, &old_);
  }
  ~BlockedSignals() { sigprocmask(SIG_SETMASK, &old_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  const sigset_t& set() const { return set_; }

 private:
  sigset_t set_, old_;
};

inline sigset_t SetOf() {
  sigset_t set;
  sigemptyset(&set);
  return set;
}
template <class... More>
sigset_t SetOf(int signal, More... more) {
  sigset_t set = SetOf(more...);
  sigaddset(&set, signal);
  return set;
}

// The size of the kernel's signal set, the last argument of the rt_ calls.
inline constexpr size_t kSetSize = 8;

// Is the signal pending for this thread or process?
bool IsPending(int signal);

// What SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGTRAP said about the first fault in `body`; signo 0 when nothing faulted.
struct Fault {
  int signo = 0;
  int code = 0;
  void* address = nullptr;
};
Fault FaultOf(void (*body)(void*), void* argument);

}  // namespace tests
