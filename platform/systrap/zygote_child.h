// What the zygote's process does between fork and the stub's code. Runs in a copy of a threaded process: raw calls only.
#pragma once

#include <cstdint>

namespace ringwall::platform::systrap {

struct ZygoteStart {
  int32_t parent;  // process id of the sentry
  int socket;
  int memory;
};

// Exit codes tell the sentry which step failed; those of guest/stub.cc follow behind.
const char* ZygoteStepName(int step);

// `blob` is the temporary copy of the stub's code with a stack behind it, `bytes` in all; `entry` an offset.
[[noreturn]] void ZygoteMain(const ZygoteStart& start, uint64_t blob, uint64_t entry, uint64_t bytes);

}  // namespace ringwall::platform::systrap
