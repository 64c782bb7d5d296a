// send(2): sendto, sendmsg.
#include <algorithm>

#include "syscalls/core/io.h"
#include "syscalls/socket/message.h"
#include "syscalls/socket/socket.h"

namespace ringwall::syscalls {

Result<int64_t> SysSendto(Task& task, Fd fd, UserBuffer buffer, ByteCount count, RawFlags flags, UserBuffer address, int32_t length) {
  const Ref<socket::Socket> socket = TRY(SocketOf(task, fd));
  socket::SendRequest request;
  request.flags = flags.value;
  if (!address.is_null()) request.to = TRY(ReadAddress(task, address, length));
  const CallerOf caller = TRY(CallerOf::For(task, request.to));
  request.caller = caller.caller();
  mm::UserSource source(task.memory(), buffer.address, static_cast<size_t>(std::min(count.value, kMaxRwCount)));
  return SendMessage(task, socket, source, request);
}

Result<int64_t> SysSendmsg(Task& task, Fd fd, UserIn<abi::Msghdr> message, RawFlags flags) {
  const Ref<socket::Socket> socket = TRY(SocketOf(task, fd));
  return SendOne(task, socket, message.address, flags.value);
}

}  // namespace ringwall::syscalls
