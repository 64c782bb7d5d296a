// getitimer(2), setitimer(2), alarm(2).
#include "sentry/task/process_timers.h"
#include "syscalls/time/time.h"

namespace ringwall::syscalls {
namespace {

constexpr int64_t kNsPerUs = 1000;

bool Valid(const abi::Timeval& tv) { return tv.tv_sec >= 0 && tv.tv_usec >= 0 && tv.tv_usec < 1'000'000; }

int64_t ToNs(const abi::Timeval& tv) { return time::ToNs({.tv_sec = tv.tv_sec, .tv_nsec = tv.tv_usec * kNsPerUs}); }

abi::Timeval ToTimeval(int64_t ns) { return {.tv_sec = ns / time::kNsPerSecond, .tv_usec = ns % time::kNsPerSecond / kNsPerUs}; }

abi::Itimerval ToItimerval(const task::TimerSetting& s) {
  return {.it_interval = ToTimeval(s.interval_ns), .it_value = ToTimeval(s.value_ns)};
}

}  // namespace

Result<void> SysGetitimer(Task& task, int32_t which, UserOut<abi::Itimerval> value) {
  const task::TimerSetting now = TRY(task::GetItimer(task, which));
  return value.Write(task.memory(), ToItimerval(now));
}

Result<void> SysSetitimer(Task& task, int32_t which, UserIn<abi::Itimerval> value, UserOut<abi::Itimerval> old_value) {
  task::TimerSetting wanted;  // a null pointer disarms, as Linux does with a warning
  if (!value.is_null()) {
    const abi::Itimerval v = TRY(value.Read(task.memory()));
    if (!Valid(v.it_value) || !Valid(v.it_interval)) return Errno::kEINVAL;
    wanted = {.value_ns = ToNs(v.it_value), .interval_ns = ToNs(v.it_interval)};
  }
  const task::TimerSetting old = TRY(task::SetItimer(task, which, wanted));
  return old_value.WriteIfSet(task.memory(), ToItimerval(old));
}

Result<uint32_t> SysAlarm(Task& task, uint32_t seconds) {
  const task::TimerSetting old = TRY(task::SetItimer(task, abi::kITIMER_REAL, {.value_ns = int64_t{seconds} * time::kNsPerSecond}));
  // Rounded, but never to 0 while something was left (alarm(2) in Linux).
  const int64_t rounded = (old.value_ns + time::kNsPerSecond / 2) / time::kNsPerSecond;
  return static_cast<uint32_t>(old.value_ns != 0 && rounded == 0 ? 1 : rounded);
}

}  // namespace ringwall::syscalls
