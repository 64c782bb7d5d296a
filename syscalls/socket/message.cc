// Messages in and out: msghdr, waiting, progress over parks.
#include "syscalls/socket/message.h"

#include <algorithm>
#include <utility>

#include "syscalls/core/io.h"

namespace ringwall::syscalls {
namespace {

// The deadline of the message under way: the same at every further run.
int64_t DeadlineOf(Task& task, int64_t timeout_ns) {
  if (timeout_ns < 0) return time::kNever;
  MessageState& state = MessageStateOf(task);
  if (!state.has_deadline) {
    state.has_deadline = true;
    state.deadline_ns = time::SaturatingAdd(time::MonotonicNs(), timeout_ns);
  }
  return state.deadline_ns;
}

uint64_t MovedOfMessage(Task& task) {
  const auto* state = task.call_state<MessageState>();
  return state != nullptr ? state->moved : 0;
}

mm::IovecList WithoutFirst(const mm::IovecList& segments, uint64_t skip) {
  mm::IovecList rest;
  for (const abi::Iovec& segment : segments) {
    const uint64_t gone = std::min(skip, segment.iov_len);
    skip -= gone;
    if (gone != segment.iov_len) rest.push_back({.iov_base = segment.iov_base + gone, .iov_len = segment.iov_len - gone});
  }
  return rest;
}

// The error queue never waits (recv(2), MSG_ERRQUEUE).
bool MayWait(const socket::Socket& socket, uint32_t flags) {
  return (flags & (abi::kMSG_DONTWAIT | abi::kMSG_ERRQUEUE)) == 0 && !socket.nonblocking();
}

// Adds what came with a further part of a stream to what came with the first.
void Append(socket::ReceiveResult& all, socket::ReceiveResult&& part) {
  all.files.insert(all.files.end(), std::make_move_iterator(part.files.begin()), std::make_move_iterator(part.files.end()));
  all.flags |= part.flags;
}

}  // namespace

MessageState& MessageStateOf(Task& task) {
  auto* state = task.call_state<MessageState>();
  return state != nullptr ? *state : task.MakeCallState<MessageState>();
}

uint32_t MessagesSoFar(Task& task) {
  const auto* state = task.call_state<MessageState>();
  return state != nullptr ? state->messages : 0;
}

Result<Message> ReadMessage(Task& task, uint64_t address) {
  Message message;
  message.header = TRY(task.memory().ReadValue<abi::Msghdr>(address));
  abi::Msghdr& header = message.header;
  if (header.msg_name == 0) header.msg_namelen = 0;
  if (header.msg_namelen < 0) return Errno::kEINVAL;
  // recvmsg(2) callers pass bigger buffers than any address: cut, not refused.
  header.msg_namelen = std::min(header.msg_namelen, static_cast<int32_t>(abi::kSockaddrStorageSize));
  if (header.msg_iovlen > static_cast<uint64_t>(abi::kUIO_MAXIOV)) return Errno::kEMSGSIZE;
  message.segments = TRY(mm::ReadIovecs(task.memory(), header.msg_iov, header.msg_iovlen));
  return message;
}

Result<int64_t> SendMessage(Task& task, socket::Socket& socket, mm::IoSource& source, socket::SendRequest& request) {
  const bool stream = socket.type() == abi::kSOCK_STREAM;
  const bool no_signal = !stream || (request.flags & abi::kMSG_NOSIGNAL) != 0;
  uint64_t moved = MovedOfMessage(task);
  source.Skip(std::min<uint64_t>(moved, source.remaining()));
  if (moved != 0) request.control.files.clear();  // they went with the first byte
  for (;;) {
    socket::BlockOn block;
    auto sent = socket.SendMsg(task, source, request, block);
    if (sent.ok()) {
      moved += *sent;
      if (!stream || source.remaining() == 0) return static_cast<int64_t>(moved);
      if (*sent != 0) {
        request.control.files.clear();
        continue;
      }
    } else if (sent.error() != Errno::kEAGAIN) {
      return FinishPartialIo(task, moved, sent.error(), no_signal);
    }
    if (!MayWait(socket, request.flags)) return FinishPartialIo(task, moved, Errno::kEAGAIN, no_signal);
    const Errno parked = ParkOnSocket(task, socket, block, abi::kPOLLOUT, DeadlineOf(task, socket.send_timeout_ns()));
    if (parked != Errno::kParked) return FinishPartialIo(task, moved, parked, no_signal);
    if (moved != 0) MessageStateOf(task).moved = moved;
    return parked;
  }
}

Result<int64_t> ReceiveMessage(Task& task, socket::Socket& socket, const mm::IovecList& segments, uint32_t flags,
                               socket::ReceiveResult& received) {
  uint64_t moved = MovedOfMessage(task);
  if (moved != 0) received = std::move(task.call_state<MessageState>()->received);
  mm::UserSink sink(task.memory(), WithoutFirst(segments, moved));
  // A peek would see the same bytes again: it never collects.
  const bool collect = socket.type() == abi::kSOCK_STREAM && (flags & abi::kMSG_WAITALL) != 0 && (flags & abi::kMSG_PEEK) == 0;
  for (;;) {
    socket::ReceiveResult part;
    auto got = socket.ReceiveMsg(task, sink, flags, part);
    if (got.ok()) {
      if (moved == 0) {
        received = std::move(part);
      } else {
        Append(received, std::move(part));
      }
      moved += *got;
      // Bytes behind a message with descriptors belong to the next call (unix(7), SCM_RIGHTS).
      if (!collect || *got == 0 || sink.remaining() == 0 || !received.files.empty()) return static_cast<int64_t>(moved);
      continue;
    }
    Errno error = got.error();
    if (error == Errno::kEAGAIN && MayWait(socket, flags)) {
      error = ParkOnSocket(task, socket, {}, abi::kPOLLIN | abi::kPOLLRDHUP, DeadlineOf(task, socket.receive_timeout_ns()));
      if (error == Errno::kParked) {
        if (moved != 0) {
          MessageState& state = MessageStateOf(task);
          state.moved = moved;
          state.received = std::move(received);
        }
        return error;
      }
      // The wait is over: what is below SO_RCVLOWAT will do now.
      if (got = socket.ReceiveMsg(task, sink, flags | abi::kMSG_DONTWAIT, part); got.ok()) {
        if (moved == 0) received = std::move(part);
        return static_cast<int64_t>(moved + *got);
      }
    }
    if (moved != 0) return static_cast<int64_t>(moved);
    return error;
  }
}

Result<int64_t> SendOne(Task& task, socket::Socket& socket, uint64_t address, uint32_t flags) {
  Message message = TRY(ReadMessage(task, address));
  socket::SendRequest request;
  request.flags = flags;
  request.to = TRY(ReadAddress(task, {message.header.msg_name}, message.header.msg_namelen));
  // Control data went with the first byte; its descriptors may be closed by now.
  if (MovedOfMessage(task) == 0) request.control = TRY(ReadControl(task, socket, message.header));
  const CallerOf caller = TRY(CallerOf::For(task, request.to));
  request.caller = caller.caller();
  mm::UserSource source(task.memory(), std::move(message.segments));
  return SendMessage(task, socket, source, request);
}

Result<int64_t> ReceiveOne(Task& task, socket::Socket& socket, uint64_t address, uint32_t flags) {
  Message message = TRY(ReadMessage(task, address));
  abi::Msghdr& header = message.header;
  socket::ReceiveResult received;
  const int64_t moved = TRY(ReceiveMessage(task, socket, message.segments, flags, received));
  const bool cloexec = (flags & abi::kMSG_CMSG_CLOEXEC) != 0;
  // Linux reports the request's MSG_CMSG_CLOEXEC among the results too.
  uint32_t result_flags = received.flags | (flags & abi::kMSG_CMSG_CLOEXEC);
  result_flags |= WriteControl(task, header, received, cloexec);
  const uint64_t name_length = address + offsetof(abi::Msghdr, msg_namelen);
  if (header.msg_name != 0) TRY(WriteAddress(task, received.from, {header.msg_name}, {name_length}));
  TRY(task.memory().WriteValue(address + offsetof(abi::Msghdr, msg_flags), result_flags));
  TRY(task.memory().WriteValue(address + offsetof(abi::Msghdr, msg_controllen), header.msg_controllen));
  return moved;
}

}  // namespace ringwall::syscalls
