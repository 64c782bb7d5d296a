// A stopped tracee's signals, for its tracer.
#pragma once

#include <vector>

#include "abi/signal.h"

namespace ringwall::task {
class Task;
}

namespace ringwall::ptrace {

// PTRACE_PEEKSIGINFO: the thread's queue, or the process's.
std::vector<abi::SigInfo> PendingOf(task::Task& target, bool shared);
// PTRACE_GETSIGMASK, PTRACE_SETSIGMASK: the mask that the guest code will have.
abi::SigSet MaskOf(task::Task& target);
void SetMaskOf(task::Task& target, abi::SigSet mask);

}  // namespace ringwall::ptrace
