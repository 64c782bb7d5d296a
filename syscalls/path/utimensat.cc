// utimensat(2), utime(2), utimes(2), futimesat(2).
#include "sentry/vfs/fd_table.h"
#include "syscalls/path/at.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {
namespace {

using vfs::TimeChange;

Result<TimeChange> FromTimespec(const abi::Timespec& ts) {
  if (ts.tv_nsec == abi::kUTIME_NOW) return TimeChange{.kind = TimeChange::Kind::kNow};
  if (ts.tv_nsec == abi::kUTIME_OMIT) return TimeChange{.kind = TimeChange::Kind::kOmit};
  if (ts.tv_nsec < 0 || ts.tv_nsec >= 1'000'000'000) return Errno::kEINVAL;
  return TimeChange{.kind = TimeChange::Kind::kSet, .time = ts};
}

Result<TimeChange> FromTimeval(const abi::Timeval& tv) {
  if (tv.tv_usec < 0 || tv.tv_usec >= 1'000'000) return Errno::kEINVAL;
  return TimeChange{.kind = TimeChange::Kind::kSet, .time = {.tv_sec = tv.tv_sec, .tv_nsec = tv.tv_usec * 1000}};
}

constexpr TimeChange kNow{.kind = TimeChange::Kind::kNow};

}  // namespace

Result<void> SysUtimensat(Task& task, Fd dirfd, UserPath path, UserArray<abi::Timespec> times, RawFlags flags) {
  abi::Timespec ts[2];
  if (!times.is_null()) {
    TRY(times.Read(task.memory(), ts));
    // Nothing to do, not even a check of the path (utimensat(2)).
    if (ts[0].tv_nsec == abi::kUTIME_OMIT && ts[1].tv_nsec == abi::kUTIME_OMIT) return {};
  }
  // Nonsense is found after the file.
  const auto set = [&](const vfs::Path& found) -> Result<void> {
    if (times.is_null()) return vfs::SetTimes(task, found, kNow, kNow);
    const TimeChange atime = TRY(FromTimespec(ts[0]));
    const TimeChange mtime = TRY(FromTimespec(ts[1]));
    return vfs::SetTimes(task, found, atime, mtime);
  };
  if ((flags.value & ~(abi::kAT_SYMLINK_NOFOLLOW | abi::kAT_EMPTY_PATH)) != 0) return Errno::kEINVAL;
  if (path.is_null() && dirfd != abi::kAtFdCwd) {
    if (flags.value != 0) return Errno::kEINVAL;
    const Ref<vfs::File> file = TRY(task.fds().GetForIo(dirfd));
    if (!file->path()) return Errno::kEINVAL;
    return set(file->path());
  }
  const vfs::Path found = TRY(FindPath(task, dirfd, path, flags.value));
  return set(found);
}

Result<void> SysFutimesat(Task& task, Fd dirfd, UserPath path, UserArray<abi::Timeval> times) {
  TimeChange atime = kNow;
  TimeChange mtime = kNow;
  if (!times.is_null()) {
    abi::Timeval tv[2];
    TRY(times.Read(task.memory(), tv));
    atime = TRY(FromTimeval(tv[0]));
    mtime = TRY(FromTimeval(tv[1]));
  }
  if (path.is_null() && dirfd != abi::kAtFdCwd) {
    const Ref<vfs::File> file = TRY(task.fds().GetForIo(dirfd));
    if (!file->path()) return Errno::kEINVAL;
    return vfs::SetTimes(task, file->path(), atime, mtime);
  }
  const vfs::Path found = TRY(FindPath(task, dirfd, path, 0));
  return vfs::SetTimes(task, found, atime, mtime);
}

Result<void> SysUtimes(Task& task, UserPath path, UserArray<abi::Timeval> times) { return SysFutimesat(task, abi::kAtFdCwd, path, times); }

Result<void> SysUtime(Task& task, UserPath path, UserIn<abi::Utimbuf> times) {
  TimeChange atime = kNow;
  TimeChange mtime = kNow;
  if (!times.is_null()) {
    const abi::Utimbuf t = TRY(times.Read(task.memory()));
    atime = {.kind = TimeChange::Kind::kSet, .time = {.tv_sec = t.actime}};
    mtime = {.kind = TimeChange::Kind::kSet, .time = {.tv_sec = t.modtime}};
  }
  const vfs::Path found = TRY(FindPath(task, abi::kAtFdCwd, path, 0));
  return vfs::SetTimes(task, found, atime, mtime);
}

}  // namespace ringwall::syscalls
