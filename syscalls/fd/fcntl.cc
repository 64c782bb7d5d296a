// fcntl(2).
#include <utility>

#include "abi/poll.h"
#include "abi/resource.h"
#include "sentry/fs/anon/memfd.h"
#include "sentry/kernel/kernel.h"
#include "sentry/observe/unimplemented.h"
#include "sentry/pipe/pipe.h"
#include "sentry/task/async_signals.h"
#include "sentry/task/call_state.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/file_lock.h"
#include "sentry/vfs/permission.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {
namespace {

struct LockState : task::TypedCallState<LockState> {
  RefPtr<vfs::LockRequest> request;
};

// F_SETFL may change these (fcntl(2)); others are ignored.
constexpr uint32_t kChangeable = abi::kO_APPEND | abi::kO_NONBLOCK | abi::kO_ASYNC | abi::kO_DIRECT | abi::kO_NOATIME;

Result<int64_t> Duplicate(Task& task, Ref<vfs::File> file, uint64_t from, bool cloexec) {
  const uint64_t limit = task.Limit(abi::kRLIMIT_NOFILE);
  if (static_cast<int64_t>(from) < 0 || from >= limit) return Errno::kEINVAL;
  const Fd fd = TRY(task.fds().Add(std::move(file), {.cloexec = cloexec}, limit, static_cast<uint32_t>(from)));
  return abi::Raw(fd);
}

Result<vfs::RangeLock> ReadLock(Task& task, vfs::File& file, const abi::Flock& wanted, bool ofd) {
  if (ofd && wanted.l_pid != 0) return Errno::kEINVAL;
  uint64_t base = 0;
  switch (wanted.l_whence) {
    case abi::kSEEK_SET: break;
    case abi::kSEEK_CUR: base = file.position(); break;
    case abi::kSEEK_END: {
      const vfs::Attributes attributes = TRY(file.GetAttributes(task));
      base = attributes.size;
      break;
    }
    default: return Errno::kEINVAL;
  }
  vfs::RangeLock lock;
  lock.owner = ofd ? vfs::LockOwner{vfs::LockOwner::Kind::kOfd, file.id(), -1}
                   : vfs::LockOwner{vfs::LockOwner::Kind::kPosix, task.fds().id(), task.tgid()};
  lock.exclusive = wanted.l_type == abi::kF_WRLCK;
  TRY(vfs::ResolveRange(base, wanted.l_start, wanted.l_len, lock));
  return lock;
}

Result<int64_t> GetLock(Task& task, vfs::File& file, uint64_t address, bool ofd) {
  abi::Flock wanted = TRY(task.memory().ReadValue<abi::Flock>(address));
  if (wanted.l_type != abi::kF_RDLCK && wanted.l_type != abi::kF_WRLCK) return Errno::kEINVAL;
  const vfs::RangeLock lock = TRY(ReadLock(task, file, wanted, ofd));
  const auto conflict = file.path().inode().locks().Conflict(lock);
  if (conflict.has_value()) {
    wanted.l_type = static_cast<int16_t>(conflict->exclusive ? abi::kF_WRLCK : abi::kF_RDLCK);
    wanted.l_whence = abi::kSEEK_SET;
    wanted.l_start = static_cast<int64_t>(conflict->start);
    wanted.l_len = conflict->last == vfs::RangeLock::kMaxOffset ? 0 : static_cast<int64_t>(conflict->last - conflict->start + 1);
    wanted.l_pid = task.ToGuestPid(conflict->owner.pid);
  } else {
    wanted.l_type = abi::kF_UNLCK;
  }
  TRY(task.memory().WriteValue(address, wanted));
  return 0;
}

Result<int64_t> SetLock(Task& task, Ref<vfs::File> file, uint64_t address, bool ofd, bool wait) {
  LockState* state = task.call_state<LockState>();
  if (state == nullptr) {
    const abi::Flock wanted = TRY(task.memory().ReadValue<abi::Flock>(address));
    const vfs::RangeLock lock = TRY(ReadLock(task, *file, wanted, ofd));
    vfs::FileLocks& locks = file->path().inode().locks();
    switch (wanted.l_type) {
      case abi::kF_UNLCK: TRY(locks.ClearRange(lock.owner, lock.start, lock.last)); return 0;
      case abi::kF_RDLCK:
        if (!file->readable()) return Errno::kEBADF;
        break;
      case abi::kF_WRLCK:
        if (!file->writable()) return Errno::kEBADF;
        break;
      default: return Errno::kEINVAL;
    }
    if (!wait) {
      TRY(locks.SetRange(lock));
      return 0;
    }
    state = &task.MakeCallState<LockState>();
    state->request = MakeRef<vfs::LockRequest>(Ref<vfs::Inode>(file->path().inode()), lock);
  }
  auto locked = state->request->Try();
  if (locked.ok()) return 0;
  if (locked.error() != Errno::kEAGAIN) return locked.error();
  const task::ParkOn on[] = {{state->request.get(), abi::kPOLLIN, state->request}};
  return task.Park(on, time::kNever, Errno::kRestartSys);
}

Result<int64_t> Owner(Task& task, vfs::File& file, int32_t command, uint64_t argument) {
  switch (command) {
    case abi::kF_SETOWN: TRY(task::SetSignalOwnerByNumber(task, file, static_cast<int32_t>(argument))); return 0;
    case abi::kF_GETOWN: return task::SignalOwnerNumber(task, file);
    case abi::kF_SETOWN_EX: {
      abi::FOwnerEx owner = TRY(task.memory().ReadValue<abi::FOwnerEx>(argument));
      if (owner.type < abi::kF_OWNER_TID || owner.type > abi::kF_OWNER_PGRP) return Errno::kEINVAL;
      if (owner.pid != 0) owner.pid = task.ToKernelPid(owner.pid);
      TRY(task::SetSignalOwner(task, file, owner));
      return 0;
    }
    default: {
      abi::FOwnerEx owner = task::SignalOwner(task, file);
      if (owner.pid != 0) owner.pid = task.ToGuestPid(owner.pid);
      TRY(task.memory().WriteValue(argument, owner));
      return 0;
    }
  }
}

}  // namespace

