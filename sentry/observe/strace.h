// strace lines of system calls: "[tid] name(args) = result" in the log's room "strace" (--strace, --strace=name,...).
#pragma once

#include <cstdint>

namespace ringwall::task {
class Task;
struct CallOutcome;
struct RawArgs;
struct SyscallRow;
}  // namespace ringwall::task

namespace ringwall::observe {

// One finished call. `started_ns` is CLOCK_MONOTONIC at the start of its last run. Writes nothing for calls outside --strace=....
void StraceCall(task::Task& task, const task::SyscallRow& row, uint64_t number, const task::RawArgs& args, const task::CallOutcome& outcome,
                int64_t started_ns);

}  // namespace ringwall::observe
