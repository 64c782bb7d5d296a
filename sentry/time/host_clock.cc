// Host clocks: clock_gettime(2) through the host's vDSO, timerfd_create(2).
#include "sentry/time/host_clock.h"

#include <errno.h>
#include <signal.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <utility>

#include "base/log/check.h"
#include "sentry/time/clock.h"

namespace ringwall::time {
namespace {

int64_t Read(clockid_t clock) {
  struct timespec ts;
  if (::clock_gettime(clock, &ts) != 0) HostFatal("clock_gettime", errno);
  return int64_t{ts.tv_sec} * kNsPerSecond + ts.tv_nsec;
}

}  // namespace

int64_t MonotonicNs() { return Read(CLOCK_MONOTONIC); }
int64_t RealtimeNs() { return Read(CLOCK_REALTIME); }
int64_t BoottimeNs() { return Read(CLOCK_BOOTTIME); }

HostTimer::HostTimer() : fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) {
  if (fd_.get() < 0) HostFatal("timerfd_create", errno);
}

void HostTimer::Set(int64_t deadline_ns) {
  // Zero would disarm: the first nanosecond is in the past all the same.
  const int64_t at = deadline_ns == kNever ? 0 : (deadline_ns < 1 ? 1 : deadline_ns);
  struct itimerspec spec = {};
  spec.it_value.tv_sec = at / kNsPerSecond;
  spec.it_value.tv_nsec = at % kNsPerSecond;
  if (::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &spec, nullptr) != 0) HostFatal("timerfd_settime", errno);
}

void HostTimer::Wait() {
  uint64_t count;
  while (::read(fd_.get(), &count, sizeof(count)) < 0) {
    if (errno != EINTR) HostFatal("read(timerfd)", errno);
  }
}

std::thread HostTimer::StartThread(std::function<void()> body) {
  // Threads inherit the mask: signals of the process belong to the threads that expect them.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  return thread;
}

}  // namespace ringwall::time
