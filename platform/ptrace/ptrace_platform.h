// The ptrace platform: guest code runs in stub processes under PTRACE_SYSEMU. The reference for correctness; works nearly everywhere.
#pragma once

#include <memory>
#include <string>

#include "base/fd/unique_fd.h"
#include "platform/platform.h"

namespace ringwall::platform::ptrace {

struct Options {
  // A directory descriptor of /proc in our pid namespace, opened before lock-down, for CpuTimeNs and ResidentBytes. Without it
  // ResidentBytes is 0 and CpuTimeNs knows single-threaded guests only.
  UniqueFd proc_fd;
  // The CPU to keep to while Run() lasts; -1, or one we may not use: the one that Run() finds itself on.
  int cpu = -1;
};

// The calling thread becomes the tracer: it is the one that calls Run() and destroys the platform. Call it before the sentry's seccomp
// filter (the stubs inherit it) and after changes of user ids. On failure *why is a sentence for the operator.
Result<std::unique_ptr<Platform>> CreatePlatform(Options options, std::string* why);

}  // namespace ringwall::platform::ptrace
