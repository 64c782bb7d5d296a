// accept(2), accept4(2).
#include <utility>

#include "abi/resource.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/socket/lookup.h"
#include "syscalls/socket/socket.h"

namespace ringwall::syscalls {

Result<Fd> SysAccept4(Task& task, Fd fd, UserBuffer address, UserInOut<int32_t> length, RawFlags flags) {
  constexpr uint32_t kCloexec = abi::kSOCK_CLOEXEC, kNonblock = abi::kSOCK_NONBLOCK;
  TRY(task.fds().GetForIo(fd));
  if ((flags.value & ~(kCloexec | kNonblock)) != 0) return Errno::kEINVAL;
  const Ref<socket::Socket> listener = TRY(SocketOf(task, fd));
  // The number first: a connection must not be taken from the queue and lost for want of one (EMFILE).
  auto slot = TRY(task.fds().Reserve(task.Limit(abi::kRLIMIT_NOFILE)));
  socket::Address peer;
  auto accepted = listener->Accept(task, peer);
  if (!accepted.ok()) {
    if (accepted.error() != Errno::kEAGAIN || listener->nonblocking()) return accepted.error();
    return ParkOnSocket(task, listener, {}, abi::kPOLLIN, task.DeadlineAfter(listener->receive_timeout_ns()));
  }
  Ref<socket::Socket> connection = std::move(accepted).value();
  if (!address.is_null()) TRY(WriteAddress(task, peer, address, length));
  if ((flags.value & kNonblock) != 0) TRY(connection->SetFlags(abi::kO_NONBLOCK));
  const Fd number = slot.fd();
  std::move(slot).Install(std::move(connection), {.cloexec = (flags.value & kCloexec) != 0});
  return number;
}

Result<Fd> SysAccept(Task& task, Fd fd, UserBuffer address, UserInOut<int32_t> length) { return SysAccept4(task, fd, address, length, {}); }

}  // namespace ringwall::syscalls
