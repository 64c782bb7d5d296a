// eventfd(2).
#include "host/calls/eventfd.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "base/log/check.h"

namespace ringwall::host {

Result<EventFd> EventFd::Create() {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) return ErrnoFromHost(errno);
  return EventFd(std::move(fd));
}

void EventFd::Signal() const {
  const int saved_errno = errno;
  const uint64_t one = 1;
  // EAGAIN means that the counter is at its maximum: readable all the more.
  while (::write(fd_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  errno = saved_errno;
}

bool EventFd::Drain() const {
  uint64_t value;
  ssize_t n;
  do n = ::read(fd_.get(), &value, sizeof(value));
  while (n < 0 && errno == EINTR);
  return n == static_cast<ssize_t>(sizeof(value));
}

void EventFd::Wait() const {
  while (!Drain()) {
    pollfd p = {fd_.get(), POLLIN, 0};
    if (::poll(&p, 1, -1) < 0 && errno != EINTR) HostFatal("poll", errno);
  }
}

}  // namespace ringwall::host
