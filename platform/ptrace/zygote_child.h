// What the zygote's process does between fork and the moment the tracer takes it over. Runs in a copy of a threaded process: raw calls
// only.
#pragma once

#include <cstdint>

struct sock_fprog;  // linux/filter.h

namespace ringwall::platform::ptrace {

struct ZygoteStart {
  int32_t parent;  // process id of the sentry
  int socket;
  int memory;
  uint64_t park;  // address of the blob's park routine in the temporary mapping
  const sock_fprog* filter;
};

// Exit codes tell the tracer which step failed.
enum ZygoteStep : int { kStepGo = 1, kStepDescriptors, kStepCapabilities, kStepPrctl, kStepFilter };
const char* ZygoteStepName(int step);

[[noreturn]] void ZygoteMain(const ZygoteStart& start);

}  // namespace ringwall::platform::ptrace
