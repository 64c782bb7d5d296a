// semop(2), semtimedop(2).
#include <utility>
#include <vector>

#include "abi/poll.h"
#include "sentry/task/call_state.h"
#include "syscalls/ipc/ipc.h"
#include "syscalls/ipc/ipc_of.h"

namespace ringwall::syscalls {
namespace {

// A call that waits in its set's queue, until it is carried out or gives up.
struct SemState : task::TypedCallState<SemState> {
  SemState(Ref<ipc::IpcNamespace> ns, int32_t id, Ref<ipc::SemWaiter> waiter) : ns(std::move(ns)), id(id), waiter(std::move(waiter)) {}
  ~SemState() override { (void)ns->sem.Finish(id, waiter, Errno::kEINTR).ok(); }
  const Ref<ipc::IpcNamespace> ns;
  const int32_t id;
  const Ref<ipc::SemWaiter> waiter;
};

Result<void> Wait(Task& task, SemState& state, int64_t deadline_ns) {
  if (state.waiter->done()) return state.ns->sem.Finish(state.id, state.waiter, Errno::kEINTR);
  if (task.DeadlinePassed()) return state.ns->sem.Finish(state.id, state.waiter, Errno::kEAGAIN);
  const task::ParkOn on[] = {{state.waiter.get(), abi::kPOLLIN, state.waiter}};
  // Never restarted, whatever SA_RESTART says (signal(7)).
  const Errno outcome = task.Park(on, deadline_ns, Errno::kEINTR);
  if (outcome == Errno::kParked) return outcome;
  return state.ns->sem.Finish(state.id, state.waiter, outcome);
}

Result<void> Operate(Task& task, int32_t id, UserArray<abi::Sembuf> user_operations, uint32_t count, int64_t timeout_ns) {
  if (auto* state = task.call_state<SemState>()) return Wait(task, *state, task.DeadlineAfter(timeout_ns));
  const Ref<ipc::IpcNamespace> ns = IpcOf(task);
  if (count < 1) return Errno::kEINVAL;
  if (count > static_cast<uint32_t>(ns->sem.max_operations.load(std::memory_order_relaxed))) return Errno::kE2BIG;
  std::vector<abi::Sembuf> operations(count);
  TRY(user_operations.Read(task.memory(), absl::MakeSpan(operations)));
  if (id < 0) return Errno::kEINVAL;
  auto outcome = TRY(ns->sem.Operate(task, id, std::move(operations), task.sem_undo, ns));
  if (!outcome.waiter) return {};
  auto& state = task.MakeCallState<SemState>(ns, id, std::move(outcome.waiter).ToRef());
  return Wait(task, state, task.DeadlineAfter(timeout_ns));
}

}  // namespace

Result<void> SysSemop(Task& task, int32_t id, UserArray<abi::Sembuf> operations, uint32_t count) {
  return Operate(task, id, operations, count, -1);
}

Result<void> SysSemtimedop(Task& task, int32_t id, UserArray<abi::Sembuf> operations, uint32_t count, UserIn<abi::Timespec> timeout) {
  int64_t timeout_ns = -1;
  if (!timeout.is_null()) {
    const abi::Timespec ts = TRY(timeout.Read(task.memory()));
    if (!time::ValidTimespec(ts)) return Errno::kEINVAL;
    timeout_ns = time::ToNs(ts);
  }
  return Operate(task, id, operations, count, timeout_ns);
}

}  // namespace ringwall::syscalls
