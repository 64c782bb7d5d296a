// Signals: record what arrives, block for a scope, catch a fault.
#include "tests/lib/signals.h"

#include <setjmp.h>
#include <string.h>

namespace tests {

static volatile int counts[65];
static siginfo_t infos[65];

static void Record(int signal, siginfo_t* info, void*) {
  memcpy(&infos[signal], info, sizeof *info);
  counts[signal] = counts[signal] + 1;
}

SignalRecorder::SignalRecorder(int signal, int flags) : signal_(signal) {
  counts[signal] = 0;
  memset(&infos[signal], 0, sizeof infos[signal]);
  struct sigaction action = {};
  action.sa_sigaction = &Record;
  action.sa_flags = SA_SIGINFO | flags;
  EXPECT_EQ(sigaction(signal, &action, &old_), 0);
}
SignalRecorder::~SignalRecorder() { sigaction(signal_, &old_, nullptr); }
int SignalRecorder::count() const { return counts[signal_]; }
const siginfo_t& SignalRecorder::last() const { return infos[signal_]; }

bool IsPending(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigpending(&set);
  return sigismember(&set, signal) == 1;
}

static sigjmp_buf fault_return;
static Fault fault_seen;

static void CatchFault(int signal, siginfo_t* info, void*) {
  fault_seen = Fault{signal, info->si_code, info->si_addr};
  siglongjmp(fault_return, 1);
}

Fault FaultOf(void (*body)(void*), void* argument) {
  static const int kFaults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  struct sigaction old[5];
  struct sigaction action = {};
  action.sa_sigaction = &CatchFault;
  action.sa_flags = SA_SIGINFO;
  for (int i = 0; i < 5; ++i) sigaction(kFaults[i], &action, &old[i]);
  fault_seen = Fault{};
  if (sigsetjmp(fault_return, 1) == 0) body(argument);
  for (int i = 0; i < 5; ++i) sigaction(kFaults[i], &old[i], nullptr);
  return fault_seen;
}

}  // namespace tests
