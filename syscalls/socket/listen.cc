// listen(2).
#include <algorithm>

#include "syscalls/socket/lookup.h"
#include "syscalls/socket/socket.h"

namespace ringwall::syscalls {

Result<void> SysListen(Task& task, Fd fd, int32_t backlog) {
  const Ref<socket::Socket> socket = TRY(SocketOf(task, fd));
  // Compared without a sign: a negative backlog asks for the maximum (listen(2), /proc/sys/net/core/somaxconn).
  const uint32_t wanted = std::min(static_cast<uint32_t>(backlog), static_cast<uint32_t>(abi::kSOMAXCONN));
  return socket->Listen(task, static_cast<int32_t>(wanted));
}

}  // namespace ringwall::syscalls
