// Shared by the path calls: from (dirfd, path, AT_ flags) to a place.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "abi/fcntl.h"
#include "sentry/task/path_start.h"
#include "sentry/vfs/operations.h"
#include "syscalls/core/args.h"

namespace ringwall::syscalls {

// A path that has been copied in, with where its walk starts.
struct UserPlace {
  std::string path;
  std::unique_ptr<task::Task::PathStart> start;
  const vfs::WalkStart& walk() const { return start->start; }
};

// kFromDirectory: dirfd counts for absolute paths too (RESOLVE_IN_ROOT of openat2(2)).
enum class AbsolutePaths : uint8_t { kFromRoot, kFromDirectory };

inline Result<UserPlace> ReadPlace(Task& task, Fd dirfd, UserPath user_path, AbsolutePaths absolute = AbsolutePaths::kFromRoot) {
  std::string path = TRY(user_path.Read(task.memory()));
  auto start = TRY(task.StartOf(dirfd, absolute == AbsolutePaths::kFromRoot ? std::string_view(path) : std::string_view()));
  return UserPlace{std::move(path), std::move(start)};
}

// The existing file, following a last symlink unless AT_SYMLINK_NOFOLLOW; AT_EMPTY_PATH names dirfd itself.
inline Result<vfs::Path> WalkPlace(Task& task, const UserPlace& place, uint32_t at_flags) {
  vfs::WalkOptions options;
  if ((at_flags & abi::kAT_SYMLINK_NOFOLLOW) != 0) options.last = vfs::LastSymlink::kKeep;
  options.empty_path = (at_flags & abi::kAT_EMPTY_PATH) != 0;
  return vfs::Walk(task, place.walk(), place.path, options);
}

inline Result<vfs::Path> FindPath(Task& task, Fd dirfd, UserPath user_path, uint32_t at_flags) {
  const UserPlace place = TRY(ReadPlace(task, dirfd, user_path));
  return WalkPlace(task, place, at_flags);
}

}  // namespace ringwall::syscalls
