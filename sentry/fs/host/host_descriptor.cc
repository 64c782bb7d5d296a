// Transfers on host descriptors that cannot block.
#include "sentry/fs/host/host_descriptor.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "abi/poll.h"

namespace ringwall::hostfs {

namespace {

// What a writable terminal or pipe takes without waiting: poll(2) promises PIPE_BUF bytes for a pipe, less for a terminal.
constexpr size_t kPipeStep = 4096, kTtyStep = 256;

// Host poll bits from the guest's, and back: the numbers are the same on both sides, but the meeting is here and nowhere else.
short ToHostPoll(wait::EventMask mask) {
  short out = 0;
  if ((mask & (abi::kPOLLIN | abi::kPOLLRDNORM)) != 0) out |= POLLIN;
  if ((mask & (abi::kPOLLOUT | abi::kPOLLWRNORM)) != 0) out |= POLLOUT;
  if ((mask & abi::kPOLLPRI) != 0) out |= POLLPRI;
  return out;
}

wait::EventMask FromHostPoll(short events) {
  wait::EventMask out = 0;
  if ((events & POLLIN) != 0) out |= abi::kPOLLIN | abi::kPOLLRDNORM;
  if ((events & POLLOUT) != 0) out |= abi::kPOLLOUT | abi::kPOLLWRNORM;
  if ((events & POLLPRI) != 0) out |= abi::kPOLLPRI;
  if ((events & POLLERR) != 0) out |= abi::kPOLLERR;
  if ((events & POLLHUP) != 0) out |= abi::kPOLLHUP;
  return out;
}

short PollNow(int fd, short events) {
  pollfd p = {fd, events, 0};
  int n;
  do n = ::poll(&p, 1, 0);
  while (n < 0 && errno == EINTR);
  return n > 0 ? p.revents : 0;
}

}  // namespace

HostDescriptor::HostDescriptor(HostPoller& poller, UniqueFd fd, HostKind kind, uint32_t access)
    : poller_(poller), fd_(MakeRef<SharedFd>(std::move(fd))), kind_(kind), access_(access) {}

HostDescriptor::~HostDescriptor() { poller_.Remove(fd()); }

wait::EventMask HostDescriptor::Readiness(wait::EventMask mask) {
  if (always_ready()) return mask & (abi::kPOLLIN | abi::kPOLLOUT | abi::kPOLLRDNORM | abi::kPOLLWRNORM);
  return FromHostPoll(PollNow(fd(), ToHostPoll(mask))) & (mask | abi::kPOLLERR | abi::kPOLLHUP);
}

Result<size_t> HostDescriptor::Read(absl::Span<std::byte> to) {
  if (to.empty()) return size_t{0};
  MutexLock lock(read_mu_);
  ssize_t n = -1;
  if (kind_ == HostKind::kSocket) {
    do n = ::recv(fd(), to.data(), to.size(), MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
  } else {
    if (kind_ == HostKind::kPipe && !no_nowait_.load(std::memory_order_relaxed)) {
      iovec vec = {to.data(), to.size()};
      do n = ::preadv2(fd(), &vec, 1, -1, RWF_NOWAIT);
      while (n < 0 && errno == EINTR);
      if (n >= 0) return static_cast<size_t>(n);
      if (errno != EOPNOTSUPP && errno != ENOSYS) return ErrnoFromHost(errno);
      no_nowait_.store(true, std::memory_order_relaxed);
    }
    if (!always_ready() && (PollNow(fd(), POLLIN) & (POLLIN | POLLHUP | POLLERR)) == 0) return Errno::kEAGAIN;
    do n = ::read(fd(), to.data(), to.size());
    while (n < 0 && errno == EINTR);
  }
  if (n < 0) return ErrnoFromHost(errno);
  return static_cast<size_t>(n);
}

Result<size_t> HostDescriptor::WriteStep(absl::Span<const std::byte> from) {
  ssize_t n = -1;
  if (kind_ == HostKind::kSocket) {
    do n = ::send(fd(), from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0) return ErrnoFromHost(errno);
    return static_cast<size_t>(n);
  }
  size_t length = from.size();
  if (kind_ == HostKind::kPipe && !no_nowait_.load(std::memory_order_relaxed)) {
    iovec vec = {const_cast<std::byte*>(from.data()), length};
    do n = ::pwritev2(fd(), &vec, 1, -1, RWF_NOWAIT);
    while (n < 0 && errno == EINTR);
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EOPNOTSUPP && errno != ENOSYS) return ErrnoFromHost(errno);
    no_nowait_.store(true, std::memory_order_relaxed);
  }
  if (!always_ready()) {
    if ((PollNow(fd(), POLLOUT) & (POLLOUT | POLLHUP | POLLERR)) == 0) return Errno::kEAGAIN;
    length = std::min(length, kind_ == HostKind::kTty ? kTtyStep : kPipeStep);
  }
  do n = ::write(fd(), from.data(), length);
  while (n < 0 && errno == EINTR);
  if (n < 0) return ErrnoFromHost(errno);
  return static_cast<size_t>(n);
}

Result<size_t> HostDescriptor::Write(absl::Span<const std::byte> from) {
  MutexLock lock(write_mu_);
  size_t done = 0;
  while (done < from.size()) {
    Result<size_t> step = WriteStep(from.subspan(done));
    if (!step.ok()) {
      if (done == 0) return step.error();
      break;
    }
    done += *step;
    if (*step == 0) break;
  }
  return done;
}

void HostDescriptor::Arm(wait::EventMask mask) {
  if (always_ready()) return;
  uint32_t events = 0;
  if ((mask & (abi::kPOLLIN | abi::kPOLLRDNORM)) != 0) events |= EPOLLIN;
  if ((mask & (abi::kPOLLOUT | abi::kPOLLWRNORM)) != 0) events |= EPOLLOUT;
  if ((mask & abi::kPOLLPRI) != 0) events |= EPOLLPRI;
  // EPERM: a device without poll, always ready; Readiness says the same.
  (void)poller_.Arm(fd(), events, *this).ok();
}

void HostDescriptor::SetCallback(Callback callback, RefPtr<RefCounted> whom) {
  MutexLock lock(callback_mu_);
  callback_ = callback;
  std::swap(callback_to_, whom);  // the old one dies with the argument, after the lock
}

void HostDescriptor::OnPoll(uint32_t events) {
  wait::EventMask mask = 0;
  if ((events & EPOLLIN) != 0) mask |= abi::kPOLLIN | abi::kPOLLRDNORM;
  if ((events & EPOLLOUT) != 0) mask |= abi::kPOLLOUT | abi::kPOLLWRNORM;
  if ((events & EPOLLPRI) != 0) mask |= abi::kPOLLPRI;
  if ((events & EPOLLERR) != 0) mask |= abi::kPOLLERR;
  if ((events & EPOLLHUP) != 0) mask |= abi::kPOLLHUP;
  queue_.Notify(mask);
  // Waiters that stay registered (epoll items) are armed again when they look and find nothing (HostFile).
  Callback callback;
  RefPtr<RefCounted> whom;
  {
    MutexLock lock(callback_mu_);
    callback = callback_;
    whom = callback_to_;
  }
  if (callback != nullptr && whom) callback(*whom);
}

}  // namespace ringwall::hostfs
