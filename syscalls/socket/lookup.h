// Shared by the socket calls: from a descriptor to a socket, sockaddrs in and out, and how a socket call waits.
#pragma once

#include <memory>

#include "abi/poll.h"
#include "sentry/socket/socket.h"
#include "sentry/task/path_start.h"
#include "syscalls/core/args.h"

namespace ringwall::syscalls {

// EBADF, ENOTSOCK.
Result<Ref<socket::Socket>> SocketOf(Task& task, Fd fd);

// An address argument: EINVAL for a length below 0 or above sockaddr_storage, EFAULT.
Result<socket::Address> ReadAddress(Task& task, UserBuffer from, int32_t length);
// A value-result address: at most *length bytes of it, then its whole size into *length. EINVAL for a negative *length, EFAULT.
Result<void> WriteAddress(Task& task, const socket::Address& address, UserBuffer to, UserInOut<int32_t> length);

// Where the caller's unix paths start, made only for an address that has one. Keep it as long as caller() is used.
class CallerOf {
 public:
  static Result<CallerOf> For(Task& task, const socket::Address& address);
  socket::Caller caller() const { return {.start = start_ != nullptr ? &start_->start : nullptr, .umask = umask_}; }

 private:
  std::unique_ptr<Task::PathStart> start_;
  uint32_t umask_ = 022;
};

// Parks on what `block` names, else on the socket for `mask`. kParked, or the error the call ends with: EAGAIN once `deadline_ns` has
// passed, a restart code for a signal. A wait with a timeout is not restarted (socket(7), SO_RCVTIMEO): EINTR.
Errno ParkOnSocket(Task& task, socket::Socket& socket, const socket::BlockOn& block, wait::EventMask mask, int64_t deadline_ns);

}  // namespace ringwall::syscalls
