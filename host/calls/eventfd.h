// EventFd: an eventfd(2) that wakes a poller.
#pragma once

#include "base/error/result.h"
#include "base/fd/unique_fd.h"

namespace ringwall::host {

class EventFd {
 public:
  // Non-blocking and close-on-exec.
  static Result<EventFd> Create();

  // Makes the descriptor readable. Async-signal-safe.
  void Signal() const;
  // Resets it; true when it was signalled.
  bool Drain() const;
  // Blocks until it is signalled, then resets it.
  void Wait() const;
  int fd() const { return fd_.get(); }

 private:
  explicit EventFd(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace ringwall::host
