// sendmmsg(2).
#include <algorithm>

#include "syscalls/socket/message.h"
#include "syscalls/socket/socket.h"

namespace ringwall::syscalls {

Result<int64_t> SysSendmmsg(Task& task, Fd fd, UserArray<abi::Mmsghdr> messages, uint32_t count, RawFlags flags) {
  const Ref<socket::Socket> socket = TRY(SocketOf(task, fd));
  count = std::min(count, static_cast<uint32_t>(abi::kUIO_MAXIOV));
  for (uint32_t done = MessagesSoFar(task); done < count;) {
    const uint64_t address = messages.address + done * sizeof(abi::Mmsghdr);
    auto sent = SendOne(task, socket, address, flags.value);
    if (sent.ok()) {
      auto told = task.memory().WriteValue(address + offsetof(abi::Mmsghdr, msg_len), static_cast<uint32_t>(*sent));
      if (!told.ok()) sent = told.error();
    }
    if (!sent.ok()) {
      // Waiting for a later message goes on with the count kept; any other error is the next call's, if it is still there then.
      if (sent.error() == Errno::kParked && done != 0) MessageStateOf(task).messages = done;
      if (sent.error() == Errno::kParked || done == 0) return sent.error();
      return static_cast<int64_t>(done);
    }
    ++done;
    if (auto* state = task.call_state<MessageState>()) state->StartNext(done);
  }
  return static_cast<int64_t>(count);
}

}  // namespace ringwall::syscalls
