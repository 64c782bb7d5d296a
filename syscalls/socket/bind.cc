// bind(2).
#include "syscalls/socket/lookup.h"
#include "syscalls/socket/socket.h"

namespace ringwall::syscalls {

Result<void> SysBind(Task& task, Fd fd, UserBuffer user_address, int32_t length) {
  const Ref<socket::Socket> socket = TRY(SocketOf(task, fd));
  const socket::Address address = TRY(ReadAddress(task, user_address, length));
  const CallerOf caller = TRY(CallerOf::For(task, address));
  return socket->Bind(task, address, caller.caller());
}

}  // namespace ringwall::syscalls
