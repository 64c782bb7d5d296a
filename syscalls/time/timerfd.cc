// timerfd_create(2), timerfd_settime(2), timerfd_gettime(2).
#include "abi/timerfd.h"
#include "abi/resource.h"
#include "sentry/fs/anon/timerfd.h"
#include "sentry/kernel/kernel.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/time/time.h"

namespace ringwall::syscalls {
namespace {

Result<Ref<vfs::File>> Get(Task& task, Fd fd) {
  Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if (file->As<anon::TimerfdFile>() == nullptr) return Errno::kEINVAL;
  return file;
}

}  // namespace

Result<Fd> SysTimerfdCreate(Task& task, int32_t clock, RawFlags flags) {
  Ref<vfs::File> file = TRY(anon::MakeTimerfd(task, task.kernel().timers(), clock, flags.value));
  return task.fds().Add(std::move(file), {.cloexec = (flags.value & abi::kTFD_CLOEXEC) != 0}, task.Limit(abi::kRLIMIT_NOFILE));
}

Result<void> SysTimerfdSettime(Task& task, Fd fd, RawFlags flags, UserIn<abi::Itimerspec> value, UserOut<abi::Itimerspec> old_value) {
  const abi::Itimerspec wanted = TRY(value.Read(task.memory()));
  constexpr uint32_t kKnown = abi::kTFD_TIMER_ABSTIME | abi::kTFD_TIMER_CANCEL_ON_SET;
  if ((flags.value & ~kKnown) != 0 || !time::ValidTimespec(wanted.it_value) || !time::ValidTimespec(wanted.it_interval))
    return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(Get(task, fd));
  const abi::Itimerspec old = TRY(file->As<anon::TimerfdFile>()->SetTime(flags.value, wanted));
  return old_value.WriteIfSet(task.memory(), old);
}

Result<void> SysTimerfdGettime(Task& task, Fd fd, UserOut<abi::Itimerspec> value) {
  const Ref<vfs::File> file = TRY(Get(task, fd));
  return value.Write(task.memory(), file->As<anon::TimerfdFile>()->GetTime());
}

}  // namespace ringwall::syscalls
