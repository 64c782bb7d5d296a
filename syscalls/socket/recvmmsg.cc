// recvmmsg(2).
#include <algorithm>

#include "sentry/time/clock.h"
#include "syscalls/socket/message.h"
#include "syscalls/socket/socket.h"

namespace ringwall::syscalls {
namespace {

// Receives until `count`, an error or the deadline, which is looked at between messages only (recvmmsg(2), BUGS).
Result<int64_t> ReceiveMany(Task& task, socket::Socket& socket, uint64_t messages, uint32_t count, uint32_t flags, int64_t deadline_ns) {
  uint32_t done = MessagesSoFar(task);
  const bool wait_for_one = (flags & abi::kMSG_WAITFORONE) != 0;
  flags &= ~abi::kMSG_WAITFORONE;
  while (done < count) {
    if (wait_for_one && done != 0) flags |= abi::kMSG_DONTWAIT;
    const uint64_t address = messages + done * sizeof(abi::Mmsghdr);
    auto got = ReceiveOne(task, socket, address, flags);
    if (got.ok()) {
      auto told = task.memory().WriteValue(address + offsetof(abi::Mmsghdr, msg_len), static_cast<uint32_t>(*got));
      if (!told.ok()) got = told.error();
    }
    if (!got.ok()) {
      if (got.error() == Errno::kParked && done != 0) MessageStateOf(task).messages = done;
      if (got.error() == Errno::kParked || done == 0) return got.error();
      // Differs from Linux: an error behind the first messages is not kept for the next call.
      break;
    }
    ++done;
    if (auto* state = task.call_state<MessageState>()) state->StartNext(done);
    if (time::MonotonicNs() >= deadline_ns) break;
  }
  return static_cast<int64_t>(done);
}

}  // namespace

Result<int64_t> SysRecvmmsg(Task& task, Fd fd, UserArray<abi::Mmsghdr> messages, uint32_t count, RawFlags flags,
                            UserInOut<abi::Timespec> timeout) {
  int64_t relative = -1;
  if (!timeout.is_null()) {
    const abi::Timespec ts = TRY(timeout.Read(task.memory()));
    if (!time::ValidTimespec(ts)) return Errno::kEINVAL;
    relative = time::ToNs(ts);
  }
  const Ref<socket::Socket> socket = TRY(SocketOf(task, fd));
  const int64_t deadline = task.DeadlineAfter(relative);
  const int64_t done =
      TRY(ReceiveMany(task, socket, messages.address, std::min(count, static_cast<uint32_t>(abi::kUIO_MAXIOV)), flags.value, deadline));
  if (done > 0 && relative >= 0) TRY(timeout.Write(task.memory(), time::ToTimespec(std::max<int64_t>(0, deadline - time::MonotonicNs()))));
  return done;
}

}  // namespace ringwall::syscalls
