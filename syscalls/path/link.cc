// link(2), linkat(2), symlink(2), symlinkat(2), readlink(2), readlinkat(2).
#include <algorithm>

#include "sentry/cred/credentials.h"
#include "syscalls/path/at.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {

Result<void> SysLinkat(Task& task, Fd old_dirfd, UserPath old_path, Fd new_dirfd, UserPath new_path, RawFlags flags) {
  if ((flags.value & ~(abi::kAT_SYMLINK_FOLLOW | abi::kAT_EMPTY_PATH)) != 0) return Errno::kEINVAL;
  const UserPlace from = TRY(ReadPlace(task, old_dirfd, old_path));
  if (from.path.empty() && (flags.value & abi::kAT_EMPTY_PATH) != 0 && !task.creds().Has(abi::kCAP_DAC_READ_SEARCH)) return Errno::kENOENT;
  // Unlike most calls, link(2) does not follow unless asked.
  const uint32_t walk =
      (flags.value & abi::kAT_EMPTY_PATH) | ((flags.value & abi::kAT_SYMLINK_FOLLOW) != 0 ? 0 : abi::kAT_SYMLINK_NOFOLLOW);
  const vfs::Path target = TRY(WalkPlace(task, from, walk));
  const UserPlace to = TRY(ReadPlace(task, new_dirfd, new_path));
  return vfs::Link(task, target, to.walk(), to.path);
}

Result<void> SysLink(Task& task, UserPath old_path, UserPath new_path) {
  return SysLinkat(task, abi::kAtFdCwd, old_path, abi::kAtFdCwd, new_path, {});
}

Result<void> SysSymlinkat(Task& task, UserPath target, Fd dirfd, UserPath path) {
  const std::string text = TRY(target.Read(task.memory()));
  if (text.empty()) return Errno::kENOENT;
  const UserPlace place = TRY(ReadPlace(task, dirfd, path));
  return vfs::Symlink(task, text, place.walk(), place.path);
}

Result<void> SysSymlink(Task& task, UserPath target, UserPath path) { return SysSymlinkat(task, target, abi::kAtFdCwd, path); }

Result<int64_t> SysReadlinkat(Task& task, Fd dirfd, UserPath path, UserBuffer buffer, int32_t size) {
  if (size <= 0) return Errno::kEINVAL;
  const UserPlace place = TRY(ReadPlace(task, dirfd, path));
  // An empty path names the O_PATH descriptor of a symlink itself (readlinkat(2)).
  const bool itself = place.path.empty() && dirfd != abi::kAtFdCwd;
  const vfs::Path found = TRY(WalkPlace(task, place, abi::kAT_SYMLINK_NOFOLLOW | (itself ? abi::kAT_EMPTY_PATH : 0)));
  if (!found.inode().IsSymlink()) return itself ? Errno::kENOENT : Errno::kEINVAL;
  const std::string text = TRY(vfs::ReadLink(task, found));
  const size_t n = std::min<size_t>(text.size(), static_cast<size_t>(size));
  TRY(task.memory().Write(buffer.address, absl::Span<const std::byte>(reinterpret_cast<const std::byte*>(text.data()), n)));
  return static_cast<int64_t>(n);
}

Result<int64_t> SysReadlink(Task& task, UserPath path, UserBuffer buffer, int32_t size) {
  return SysReadlinkat(task, abi::kAtFdCwd, path, buffer, size);
}

}  // namespace ringwall::syscalls
