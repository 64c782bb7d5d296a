// Signals from files to their owners: O_ASYNC, F_SETOWN, F_SETSIG and F_NOTIFY of fcntl(2).
#pragma once

#include <cstdint>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/task/task.h"
#include "sentry/vfs/file.h"

namespace ringwall::task {

// F_SETOWN_EX with a kernel id, 0 for nobody: from now on `file` signals this process, thread or group. ESRCH when there is none.
Result<void> SetSignalOwner(Task& task, vfs::File& file, const abi::FOwnerEx& owner);
// The owner as F_GETOWN_EX reports it, with a kernel id: 0 when it has ended.
abi::FOwnerEx SignalOwner(Task& task, vfs::File& file);
// F_SETOWN and F_GETOWN, FIOSETOWN and FIOGETOWN of sockets: as the guest numbers them, groups negative. EINVAL, ESRCH.
Result<void> SetSignalOwnerByNumber(Task& task, vfs::File& file, int32_t number);
int32_t SignalOwnerNumber(Task& task, vfs::File& file);
// F_SETSIG and F_GETSIG; 0 is SIGIO without information. EINVAL.
Result<void> SetFileSignal(Task& task, vfs::File& file, uint64_t signo);
int32_t FileSignal(vfs::File& file);
// Whether O_ASYNC has an effect on files of this kind.
bool CanSignal(const vfs::File& file);
// O_ASYNC has been set or cleared on `file` through the descriptor `fd`, which the signal's si_fd names.
void UpdateAsync(Task& task, vfs::File& file, int32_t fd);
// F_NOTIFY: DN_* events of the directory; none ends the watch. ENOTDIR.
// Differs from Linux: the watch ends with the open file description, not when a process closes one of its descriptors.
Result<void> NotifyOfDirectory(Task& task, const Ref<vfs::File>& file, int32_t fd, uint32_t events);

// Events are told under locks of any rank, where no signal may be sent. What the handler of a system call caused goes out behind it, before
// its caller returns to the guest; what other threads cause is sent by one of the blocking pool.
extern constinit thread_local bool async_signals_wait;
void SendWaitingAsyncSignals();
inline void SendAsyncSignals() {
  if (async_signals_wait) [[unlikely]]
    SendWaitingAsyncSignals();
}

}  // namespace ringwall::task
