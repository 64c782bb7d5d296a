// Processes by pid and start time: proc(5), pidfd_open(2).
#include "runsc-cli/container/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace ringwall::container {
namespace {

struct StatLine {
  bool found = false;
  char state = 0;
  uint64_t start_time = 0;
};

StatLine ReadStat(int32_t pid) {
  StatLine out;
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const UniqueFd file(::open(path, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return out;
  char text[1024];
  const ssize_t got = ::read(file.get(), text, sizeof text - 1);
  if (got <= 0) return out;
  text[got] = 0;
  // The name in parentheses may hold blanks and parentheses: the last ')' ends it.
  const char* p = std::strrchr(text, ')');
  if (p == nullptr || p[1] != ' ') return out;
  p += 2;
  out.state = *p;
  // p is at field 3; start time is field 22.
  for (int field = 3; field < 22; ++field) {
    p = std::strchr(p, ' ');
    if (p == nullptr) return out;
    ++p;
  }
  out.start_time = std::strtoull(p, nullptr, 10);
  out.found = true;
  return out;
}

}  // namespace

ProcessId IdentifyProcess(int32_t pid) {
  const StatLine stat = ReadStat(pid);
  return {.pid = pid, .start_time = stat.found ? stat.start_time : 0};
}

bool IsAlive(const ProcessId& process) {
  if (process.pid <= 0) return false;
  const StatLine stat = ReadStat(process.pid);
  return stat.found && stat.start_time == process.start_time && stat.state != 'Z' && stat.state != 'X';
}

UniqueFd OpenProcess(const ProcessId& process) {
  if (process.pid <= 0) return UniqueFd();
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  // Compared after the pidfd holds the process: from here on the pid cannot be recycled under us.
  if (fd.valid()) {
    const StatLine stat = ReadStat(process.pid);
    if (!stat.found || stat.start_time != process.start_time) fd.reset();
  }
  return fd;
}

bool SignalProcess(const ProcessId& process, int signo) {
  const UniqueFd fd = OpenProcess(process);
  return fd.valid() && ::syscall(SYS_pidfd_send_signal, fd.get(), signo, nullptr, 0) == 0;
}

bool WaitGone(const ProcessId& process, int timeout_ms) {
  const UniqueFd fd = OpenProcess(process);
  if (!fd.valid()) return true;
  pollfd wait{.fd = fd.get(), .events = POLLIN, .revents = 0};  // readable: ended, reaped or not
  timespec start{};
  ::clock_gettime(CLOCK_MONOTONIC, &start);
  for (;;) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t spent = (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
    if (spent > timeout_ms) return false;
    const int ready = ::poll(&wait, 1, static_cast<int>(timeout_ms - spent));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return false;
  }
}

}  // namespace ringwall::container
