// timer_create(2), timer_settime(2), timer_gettime(2), timer_getoverrun(2), timer_delete(2).
#include "sentry/task/process_timers.h"
#include "syscalls/time/time.h"

namespace ringwall::syscalls {
namespace {

abi::Itimerspec ToItimerspec(const task::TimerSetting& s) {
  return {.it_interval = time::ToTimespec(s.interval_ns), .it_value = time::ToTimespec(s.value_ns)};
}

}  // namespace

Result<void> SysTimerCreate(Task& task, int32_t clock, UserIn<abi::Sigevent> event, UserOut<int32_t> id) {
  abi::Sigevent wanted{};
  if (!event.is_null()) wanted = TRY(event.Read(task.memory()));
  const int32_t made = TRY(task::CreateTimer(task, clock, event.is_null() ? nullptr : &wanted));
  auto written = id.Write(task.memory(), made);
  if (!written.ok()) (void)task::DeleteTimer(task, made).ok();
  return written;
}

Result<void> SysTimerSettime(Task& task, int32_t id, int32_t flags, UserIn<abi::Itimerspec> value, UserOut<abi::Itimerspec> old_value) {
  if (value.is_null()) return Errno::kEINVAL;
  const abi::Itimerspec v = TRY(value.Read(task.memory()));
  if (!time::ValidTimespec(v.it_value) || !time::ValidTimespec(v.it_interval)) return Errno::kEINVAL;
  const bool absolute = (static_cast<uint32_t>(flags) & abi::kTIMER_ABSTIME) != 0;
  const task::TimerSetting wanted{.value_ns = time::ToNs(v.it_value), .interval_ns = time::ToNs(v.it_interval)};
  const task::TimerSetting old = TRY(task::SetTimer(task, id, absolute, wanted));
  return old_value.WriteIfSet(task.memory(), ToItimerspec(old));
}

Result<void> SysTimerGettime(Task& task, int32_t id, UserOut<abi::Itimerspec> value) {
  const task::TimerSetting now = TRY(task::GetTimer(task, id));
  return value.Write(task.memory(), ToItimerspec(now));
}

Result<int32_t> SysTimerGetoverrun(Task& task, int32_t id) { return task::GetTimerOverrun(task, id); }

Result<void> SysTimerDelete(Task& task, int32_t id) { return task::DeleteTimer(task, id); }

}  // namespace ringwall::syscalls
