// The host's clocks and one timer descriptor: the only place where the kernel asks the host about time.
#pragma once

#include <cstdint>
#include <functional>
#include <thread>

#include "base/fd/unique_fd.h"

namespace ringwall::time {

// A one-shot CLOCK_MONOTONIC timer that a thread sleeps on. The descriptor exists from construction on, before any filter is installed.
class HostTimer {
 public:
  HostTimer();
  // Fires at an absolute time; in the past: at once. INT64_MAX: never.
  void Set(int64_t deadline_ns);
  // Blocks until it fires.
  void Wait();
  // A thread without signals, for the timer loop.
  static std::thread StartThread(std::function<void()> body);

 private:
  UniqueFd fd_;
};

}  // namespace ringwall::time
