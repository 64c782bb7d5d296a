// The systrap platform: guest code runs in stub processes of its own; seccomp turns its system calls into signals that a handler in the
// stub catches, and the hand-off to the sentry is a seccomp user notification or, while a CPU is free, a word in shared memory that both
// poll. Decisions and figures: docs/adr/0005-systrap-platform.md.
#pragma once

#include <memory>
#include <string>

#include "base/error/result.h"
#include "base/fd/shared_fd.h"
#include "platform/platform.h"

namespace ringwall::platform::systrap {

struct Options {
  // A directory descriptor of a proc file system that shows this process's pid namespace: CPU time and resident size of stubs. May be
  // invalid: then both are 0.
  UniqueFd proc_fd;
  // Whether call sites may be rewritten (AddressSpace::call_entry).
  bool rewrite_calls = true;
  // What calls read, by number: brought along with them. At most kCallShapes.
  absl::Span<const CallShape> shapes;
};

// Forks the zygote, so it must be called before the sentry is locked down, on the thread that will call Run(). On failure *why is one
// sentence for the operator: cause, evidence, fix.
Result<std::unique_ptr<Platform>> CreatePlatform(Options options, std::string* why);

// Has the CPU what the stubs' handler needs? Part of Probe() and of CreatePlatform().
bool CpuFits(std::string* why);

// Can this machine run systrap? Looks at the CPU and tries the seccomp notification with all flags in a child that it forks and reaps
// (about 2 ms). On failure *why is one sentence for the operator.
bool Probe(std::string* why);

}  // namespace ringwall::platform::systrap
