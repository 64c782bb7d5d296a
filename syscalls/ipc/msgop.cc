// msgsnd(2), msgrcv(2).
#include <algorithm>
#include <string>
#include <utility>

#include "abi/poll.h"
#include "sentry/task/call_state.h"
#include "syscalls/ipc/ipc.h"
#include "syscalls/ipc/ipc_of.h"

namespace ringwall::syscalls {
namespace {

// A message that waits for room.
struct SendState : task::TypedCallState<SendState> {
  SendState(Ref<ipc::IpcNamespace> ns, ipc::Message message) : ns(std::move(ns)), message(std::move(message)) {}
  const Ref<ipc::IpcNamespace> ns;
  ipc::Message message;
};

struct ReceiveState : task::TypedCallState<ReceiveState> {
  ReceiveState(Ref<ipc::IpcNamespace> ns, int32_t id, Ref<ipc::MsgReceiver> receiver)
      : ns(std::move(ns)), id(id), receiver(std::move(receiver)) {}
  ~ReceiveState() override {
    if (!finished) (void)ns->msg.Finish(id, receiver, Errno::kEINTR).ok();
  }
  const Ref<ipc::IpcNamespace> ns;
  const int32_t id;
  const Ref<ipc::MsgReceiver> receiver;
  bool finished = false;
};

// The queue that a call waits for is gone: its number may be free again by the time it looks.
Errno AfterWaiting(Errno error) { return error == Errno::kEINVAL ? Errno::kEIDRM : error; }

// The type, then the bytes, cut to `room` (msgrcv(2)). A message whose buffer is bad is lost.
Result<int64_t> CopyOut(Task& task, const ipc::Message& message, UserAddr to, uint64_t room) {
  const size_t size = std::min<uint64_t>(message.bytes().size(), room);
  TRY(task.memory().WriteValue(to.value, message.type()));
  if (size != 0) TRY(task.memory().Write(to.value + sizeof(int64_t), {reinterpret_cast<const std::byte*>(message.bytes().data()), size}));
  return static_cast<int64_t>(size);
}

Result<ipc::Message> CopyIn(Task& task, ipc::MsgTable& table, UserAddr from, uint64_t size) {
  const auto type = TRY(task.memory().ReadValue<int64_t>(from.value));
  if (type < 1) return Errno::kEINVAL;
  std::string bytes(size, '\0');
  if (size != 0) TRY(task.memory().Read(from.value + sizeof(int64_t), {reinterpret_cast<std::byte*>(bytes.data()), size}));
  return table.Make(type, std::move(bytes));
}

}  // namespace

Result<void> SysMsgsnd(Task& task, int32_t id, UserAddr user_message, uint64_t size, int32_t flags) {
  auto* state = task.call_state<SendState>();
  const bool waited = state != nullptr;
  if (state == nullptr) {
    const Ref<ipc::IpcNamespace> ns = IpcOf(task);
    const auto limit = static_cast<uint64_t>(std::max(ns->msg.max_message.load(std::memory_order_relaxed), 0));
    if (size > limit || id < 0) {
      // The type is read first (Linux's msgsnd wrapper).
      TRY(task.memory().ReadValue<int64_t>(user_message.value));
      return Errno::kEINVAL;
    }
    ipc::Message message = TRY(CopyIn(task, ns->msg, user_message, size));
    state = &task.MakeCallState<SendState>(ns, std::move(message));
  }
  const bool nonblocking = (flags & abi::kIPC_NOWAIT) != 0;
  auto sent = state->ns->msg.Send(task, id, state->message, nonblocking);
  if (!sent.ok()) return waited ? AfterWaiting(sent.error()) : sent.error();
  if (!*sent) return {};
  const task::ParkOn on[] = {{sent->get(), abi::kPOLLOUT, *sent}};
  return task.Park(on, time::kNever, Errno::kRestartNoHand);
}

Result<int64_t> SysMsgrcv(Task& task, int32_t id, UserAddr user_message, uint64_t size, int64_t type, int32_t flags) {
  auto* state = task.call_state<ReceiveState>();
  bool waited = false;
  const Ref<ipc::IpcNamespace> ns = state != nullptr ? state->ns : IpcOf(task);
  if (state != nullptr && state->receiver->done()) {
    state->finished = true;
    auto message = ns->msg.Finish(id, state->receiver, Errno::kEINTR);
    if (message.ok()) return CopyOut(task, *message, user_message, size);
    if (message.error() != Errno::kEAGAIN) return message.error();
    // msgctl(2) with IPC_SET has changed the rules: from the start.
    state = nullptr;
    waited = true;
  }
  if (state == nullptr) {
    if (id < 0 || size > static_cast<uint64_t>(INT64_MAX)) return Errno::kEINVAL;
    auto received = ns->msg.Receive(task, id, size, type, flags);
    if (!received.ok()) return waited ? AfterWaiting(received.error()) : received.error();
    if (!received->message.empty()) return CopyOut(task, received->message.front(), user_message, size);
    state = &task.MakeCallState<ReceiveState>(ns, id, std::move(received->receiver).ToRef());
  }
  const task::ParkOn on[] = {{state->receiver.get(), abi::kPOLLIN, state->receiver}};
  const Errno outcome = task.Park(on, time::kNever, Errno::kRestartNoHand);
  if (outcome == Errno::kParked) return outcome;
  // A message that came while the signal did is not lost.
  state->finished = true;
  auto message = ns->msg.Finish(id, state->receiver, outcome);
  if (!message.ok()) return message.error() == Errno::kEAGAIN ? outcome : message.error();
  return CopyOut(task, *message, user_message, size);
}

}  // namespace ringwall::syscalls
