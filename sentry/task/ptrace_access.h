// Who may look into whom: ptrace(2), "Ptrace access mode checking".
#pragma once

#include <cstdint>

#include "base/error/result.h"

namespace ringwall::task {

class Task;

// Which of the caller's ids count: PTRACE_MODE_REALCREDS for system calls that name a process, PTRACE_MODE_FSCREDS for files of proc(5).
enum class PtraceCreds : uint8_t { kReal, kFileSystem };

// EPERM when `caller` may not look into (or attach to) `target`.
Result<void> CheckPtraceAccess(Task& caller, const Task& target, PtraceCreds which);

}  // namespace ringwall::task
