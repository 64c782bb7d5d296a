// Shared by the sending and receiving calls: struct msghdr, control messages, and transfers that wait.
#pragma once

#include <cstdint>
#include <vector>

#include "sentry/mm/user_memory.h"
#include "sentry/socket/socket.h"
#include "sentry/task/call_state.h"
#include "syscalls/socket/lookup.h"

namespace ringwall::syscalls {

// What a parked send or receive keeps.
struct MessageState : task::TypedCallState<MessageState> {
  uint32_t messages = 0;      // finished ones of sendmmsg(2), recvmmsg(2)
  uint64_t moved = 0;         // bytes of the current one
  bool has_deadline = false;  // of the current one, by SO_RCVTIMEO or SO_SNDTIMEO
  int64_t deadline_ns = 0;
  socket::ReceiveResult received;  // what came with the first bytes
  void StartNext(uint32_t done) {
    messages = done;
    moved = 0;
    has_deadline = false;
    received = {};
  }
};
MessageState& MessageStateOf(Task& task);
// Messages that earlier runs of this call have finished.
uint32_t MessagesSoFar(Task& task);

// A msghdr that has been copied in and checked: EMSGSIZE for more than UIO_MAXIOV segments, EINVAL for a negative name length, EFAULT.
struct Message {
  abi::Msghdr header;
  mm::IovecList segments;
};
Result<Message> ReadMessage(Task& task, uint64_t address);

// Decodes the control messages of a send. EINVAL, EBADF, EPERM, ENOBUFS when longer than net.core.optmem_max allows.
Result<socket::SendControl> ReadControl(Task& task, const socket::Socket& socket, const abi::Msghdr& header);

// Writes a received message's control data into header.msg_control, installing passed files; header.msg_controllen becomes the bytes used.
// Gives MSG_CTRUNC when something did not fit or could not be installed.
uint32_t WriteControl(Task& task, abi::Msghdr& header, socket::ReceiveResult& received, bool cloexec);

// One message, waiting as the socket and MSG_DONTWAIT say; stream sends go on until all is taken. Every park keeps its progress in
// MessageState.
Result<int64_t> SendMessage(Task& task, socket::Socket& socket, mm::IoSource& source, socket::SendRequest& request);
Result<int64_t> ReceiveMessage(Task& task, socket::Socket& socket, const mm::IovecList& segments, uint32_t flags,
                               socket::ReceiveResult& received);

// sendmsg(2) and recvmsg(2) of the msghdr at `address`.
Result<int64_t> SendOne(Task& task, socket::Socket& socket, uint64_t address, uint32_t flags);
Result<int64_t> ReceiveOne(Task& task, socket::Socket& socket, uint64_t address, uint32_t flags);

}  // namespace ringwall::syscalls
