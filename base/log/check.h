// CHECK: our own invariants, on in release. A CHECK that a guest can reach is a security bug.
#pragma once

#include "base/error/result.h"

namespace ringwall {

// Prints "file:line: check failed: what" with RawLog, runs the crash hooks (last calls and registers) and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* what);
// A host call failed in a way that we have no answer to (short of EINTR/EAGAIN). Names the call and its errno, aborts.
[[noreturn]] void HostFatal(const char* host_call, int host_errno);
// Called once before abort, e.g. to dump the tasks. Async-signal-safe work only. At most 4 hooks.
void AddCrashHook(void (*hook)());

}  // namespace ringwall

#define CHECK(cond)                                       \
  do {                                                    \
    if (!(cond)) [[unlikely]]                             \
      ::ringwall::CheckFailed(__FILE__, __LINE__, #cond); \
  } while (0)
