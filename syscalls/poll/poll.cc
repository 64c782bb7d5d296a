// poll(2), ppoll(2).
#include <vector>

#include "abi/resource.h"
#include "syscalls/poll/poll.h"
#include "syscalls/poll/wait_set.h"

namespace ringwall::syscalls {
namespace {

Result<std::vector<abi::Pollfd>> ReadFds(Task& task, UserArray<abi::Pollfd> fds, uint32_t count) {
  if (count > task.Limit(abi::kRLIMIT_NOFILE) || count > vfs::FdTable::kMaxFds) return Errno::kEINVAL;
  std::vector<abi::Pollfd> list(count);
  TRY(fds.Read(task.memory(), absl::MakeSpan(list)));
  return list;
}

// One look at all of them; the number with events. Parks through `set` when it is 0.
int64_t LookAtAll(Task& task, std::vector<abi::Pollfd>& list, WaitSet& set) {
  int64_t ready = 0;
  for (abi::Pollfd& p : list) {
    p.revents = 0;
    if (p.fd < 0) continue;
    auto file = task.fds().GetForIo(Fd{p.fd});
    p.revents = static_cast<uint16_t>(file.ok() ? set.Look(**file, p.events) : abi::kPOLLNVAL);
    if (p.revents != 0) ++ready;
  }
  return ready;
}

Result<int64_t> WriteBack(Task& task, UserArray<abi::Pollfd> fds, const std::vector<abi::Pollfd>& list, int64_t ready) {
  // Only revents is written: events belongs to the caller, who may change it meanwhile.
  for (size_t i = 0; i < list.size(); ++i) {
    const uint64_t at = fds.address + i * sizeof(abi::Pollfd) + offsetof(abi::Pollfd, revents);
    TRY(task.memory().WriteValue<uint16_t>(at, list[i].revents));
  }
  return ready;
}

Result<int64_t> RestartPoll(Task& task);

// `restartable`: poll(2) itself goes on through restart_syscall(2), ppoll(2) does not.
Result<int64_t> DoPoll(Task& task, UserArray<abi::Pollfd> fds, uint32_t count, int64_t deadline_ns, Errno when_interrupted) {
  std::vector<abi::Pollfd> list = TRY(ReadFds(task, fds, count));
  WaitSet set;
  const int64_t ready = LookAtAll(task, list, set);
  // A signal that has come by the time the call gives up is what it reports.
  if (ready != 0 || (time::MonotonicNs() >= deadline_ns && !task.SignalPending())) return WriteBack(task, fds, list, ready);
  const Errno outcome = set.Park(task, deadline_ns, when_interrupted);
  if (outcome == Errno::kRestartBlock) {
    task.restart_data.deadline_ns = deadline_ns;
    task.restart_data.args[0] = fds.address;
    task.restart_data.args[1] = count;
    task.SetRestart(&RestartPoll);
  }
  return outcome;
}

Result<int64_t> RestartPoll(Task& task) {
  const Task::RestartData data = task.restart_data;
  return DoPoll(task, {data.args[0]}, static_cast<uint32_t>(data.args[1]), data.deadline_ns, Errno::kRestartBlock);
}

}  // namespace

Result<int64_t> SysPoll(Task& task, UserArray<abi::Pollfd> fds, uint32_t count, int32_t timeout_ms) {
  return DoPoll(task, fds, count, task.DeadlineAfter(MsToNs(timeout_ms)), Errno::kRestartBlock);
}

Result<int64_t> SysPpoll(Task& task, UserArray<abi::Pollfd> fds, uint32_t count, UserInOut<abi::Timespec> timeout, UserIn<abi::SigSet> mask,
                         uint64_t set_size) {
  int64_t relative = -1;
  if (!timeout.is_null()) {
    const abi::Timespec ts = TRY(timeout.Read(task.memory()));
    if (!time::ValidTimespec(ts)) return Errno::kEINVAL;
    relative = time::ToNs(ts);
  }
  TRY(UseMask(task, mask, set_size));
  const int64_t deadline = task.DeadlineAfter(relative);
  auto result = DoPoll(task, fds, count, deadline, Errno::kRestartNoHand);
  // The raw call reports the time left, whatever the outcome; a fault there is not an error (ppoll(2), "C library/kernel differences").
  const bool finished = result.ok() || result.error() != Errno::kParked;
  if (finished && !timeout.is_null()) {
    const int64_t left = std::max<int64_t>(0, deadline - time::MonotonicNs());
    if (!timeout.Write(task.memory(), time::ToTimespec(left)).ok() && !result.ok() && result.error() == Errno::kRestartNoHand)
      return Errno::kEINTR;
  }
  return result;
}

}  // namespace ringwall::syscalls
