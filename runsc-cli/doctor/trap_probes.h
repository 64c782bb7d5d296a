// The probes of what catches a guest's system calls: ptrace(2) and seccomp(2).
#pragma once

#include "runsc-cli/doctor/facts.h"

namespace ringwall::doctor {

// Without yama_scope.
PtraceFacts ProbePtrace();
SeccompFacts ProbeSeccomp();
NotificationFacts ProbeNotification();

}  // namespace ringwall::doctor
