// connect(2).
#include "sentry/vfs/fd_table.h"
#include "syscalls/socket/lookup.h"
#include "syscalls/socket/socket.h"

namespace ringwall::syscalls {

Result<void> SysConnect(Task& task, Fd fd, UserBuffer user_address, int32_t length) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  const socket::Address address = TRY(ReadAddress(task, user_address, length));
  auto* socket = file->As<socket::Socket>();
  if (socket == nullptr) return Errno::kENOTSOCK;
  const CallerOf caller = TRY(CallerOf::For(task, address));
  socket::BlockOn block;
  auto connected = socket->Connect(task, address, caller.caller(), block);
  if (connected.ok() || connected.error() != Errno::kEAGAIN) return connected;
  // A full listener's queue is EAGAIN for unix sockets, a handshake under way EINPROGRESS for the others (connect(2), ERRORS).
  const Errno would_block = socket->family() == abi::kAF_UNIX ? Errno::kEAGAIN : Errno::kEINPROGRESS;
  if (socket->nonblocking()) return would_block;
  const Errno parked = ParkOnSocket(task, *socket, block, abi::kPOLLOUT, task.DeadlineAfter(socket->send_timeout_ns()));
  return parked == Errno::kEAGAIN ? would_block : parked;
}

}  // namespace ringwall::syscalls
