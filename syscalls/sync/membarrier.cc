// membarrier(2).
//
// A thread that runs guest code is sent through the run loop once: entering the kernel and leaving it again are full barriers and
// serialise its instruction stream. A thread that is in the sentry, or parked, has entered and has not left yet.
#include "abi/membarrier.h"

#include <utility>
#include <vector>

#include "abi/poll.h"
#include "sentry/kernel/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/task/thread_group.h"
#include "syscalls/sync/sync.h"

namespace ringwall::syscalls {
namespace {

// Everything but the commands for restartable sequences, which guests do not have.
constexpr int32_t kOffered = abi::kMEMBARRIER_CMD_GLOBAL | abi::kMEMBARRIER_CMD_GLOBAL_EXPEDITED |
                             abi::kMEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | abi::kMEMBARRIER_CMD_PRIVATE_EXPEDITED |
                             abi::kMEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | abi::kMEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |
                             abi::kMEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE | abi::kMEMBARRIER_CMD_GET_REGISTRATIONS;

// One thread that has been sent through the run loop.
class Pass final : public RefCounted, public wait::Waitable {
 public:
  Pass(Ref<Task> task, uint64_t seen) : task_(std::move(task)), seen_(seen) {}
  bool done() const { return task_->passes() != seen_ || task_->exiting(); }
  wait::EventMask Readiness(wait::EventMask mask) override { return done() ? mask & abi::kPOLLMSG : 0; }
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive) override {
    task_->signal_queue().Add(waiter, mask, exclusive);
  }
  void RemoveWaiter(wait::Waiter& waiter) override { task_->signal_queue().Remove(waiter); }
  // Again, in case the first request came when the thread was between two states. False when it is in the sentry now.
  bool Send() { return task_->SendThroughRunLoop(); }

 private:
  const Ref<Task> task_;
  const uint64_t seen_;
};

struct BarrierState : task::TypedCallState<BarrierState> {
  std::vector<Ref<Pass>> passes;
};

// The threads that must pass: of the caller's address space, or of all that registered for global barriers, or all.
std::vector<Ref<Task>> Concerned(Task& task, int32_t command) {
  std::vector<Ref<Task>> threads;
  task::PidTable& pids = task.thread_group().pids();
  const bool is_private = command == abi::kMEMBARRIER_CMD_PRIVATE_EXPEDITED || command == abi::kMEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE;
  for (const Ref<task::ThreadGroup>& group : pids.AllGroups()) {
    for (Ref<Task>& thread : pids.ThreadsOf(*group)) {
      if (thread.get() == &task) continue;
      const RefPtr<mm::MemoryManager> mm = thread->ShareMm();
      if (!mm) continue;
      if (is_private && mm.get() != &task.mm()) break;  // all threads of a process share it
      if (command == abi::kMEMBARRIER_CMD_GLOBAL_EXPEDITED &&
          (mm->membarrier_registered.load() & abi::kMEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) == 0) {
        break;
      }
      threads.push_back(std::move(thread));
    }
  }
  return threads;
}

Result<int64_t> Barrier(Task& task, int32_t command) {
  auto* state = task.call_state<BarrierState>();
  if (state == nullptr) {
    state = &task.MakeCallState<BarrierState>();
    for (const Ref<Task>& thread : Concerned(task, command)) {
      const uint64_t seen = thread->passes();
      if (thread->SendThroughRunLoop()) state->passes.push_back(MakeRef<Pass>(thread, seen));
    }
  } else {
    for (const Ref<Pass>& pass : state->passes) {
      if (!pass->done()) (void)pass->Send();
    }
  }
  std::erase_if(state->passes, [](const Ref<Pass>& pass) { return pass->done(); });
  if (state->passes.empty()) return 0;
  // Signals do not interrupt it (membarrier(2) has no EINTR): the wait is a few microseconds long.
  if (task.exiting() || task.thread_group().group_exiting()) return 0;
  std::vector<task::ParkOn> on;
  for (const Ref<Pass>& pass : state->passes) on.push_back({pass.get(), abi::kPOLLMSG, RefPtr<RefCounted>(pass)});
  constexpr int64_t kLookAgainNs = 2'000'000;
  return task.ParkIgnoringSignals(on, time::SaturatingAdd(time::MonotonicNs(), kLookAgainNs));
}

}  // namespace

Result<int64_t> SysMembarrier(Task& task, int32_t command, uint32_t flags, int32_t) {
  // MEMBARRIER_CMD_FLAG_CPU belongs to a command that is not offered.
  if (flags != 0) return Errno::kEINVAL;
  std::atomic<uint32_t>& registered = task.mm().membarrier_registered;
  switch (command) {
    case abi::kMEMBARRIER_CMD_QUERY: return kOffered;
    case abi::kMEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
    case abi::kMEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
    case abi::kMEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE: registered.fetch_or(static_cast<uint32_t>(command)); return 0;
    case abi::kMEMBARRIER_CMD_GET_REGISTRATIONS: return registered.load();
    case abi::kMEMBARRIER_CMD_GLOBAL:
    case abi::kMEMBARRIER_CMD_GLOBAL_EXPEDITED: return Barrier(task, command);
    case abi::kMEMBARRIER_CMD_PRIVATE_EXPEDITED:
      if ((registered.load() & abi::kMEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0) return Errno::kEPERM;
      return Barrier(task, command);
    case abi::kMEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
      if ((registered.load() & abi::kMEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE) == 0) return Errno::kEPERM;
      return Barrier(task, command);
    default: return Errno::kEINVAL;
  }
}

}  // namespace ringwall::syscalls
