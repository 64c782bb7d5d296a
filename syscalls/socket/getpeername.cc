// getpeername(2).
#include "syscalls/socket/lookup.h"
#include "syscalls/socket/socket.h"

namespace ringwall::syscalls {

Result<void> SysGetpeername(Task& task, Fd fd, UserBuffer address, UserInOut<int32_t> length) {
  const Ref<socket::Socket> socket = TRY(SocketOf(task, fd));
  const socket::Address name = TRY(socket->PeerName(task));
  return WriteAddress(task, name, address, length);
}

}  // namespace ringwall::syscalls
