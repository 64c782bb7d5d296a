// What systrap asks of the host: the seccomp program of the stubs and the sentry's own additional host calls.
#pragma once

#include <cstdint>
#include <vector>

#include "host/seccomp/rule.h"

struct sock_filter;

namespace ringwall::platform::systrap {

// Flags of the only two clones that a stub may do. CLONE_PARENT: every stub is the sentry's own child.
inline constexpr uint64_t kThreadCloneFlags =
    0x00000100 /*VM*/ | 0x00000200 /*FS*/ | 0x00000400 /*FILES*/ | 0x00000800 /*SIGHAND*/ | 0x00010000 /*THREAD*/ | 0x00040000 /*SYSVSEM*/;
inline constexpr uint64_t kProcessCloneFlags = 0x00000200 /*FS*/ | 0x00000400 /*FILES*/ | 0x00008000 /*PARENT*/;

// Interrupt() of a guest thread: the stub's handler makes an event of it. A standard signal: several merge.
inline constexpr int kInterruptSignal = 10;  // SIGUSR1
// Gets a worker of the sentry out of the wait for notifications.
inline constexpr int kKickSignal = 12;  // SIGUSR2

// The stubs' program. Guest code's calls give SIGSYS. A call from the stub's own code (guest code can jump there, so the instruction
// pointer routes and does not authorise) is
//   allowed:  what can only change the caller's own private memory or end it,
//   notified: the hand-over; everything with a descriptor, clone, and writable protections: the sentry compares all scalars with what it
//             asked for,
//   fatal:    the rest.
std::vector<sock_filter> BuildStubFilter();

// Must `number` with these arguments be notified when it comes from the stub's code? The sentry's copy of the program's decision.
bool IsNotified(uint64_t number, const uint64_t* arguments);

// Host calls of the sentry's workers, each with its reason. `proc_fd` as in Options; negative: none.
std::vector<host::Rule> SentryRules(int proc_fd);

}  // namespace ringwall::platform::systrap