Result<int64_t> SysFcntl(Task& task, Fd fd, int32_t command, uint64_t argument) {
  Ref<vfs::File> file = TRY(task.fds().Get(fd));
  switch (command) {
    case abi::kF_DUPFD: return Duplicate(task, std::move(file), argument, false);
    case abi::kF_DUPFD_CLOEXEC: return Duplicate(task, std::move(file), argument, true);
    case abi::kF_GETFD: {
      const vfs::FdFlags flags = TRY(task.fds().GetFlags(fd));
      return flags.cloexec ? abi::kFD_CLOEXEC : 0;
    }
    case abi::kF_SETFD: TRY(task.fds().SetFlags(fd, {.cloexec = (argument & abi::kFD_CLOEXEC) != 0})); return 0;
    case abi::kF_GETFL: return file->flags();
    default: break;
  }
  // O_PATH descriptors know only the commands above (open(2)).
  if (file->kind() == vfs::FileKind::kPath) return Errno::kEBADF;
  switch (command) {
    case abi::kF_SETFL:
      // Only an owner may leave no trace of reading (fcntl(2), EPERM is open(2)'s for O_NOATIME).
      if ((argument & abi::kO_NOATIME) != 0 && (file->flags() & abi::kO_NOATIME) == 0 && file->path()) {
        const vfs::Attributes attributes = TRY(file->GetAttributes(task));
        TRY(vfs::CheckOwner(task, attributes));
      }
      TRY(file->SetFlags(static_cast<uint32_t>(argument) & kChangeable));
      task::UpdateAsync(task, file, abi::Raw(fd));
      return 0;
    case abi::kF_GETLK:
    case abi::kF_OFD_GETLK: return GetLock(task, file, argument, command == abi::kF_OFD_GETLK);
    case abi::kF_SETLK:
    case abi::kF_OFD_SETLK: return SetLock(task, std::move(file), argument, command == abi::kF_OFD_SETLK, false);
    case abi::kF_SETLKW:
    case abi::kF_OFD_SETLKW: return SetLock(task, std::move(file), argument, command == abi::kF_OFD_SETLKW, true);
    case abi::kF_SETOWN:
    case abi::kF_GETOWN:
    case abi::kF_SETOWN_EX:
    case abi::kF_GETOWN_EX: return Owner(task, file, command, argument);
    case abi::kF_SETSIG: TRY(task::SetFileSignal(task, file, argument)); return 0;
    case abi::kF_GETSIG: return task::FileSignal(file);
    case abi::kF_NOTIFY: TRY(task::NotifyOfDirectory(task, file, abi::Raw(fd), static_cast<uint32_t>(argument))); return 0;
    case abi::kF_SETPIPE_SZ: return pipe::SetCapacity(task, *file, argument);
    case abi::kF_GETPIPE_SZ: return pipe::GetCapacity(*file);
    case abi::kF_ADD_SEALS: TRY(anon::AddSeals(*file, static_cast<uint32_t>(argument))); return 0;
    case abi::kF_GET_SEALS: return anon::GetSeals(*file);
    case abi::kF_GETLEASE: return abi::kF_UNLCK;
    case abi::kF_SETLEASE:
      // Nobody would break a lease here; Linux answers so on file systems without them.
      return Errno::kEINVAL;
    default: task.kernel().unimplemented().Count("fcntl", std::to_string(command)); return Errno::kEINVAL;
  }
}

}  // namespace ringwall::syscalls
