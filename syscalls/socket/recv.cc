// recv(2): recvfrom, recvmsg.
#include <algorithm>

#include "syscalls/core/io.h"
#include "syscalls/socket/message.h"
#include "syscalls/socket/socket.h"

namespace ringwall::syscalls {

Result<int64_t> SysRecvfrom(Task& task, Fd fd, UserBuffer buffer, ByteCount count, RawFlags flags, UserBuffer address,
                            UserInOut<int32_t> length) {
  const Ref<socket::Socket> socket = TRY(SocketOf(task, fd));
  const mm::IovecList segments{{.iov_base = buffer.address, .iov_len = std::min(count.value, kMaxRwCount)}};
  socket::ReceiveResult received;  // passed files have nowhere to go here and are closed
  const int64_t moved = TRY(ReceiveMessage(task, socket, segments, flags.value, received));
  if (!address.is_null()) TRY(WriteAddress(task, received.from, address, length));
  return moved;
}

Result<int64_t> SysRecvmsg(Task& task, Fd fd, UserIn<abi::Msghdr> message, RawFlags flags) {
  const Ref<socket::Socket> socket = TRY(SocketOf(task, fd));
  return ReceiveOne(task, socket, message.address, flags.value);
}

}  // namespace ringwall::syscalls
