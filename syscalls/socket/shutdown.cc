// shutdown(2).
#include "syscalls/socket/lookup.h"
#include "syscalls/socket/socket.h"

namespace ringwall::syscalls {

Result<void> SysShutdown(Task& task, Fd fd, int32_t how) {
  const Ref<socket::Socket> socket = TRY(SocketOf(task, fd));
  if (how < abi::kSHUT_RD || how > abi::kSHUT_RDWR) return Errno::kEINVAL;
  return socket->Shutdown(task, how);
}

}  // namespace ringwall::syscalls
