// PATH search for the first process of a container.
#include "sentry/kernel/find_program.h"

#include <string_view>
#include <utility>

#include "sentry/task/exec.h"
#include "sentry/task/path_start.h"

namespace ringwall::kernel {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Result<FoundProgram> Try(task::Task& task, std::string path) {
  const auto start = TRY(task.StartOf(abi::kAtFdCwd, path));
  Ref<vfs::File> file = TRY(task::OpenForExec(task, start->start, path, {}));
  return FoundProgram{std::move(file), std::move(path)};
}

}  // namespace

Result<FoundProgram> FindProgram(task::Task& task, const std::string& name, const std::vector<std::string>& env) {
  if (name.find('/') != std::string::npos) return Try(task, name);
  std::string_view path = kDefaultPath;
  for (const std::string& entry : env) {
    if (entry.starts_with("PATH=")) path = std::string_view(entry).substr(5);
  }
  Errno error = Errno::kENOENT;
  for (;;) {
    const size_t colon = path.find(':');
    const std::string_view directory = path.substr(0, colon);
    auto found = Try(task, directory.empty() ? name : std::string(directory) + "/" + name);
    if (found.ok()) return found;
    // execvp(3): a file that can't be executed is remembered, the search goes on.
    if (found.error() == Errno::kEACCES) error = Errno::kEACCES;
    if (colon == std::string_view::npos) return error;
    path.remove_prefix(colon + 1);
  }
}

}  // namespace ringwall::kernel
