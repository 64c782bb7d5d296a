// The choice of a platform: makes the one that was asked for, or the best that this machine can run.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error/result.h"
#include "base/fd/unique_fd.h"
#include "host/seccomp/rule.h"
#include "platform/platform.h"

namespace ringwall::boot {

struct PlatformRequest {
  std::string name;  // "auto", "systrap", "ptrace"
  UniqueFd proc_fd;  // a detached proc of this pid namespace; may be invalid
  int cpu = -1;      // where a platform that keeps to one CPU shall stay
  bool rewrite_calls = true;
};

struct ChosenPlatform {
  std::unique_ptr<platform::Platform> platform;
  std::vector<host::Rule> rules;  // its share of the sentry's filter
};

// Before the sentry's filter, on the thread that will call Run(). On failure *why is one sentence for the operator. `auto` logs at info
// what it took, and why not a faster one.
Result<ChosenPlatform> MakePlatform(PlatformRequest request, std::string* why);

}  // namespace ringwall::boot
