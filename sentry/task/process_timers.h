// The timers of one process: setitimer(2) and timer_create(2). They belong to the ThreadGroup and die with it.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "abi/signal.h"
#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/time/clock.h"

namespace ringwall::kernel {
class Kernel;
}

namespace ringwall::task {

class Task;
class ThreadGroup;
class ProcessTimers;

// it_value and it_interval in nanoseconds. value 0: disarmed.
struct TimerSetting {
  int64_t value_ns = 0;
  int64_t interval_ns = 0;
};

// ---- setitimer(2), getitimer(2), alarm(2). `which` is ITIMER_*: EINVAL. ----
Result<TimerSetting> GetItimer(Task& task, int32_t which);
// The previous setting.
Result<TimerSetting> SetItimer(Task& task, int32_t which, const TimerSetting& setting);

// ---- timer_create(2) and its family ----
// `event` null: SIGALRM with the timer's id. EINVAL (clock, event), EAGAIN (too many).
Result<int32_t> CreateTimer(Task& task, int32_t clock, const abi::Sigevent* event);
Result<TimerSetting> GetTimer(Task& task, int32_t id);
Result<TimerSetting> SetTimer(Task& task, int32_t id, bool absolute, const TimerSetting& setting);
Result<int32_t> GetTimerOverrun(Task& task, int32_t id);
Result<void> DeleteTimer(Task& task, int32_t id);

// ---- RLIMIT_CPU (getrlimit(2)): SIGXCPU at the soft limit and every second of CPU time after it, SIGKILL at the hard one ----
// After the limit was set, and for a new process that has one.
void WatchCpuLimit(kernel::Kernel& kernel, ThreadGroup& group);

// ---- life ----
// execve(2) keeps interval timers and deletes POSIX timers.
void DeletePosixTimers(ThreadGroup& group);
// The process ends: nothing fires any more.
void CancelProcessTimers(ThreadGroup& group);
// A timer's entry left the queue: fills in its overrun count and starts the timer's next interval. False: the timer was deleted, disarmed
// or set anew since it expired, and nobody is to see the signal. No locks held.
bool OnTimerSignalTaken(ThreadGroup& group, abi::SigInfo& info);
// sigaction(2). Ignored: the queues have lost their entries of `signo`, and periodic timers whose entry that was rest until it is not
// ignored any more. No locks held.
void OnSignalIgnored(ThreadGroup& group, int32_t signo, bool ignored);

}  // namespace ringwall::task
