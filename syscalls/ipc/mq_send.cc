// mq_timedsend(2), mq_timedreceive(2).
#include <utility>

#include "abi/poll.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/mqueue/queue.h"
#include "sentry/task/call_state.h"
#include "sentry/task/pid_table.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/ipc/ipc.h"

namespace ringwall::syscalls {
namespace {

// A call that waits in the queue.
struct WaitState : task::TypedCallState<WaitState> {
  WaitState(Ref<vfs::File> file, Ref<mqueue::Waiting> waiting, bool sender)
      : file(std::move(file)), waiting(std::move(waiting)), sender(sender) {}
  ~WaitState() override { (void)queue().Finish(waiting, sender); }
  mqueue::Queue& queue() const { return file->As<mqueue::QueueFile>()->queue(); }
  const Ref<vfs::File> file;
  const Ref<mqueue::Waiting> waiting;
  const bool sender;
};

// Absolute, on CLOCK_REALTIME (mq_send(3)); null waits for ever.
Result<int64_t> DeadlineOf(Task& task, UserIn<abi::Timespec> timeout) {
  if (timeout.is_null()) return time::kNever;
  const abi::Timespec ts = TRY(timeout.Read(task.memory()));
  if (!time::ValidTimespec(ts)) return Errno::kEINVAL;
  return time::SaturatingAdd(time::MonotonicNs(), time::ToNs(ts) - time::RealtimeNs());
}

// Success when somebody has served the call, also one that a signal or the clock was about to end.
Result<void> Wait(Task& task, WaitState& state, int64_t deadline_ns) {
  if (state.waiting->done()) return {};
  Errno outcome = Errno::kETIMEDOUT;
  if (time::MonotonicNs() < deadline_ns) {
    const task::ParkOn on[] = {{state.waiting.get(), abi::kPOLLIN | abi::kPOLLOUT, state.waiting}};
    outcome = task.Park(on, deadline_ns, Errno::kRestartSys);
    if (outcome == Errno::kParked) return outcome;
  }
  if (state.queue().Finish(state.waiting, state.sender)) return {};
  return outcome;
}

void Notify(Task& task, const mqueue::Notification& notification) {
  if (notification.notifier) notification.notifier->Tell(mqueue::Notifier::Why::kWoken);
  if (notification.pid == 0 || notification.signo == 0) return;
  const RefPtr<task::ThreadGroup> group = task.thread_group().pids().FindGroup(notification.pid);
  if (!group) return;
  abi::SigInfo info{};
  info.si_signo = notification.signo;
  info.si_code = abi::kSI_MESGQ;
  info.Set(abi::SigInfo::Rt{.pid = task.ToGuestPid(task.tgid()),
                            .uid = task.creds().user_ns->Show(cred::IdKind::kUid, task.creds().uid),
                            .value = notification.value});
  (void)group->SendSignal(info).ok();
}

Result<Ref<vfs::File>> GetQueue(Task& task, Fd fd) {
  Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if (file->As<mqueue::QueueFile>() == nullptr) return Errno::kEBADF;
  return file;
}

}  // namespace

Result<void> SysMqTimedsend(Task& task, Fd fd, UserBuffer user_message, uint64_t size, uint32_t priority, UserIn<abi::Timespec> timeout) {
  const int64_t deadline_ns = TRY(DeadlineOf(task, timeout));
  if (auto* state = task.call_state<WaitState>()) return Wait(task, *state, deadline_ns);
  if (priority >= abi::kMQ_PRIO_MAX) return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(GetQueue(task, fd));
  mqueue::Queue& queue = file->As<mqueue::QueueFile>()->queue();
  if (!file->writable()) return Errno::kEBADF;
  if (size > static_cast<uint64_t>(queue.message_size())) return Errno::kEMSGSIZE;
  mqueue::Message message{priority, std::string(size, '\0')};
  if (size != 0) TRY(task.memory().Read(user_message.address, {reinterpret_cast<std::byte*>(message.bytes.data()), size}));
  mqueue::Notification notification;
  RefPtr<mqueue::Waiting> waiting = TRY(queue.Send(task, message, file->nonblocking(), notification));
  Notify(task, notification);
  if (!waiting) return {};
  return Wait(task, task.MakeCallState<WaitState>(file, std::move(waiting).ToRef(), true), deadline_ns);
}

Result<int64_t> SysMqTimedreceive(Task& task, Fd fd, UserBuffer user_message, uint64_t size, UserOut<uint32_t> user_priority,
                                  UserIn<abi::Timespec> timeout) {
  const int64_t deadline_ns = TRY(DeadlineOf(task, timeout));
  auto* state = task.call_state<WaitState>();
  mqueue::Message message;
  if (state == nullptr) {
    const Ref<vfs::File> file = TRY(GetQueue(task, fd));
    mqueue::Queue& queue = file->As<mqueue::QueueFile>()->queue();
    if (!file->readable()) return Errno::kEBADF;
    if (size < static_cast<uint64_t>(queue.message_size())) return Errno::kEMSGSIZE;
    RefPtr<mqueue::Waiting> waiting = TRY(queue.Receive(task, message, file->nonblocking()));
    if (waiting) state = &task.MakeCallState<WaitState>(file, std::move(waiting).ToRef(), false);
  }
  if (state != nullptr) {
    TRY(Wait(task, *state, deadline_ns));
    message = std::move(state->waiting->message());
  }
  // As in Linux, the message is gone when a buffer is bad.
  TRY(user_priority.WriteIfSet(task.memory(), message.priority));
  if (!message.bytes.empty())
    TRY(task.memory().Write(user_message.address, {reinterpret_cast<const std::byte*>(message.bytes.data()), message.bytes.size()}));
  return static_cast<int64_t>(message.bytes.size());
}

}  // namespace ringwall::syscalls
