// Usage in the form of getrusage(2).
#pragma once

#include "abi/resource.h"
#include "sentry/task/thread_group.h"

namespace ringwall::syscalls {

abi::Rusage ToRusage(const task::Usage& usage);

}  // namespace ringwall::syscalls
