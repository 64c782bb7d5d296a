// execve(2), execveat(2).
#include <string>
#include <utility>
#include <vector>

#include "abi/fcntl.h"
#include "sentry/task/exec.h"
#include "sentry/task/path_start.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {
namespace {

// MAX_ARG_STRLEN (32 pages) per string and, over all of them, 6 MiB whatever the stack limit says (execve(2)).
constexpr size_t kMaxArgString = 32 * 4096;
constexpr size_t kMaxArgBytes = 6u << 20;

Result<std::vector<std::string>> ReadStrings(Task& task, UserStringArray array, size_t& budget) {
  std::vector<std::string> strings;
  if (array.address == 0) return strings;  // Linux takes a null pointer as an empty list
  for (uint64_t at = array.address;; at += sizeof(uint64_t)) {
    const uint64_t pointer = TRY(task.memory().ReadValue<uint64_t>(at));
    if (pointer == 0) return strings;
    std::string text = TRY(task.memory().ReadString(pointer, kMaxArgString, Errno::kE2BIG));
    const size_t cost = text.size() + 1 + sizeof(uint64_t);
    if (cost > budget) return Errno::kE2BIG;
    budget -= cost;
    strings.push_back(std::move(text));
  }
}

Result<KeepRegisters> ExecAt(Task& task, Fd dirfd, UserPath user_path, UserStringArray argv, UserStringArray envp,
                             const vfs::WalkOptions& walk) {
  std::string path = TRY(user_path.Read(task.memory()));
  const auto start = TRY(task.StartOf(dirfd, path));
  Ref<vfs::File> file = TRY(task::OpenForExec(task, start->start, path, walk));
  size_t budget = kMaxArgBytes;
  std::vector<std::string> arguments = TRY(ReadStrings(task, argv, budget));
  std::vector<std::string> environment = TRY(ReadStrings(task, envp, budget));
  // An empty argv becomes {""}: programs may rely on argv[0] (Linux 5.18).
  if (arguments.empty()) arguments.emplace_back();
  if (dirfd != abi::kAtFdCwd && !path.starts_with('/')) {
    // What a script's interpreter is told to open (execveat(2), NOTES).
    path = "/dev/fd/" + std::to_string(abi::Raw(dirfd)) + (path.empty() ? "" : "/" + path);
  }
  TRY(task::Exec(task, {std::move(file), std::move(path), std::move(arguments), std::move(environment)}));
  return KeepRegisters{};
}

}  // namespace

Result<KeepRegisters> SysExecve(Task& task, UserPath path, UserStringArray argv, UserStringArray envp) {
  return ExecAt(task, abi::kAtFdCwd, path, argv, envp, {});
}

Result<KeepRegisters> SysExecveat(Task& task, Fd dirfd, UserPath path, UserStringArray argv, UserStringArray envp, RawFlags flags) {
  if ((flags.value & ~(abi::kAT_EMPTY_PATH | abi::kAT_SYMLINK_NOFOLLOW)) != 0) return Errno::kEINVAL;
  vfs::WalkOptions walk;
  walk.empty_path = (flags.value & abi::kAT_EMPTY_PATH) != 0;
  if ((flags.value & abi::kAT_SYMLINK_NOFOLLOW) != 0) walk.last = vfs::LastSymlink::kKeep;
  return ExecAt(task, dirfd, path, argv, envp, walk);
}

}  // namespace ringwall::syscalls
