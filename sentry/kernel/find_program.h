// Which file a container's args[0] means: OCI runtimes look it up in PATH of the process's own environment, as execvp(3) does.
#pragma once

#include <string>
#include <vector>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/task/task.h"
#include "sentry/vfs/file.h"

namespace ringwall::kernel {

struct FoundProgram {
  Ref<vfs::File> file;
  std::string path;  // absolute, or relative to cwd as given
};

// ENOENT when nothing fits; EACCES when something does but can't be executed.
Result<FoundProgram> FindProgram(task::Task& task, const std::string& name, const std::vector<std::string>& env);

}  // namespace ringwall::kernel
