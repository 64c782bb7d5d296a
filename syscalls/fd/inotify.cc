// inotify_init(2), inotify_add_watch(2), inotify_rm_watch(2).
#include "abi/inotify.h"
#include "abi/resource.h"
#include "sentry/fs/anon/inotify.h"
#include "sentry/kernel/kernel.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/permission.h"
#include "syscalls/fd/fd.h"
#include "syscalls/path/at.h"

namespace ringwall::syscalls {
namespace {

constexpr uint32_t kKnown = abi::kIN_ALL_EVENTS | abi::kIN_UNMOUNT | abi::kIN_Q_OVERFLOW | abi::kIN_IGNORED | abi::kIN_ONLYDIR |
                            abi::kIN_DONT_FOLLOW | abi::kIN_EXCL_UNLINK | abi::kIN_MASK_CREATE | abi::kIN_MASK_ADD | abi::kIN_ISDIR |
                            abi::kIN_ONESHOT;

}  // namespace

Result<Fd> SysInotifyInit1(Task& task, RawFlags flags) {
  Ref<vfs::File> file = TRY(anon::MakeInotify(task, task.kernel().inotify(), flags.value));
  return task.fds().Add(std::move(file), {.cloexec = (flags.value & abi::kIN_CLOEXEC) != 0}, task.Limit(abi::kRLIMIT_NOFILE));
}

Result<Fd> SysInotifyInit(Task& task) { return SysInotifyInit1(task, {}); }

Result<int32_t> SysInotifyAddWatch(Task& task, Fd fd, UserPath user_path, RawFlags mask) {
  // Unknown bits are ignored; nothing but unknown bits is refused.
  if ((mask.value & kKnown) == 0) return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  constexpr uint32_t kBoth = abi::kIN_MASK_ADD | abi::kIN_MASK_CREATE;
  if ((mask.value & kBoth) == kBoth) return Errno::kEINVAL;
  auto* inotify = file->As<anon::InotifyFile>();
  if (inotify == nullptr) return Errno::kEINVAL;
  const UserPlace place = TRY(ReadPlace(task, abi::kAtFdCwd, user_path));
  vfs::WalkOptions options;
  if ((mask.value & abi::kIN_DONT_FOLLOW) != 0) options.last = vfs::LastSymlink::kKeep;
  options.must_be_directory = (mask.value & abi::kIN_ONLYDIR) != 0;
  const vfs::Path path = TRY(vfs::Walk(task, place.walk(), place.path, options));
  TRY(vfs::CheckAccess(task, path.inode(), abi::kR_OK));
  return inotify->AddWatch(task, path, mask.value);
}

Result<void> SysInotifyRmWatch(Task& task, Fd fd, int32_t wd) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  auto* inotify = file->As<anon::InotifyFile>();
  if (inotify == nullptr) return Errno::kEINVAL;
  return inotify->RemoveWatch(wd);
}

}  // namespace ringwall::syscalls
