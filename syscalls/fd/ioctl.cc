// ioctl(2): the commands that every descriptor knows; the rest is the file's.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "abi/ioctl.h"
#include "abi/resource.h"
#include "sentry/fs/devpts/devpts.h"
#include "sentry/kernel/kernel.h"
#include "sentry/observe/unimplemented.h"
#include "sentry/task/async_signals.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {
namespace {

Result<int64_t> SetFlag(Task& task, vfs::File& file, uint64_t argument, uint32_t flag) {
  const int32_t on = TRY(task.memory().ReadValue<int32_t>(argument));
  constexpr uint32_t kChangeable = abi::kO_APPEND | abi::kO_NONBLOCK | abi::kO_ASYNC | abi::kO_DIRECT | abi::kO_NOATIME;
  const uint32_t old = file.flags() & kChangeable;
  TRY(file.SetFlags(on != 0 ? old | flag : old & ~flag));
  return 0;
}

}  // namespace

Result<int64_t> SysIoctl(Task& task, Fd fd, uint32_t command, uint64_t argument) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  switch (command) {
    case abi::kFIOCLEX: TRY(task.fds().SetFlags(fd, {.cloexec = true})); return 0;
    case abi::kFIONCLEX: TRY(task.fds().SetFlags(fd, {.cloexec = false})); return 0;
    case abi::kFIONBIO: return SetFlag(task, file, argument, abi::kO_NONBLOCK);
    case abi::kFIOASYNC: {
      const int32_t on = TRY(task.memory().ReadValue<int32_t>(argument));
      if (!task::CanSignal(*file)) {
        if (on != 0) return Errno::kENOTTY;
        return 0;
      }
      TRY(SetFlag(task, file, argument, abi::kO_ASYNC));
      task::UpdateAsync(task, file, abi::Raw(fd));
      return 0;
    }
    case abi::kFIOSETOWN:
    case abi::kSIOCSPGRP: {
      if (file->kind() != vfs::FileKind::kSocket) break;
      const int32_t owner = TRY(task.memory().ReadValue<int32_t>(argument));
      TRY(task::SetSignalOwnerByNumber(task, file, owner));
      return 0;
    }
    case abi::kFIOGETOWN:
    case abi::kSIOCGPGRP:
      if (file->kind() != vfs::FileKind::kSocket) break;
      TRY(task.memory().WriteValue<int32_t>(argument, task::SignalOwnerNumber(task, file)));
      return 0;
    case abi::kFIONREAD:
      if (file->kind() == vfs::FileKind::kRegular) {
        const vfs::Attributes attributes = TRY(file->GetAttributes(task));
        const int64_t left = static_cast<int64_t>(attributes.size) - static_cast<int64_t>(file->position());
        TRY(task.memory().WriteValue<int32_t>(argument, static_cast<int32_t>(std::clamp<int64_t>(left, INT32_MIN, INT32_MAX))));
        return 0;
      }
      break;
    case abi::kTIOCGPTPEER: {
      // The slave of a master, opened without its name (ioctl_tty(2)).
      Ref<vfs::File> peer = TRY(devpts::OpenPeer(task, file, static_cast<uint32_t>(argument)));
      const vfs::FdFlags flags{.cloexec = (argument & abi::kO_CLOEXEC) != 0};
      const Fd opened = TRY(task.fds().Add(std::move(peer), flags, task.Limit(abi::kRLIMIT_NOFILE)));
      return abi::Raw(opened);
    }
    default: break;
  }
  auto result = file->Ioctl(task, command, argument);
  if (!result.ok() && result.error() == Errno::kENOTTY && file->kind() == vfs::FileKind::kEpoll) return Errno::kEINVAL;
  // Terminal commands on something else are a question ("are you a terminal?"), not a gap.
  const bool terminal_command = (command >> 8) == 'T';
  if (!result.ok() && result.error() == Errno::kENOTTY && file->kind() != vfs::FileKind::kRegular && !terminal_command) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%x", command);
    task.kernel().unimplemented().Count("ioctl", text);
  }
  return result;
}

}  // namespace ringwall::syscalls
