// open(2), openat(2), openat2(2), creat(2).
#include <algorithm>
#include <utility>

#include "abi/poll.h"
#include "abi/resource.h"
#include "sentry/pipe/pipe.h"
#include "sentry/task/call_state.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/path/at.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {
namespace {

constexpr uint32_t kValidOpenFlags = abi::kO_ACCMODE | abi::kO_CREAT | abi::kO_EXCL | abi::kO_NOCTTY | abi::kO_TRUNC | abi::kO_APPEND |
                                     abi::kO_NONBLOCK | abi::kO_SYNC | abi::kO_DSYNC | abi::kFASYNC | abi::kO_DIRECT | abi::kO_LARGEFILE |
                                     abi::kO_DIRECTORY | abi::kO_NOFOLLOW | abi::kO_NOATIME | abi::kO_CLOEXEC | abi::kO_PATH |
                                     abi::k__O_TMPFILE;

// A FIFO that waits for its other end (fifo(7)).
struct FifoState : task::TypedCallState<FifoState> {
  RefPtr<vfs::File> file;
};

Result<Fd> Open(Task& task, Fd dirfd, UserPath user_path, vfs::OpenHow how) {
  // A 64-bit kernel opens everything for large files, and F_GETFL shows it (open(2), O_LARGEFILE).
  if ((how.flags & abi::kO_PATH) == 0) how.flags |= abi::kO_LARGEFILE;
  RefPtr<vfs::File> file;
  if (auto* waiting = task.call_state<FifoState>()) {
    file = waiting->file;
  } else {
    const UserPlace place =
        TRY(ReadPlace(task, dirfd, user_path, how.walk.in_root ? AbsolutePaths::kFromDirectory : AbsolutePaths::kFromRoot));
    file = TRY(vfs::Open(task, place.walk(), place.path, how, task.fs().umask()));
  }
  if (pipe::FifoOpenState* pending = pipe::PendingOpen(*file)) {
    if (task.call_state<FifoState>() == nullptr) task.MakeCallState<FifoState>().file = file;
    const task::ParkOn on[] = {{pending, abi::kPOLLIN, file}};
    return task.Park(on, time::kNever, Errno::kRestartSys);
  }
  auto slot = TRY(task.fds().Reserve(task.Limit(abi::kRLIMIT_NOFILE)));
  const Fd fd = slot.fd();
  std::move(slot).Install(std::move(file).ToRef(), {.cloexec = (how.flags & abi::kO_CLOEXEC) != 0});
  return fd;
}

}  // namespace

Result<Fd> SysOpenat(Task& task, Fd dirfd, UserPath path, RawFlags flags, Mode mode) {
  // Unknown flags are ignored here and refused by openat2 (open(2), "BUGS").
  uint32_t f = flags.value & kValidOpenFlags;
  // O_PATH makes all but these meaningless.
  if ((f & abi::kO_PATH) != 0) f &= abi::kO_PATH | abi::kO_DIRECTORY | abi::kO_NOFOLLOW | abi::kO_CLOEXEC;
  const bool creates = (f & (abi::kO_CREAT | abi::k__O_TMPFILE)) != 0;
  return Open(task, dirfd, path, {.flags = f, .mode = creates ? mode.value & abi::kS_IALLUGO : 0});
}

Result<Fd> SysOpen(Task& task, UserPath path, RawFlags flags, Mode mode) { return SysOpenat(task, abi::kAtFdCwd, path, flags, mode); }

Result<Fd> SysCreat(Task& task, UserPath path, Mode mode) {
  return SysOpenat(task, abi::kAtFdCwd, path, {abi::kO_CREAT | abi::kO_WRONLY | abi::kO_TRUNC}, mode);
}

Result<Fd> SysOpenat2(Task& task, Fd dirfd, UserPath path, UserAddr user_how, uint64_t size) {
  if (size < abi::kOPEN_HOW_SIZE_VER0) return Errno::kEINVAL;
  if (size > 4096) return Errno::kE2BIG;
  abi::OpenHow how;
  TRY(task.memory().Read(user_how.value, absl::Span<std::byte>(reinterpret_cast<std::byte*>(&how), std::min<size_t>(size, sizeof(how)))));
  for (uint64_t at = sizeof(how); at < size; ++at) {
    const uint8_t unknown = TRY(task.memory().ReadValue<uint8_t>(user_how.value + at));
    if (unknown != 0) return Errno::kE2BIG;
  }
  constexpr uint64_t kResolve = abi::kRESOLVE_NO_XDEV | abi::kRESOLVE_NO_MAGICLINKS | abi::kRESOLVE_NO_SYMLINKS | abi::kRESOLVE_BENEATH |
                                abi::kRESOLVE_IN_ROOT | abi::kRESOLVE_CACHED;
  if ((how.flags & ~uint64_t{kValidOpenFlags}) != 0 || (how.resolve & ~kResolve) != 0) return Errno::kEINVAL;
  if ((how.resolve & abi::kRESOLVE_BENEATH) != 0 && (how.resolve & abi::kRESOLVE_IN_ROOT) != 0) return Errno::kEINVAL;
  const uint32_t flags = static_cast<uint32_t>(how.flags);
  const bool creates = (flags & (abi::kO_CREAT | abi::k__O_TMPFILE)) != 0;
  if (creates ? (how.mode & ~uint64_t{abi::kS_IALLUGO}) != 0 : how.mode != 0) return Errno::kEINVAL;
  if ((flags & abi::kO_PATH) != 0 && (flags & ~(abi::kO_PATH | abi::kO_DIRECTORY | abi::kO_NOFOLLOW | abi::kO_CLOEXEC)) != 0)
    return Errno::kEINVAL;
  // Nothing promises that a walk needs no work: the caller tries again without the flag (openat2(2)).
  if ((how.resolve & abi::kRESOLVE_CACHED) != 0) return Errno::kEAGAIN;
  vfs::OpenHow open{.flags = flags, .mode = static_cast<uint32_t>(how.mode)};
  open.walk.beneath = (how.resolve & abi::kRESOLVE_BENEATH) != 0;
  open.walk.in_root = (how.resolve & abi::kRESOLVE_IN_ROOT) != 0;
  open.walk.no_xdev = (how.resolve & abi::kRESOLVE_NO_XDEV) != 0;
  open.walk.no_symlinks = (how.resolve & abi::kRESOLVE_NO_SYMLINKS) != 0;
  open.walk.no_magiclinks = (how.resolve & abi::kRESOLVE_NO_MAGICLINKS) != 0;
  return Open(task, dirfd, path, open);
}

}  // namespace ringwall::syscalls
