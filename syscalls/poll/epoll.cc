// epoll_create(2), epoll_ctl(2), epoll_wait(2).
#include "sentry/fs/anon/epoll.h"

#include <utility>
#include <vector>

#include "abi/resource.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/poll/poll.h"
#include "syscalls/poll/wait_set.h"

namespace ringwall::syscalls {
namespace {

Result<int64_t> Wait(Task& task, Fd epfd, UserArray<abi::EpollEvent> events, int32_t max, int64_t relative_ns) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(epfd));
  if (max <= 0 || max > abi::kEP_MAX_EVENTS) return Errno::kEINVAL;
  auto* epoll = file->As<anon::EpollFile>();
  if (epoll == nullptr) return Errno::kEINVAL;
  const int64_t deadline = task.DeadlineAfter(relative_ns);
  // What one call gathers is bounded by the instance's ready list, whatever the guest's array is.
  const std::vector<abi::EpollEvent> ready = epoll->Wait(static_cast<size_t>(max));
  if (!ready.empty()) {
    TRY(events.Write(task.memory(), ready));
    return static_cast<int64_t>(ready.size());
  }
  if (relative_ns == 0 || time::MonotonicNs() >= deadline) return 0;
  return task.ParkOnFile(file, abi::kPOLLIN, Errno::kEINTR, deadline);
}

}  // namespace

Result<Fd> SysEpollCreate1(Task& task, RawFlags flags) {
  Ref<vfs::File> file = TRY(anon::MakeEpoll(task, flags.value));
  return task.fds().Add(std::move(file), {.cloexec = (flags.value & abi::kEPOLL_CLOEXEC) != 0}, task.Limit(abi::kRLIMIT_NOFILE));
}

Result<Fd> SysEpollCreate(Task& task, int32_t size) {
  if (size <= 0) return Errno::kEINVAL;
  return SysEpollCreate1(task, {});
}

Result<void> SysEpollCtl(Task& task, Fd epfd, int32_t operation, Fd fd, UserIn<abi::EpollEvent> user_event) {
  abi::EpollEvent event{};
  if (operation != abi::kEPOLL_CTL_DEL) event = TRY(user_event.Read(task.memory()));
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(epfd));
  const Ref<vfs::File> target = TRY(task.fds().GetForIo(fd));
  // Regular files and directories have nothing to wait for (epoll_ctl(2), EPERM).
  if (target->kind() == vfs::FileKind::kRegular || target->kind() == vfs::FileKind::kDirectory || target->kind() == vfs::FileKind::kMemfd)
    return Errno::kEPERM;
  auto* epoll = file->As<anon::EpollFile>();
  if (epoll == nullptr || file.get() == target.get()) return Errno::kEINVAL;
  return epoll->Control(operation, fd, target, event);
}

Result<int64_t> SysEpollWait(Task& task, Fd epfd, UserArray<abi::EpollEvent> events, int32_t max, int32_t timeout_ms) {
  return Wait(task, epfd, events, max, MsToNs(timeout_ms));
}

Result<int64_t> SysEpollPwait(Task& task, Fd epfd, UserArray<abi::EpollEvent> events, int32_t max, int32_t timeout_ms,
                              UserIn<abi::SigSet> mask, uint64_t set_size) {
  TRY(UseMask(task, mask, set_size));
  return Wait(task, epfd, events, max, MsToNs(timeout_ms));
}

Result<int64_t> SysEpollPwait2(Task& task, Fd epfd, UserArray<abi::EpollEvent> events, int32_t max, UserIn<abi::Timespec> timeout,
                               UserIn<abi::SigSet> mask, uint64_t set_size) {
  int64_t relative = -1;
  if (!timeout.is_null()) {
    const abi::Timespec ts = TRY(timeout.Read(task.memory()));
    if (!time::ValidTimespec(ts)) return Errno::kEINVAL;
    relative = time::ToNs(ts);
  }
  TRY(UseMask(task, mask, set_size));
  return Wait(task, epfd, events, max, relative);
}

}  // namespace ringwall::syscalls
