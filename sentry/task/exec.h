// execve(2), after the handler has copied its arguments in.
#pragma once

#include <string>
#include <vector>

#include "base/error/result.h"
#include "sentry/loader/loader.h"
#include "sentry/task/task.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/path_walk.h"

namespace ringwall::task {

struct ExecRequest {
  Ref<vfs::File> file;  // opened by OpenForExec
  std::string path;     // as given: AT_EXECFN, #! scripts
  std::vector<std::string> argv;
  std::vector<std::string> envp;
};

// Opens what execve or a #! line names: regular file, execute permission, not on a noexec mount (EACCES), not open for writing (ETXTBSY).
Result<Ref<vfs::File>> OpenForExec(Task& task, const vfs::WalkStart& start, std::string_view path, const vfs::WalkOptions& walk);

// Replaces the task's program. May park until the process's other threads are gone: then the handler comes back here from its registers.
// On success the registers are those of the new program and the caller answers KeepRegisters.
Result<void> Exec(Task& task, ExecRequest request);

}  // namespace ringwall::task
