// The run loop: what happens between a guest event and the guest's next instruction.
#include <cstdint>
#include <utility>

#include "abi/poll.h"
#include "base/log/check.h"
#include "base/log/log.h"
#include "sentry/kernel/kernel.h"
#include "sentry/observe/strace.h"
#include "sentry/observe/unimplemented.h"
#include "sentry/task/blocking_pool.h"
#include "sentry/task/exit.h"
#include "sentry/task/ready_list.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"
#include "sentry/vdso/vdso.h"

namespace ringwall::task {
namespace {

thread_local ReadyList* current_list = nullptr;

constexpr int64_t Encoded(Errno code) { return -static_cast<int64_t>(code); }

}  // namespace

ReadyList::ReadyList() : outermost_(current_list == nullptr) {
  if (outermost_) current_list = this;
}

ReadyList::~ReadyList() {
  CHECK(tasks_.empty());
  if (outermost_) current_list = nullptr;
}

ReadyList* ReadyList::Current() { return current_list; }

void ReadyList::Push(Ref<Task> task) { tasks_.push_back(std::move(task)); }

RefPtr<Task> ReadyList::Pop() {
  if (tasks_.empty()) return nullptr;
  Ref<Task> task = std::move(tasks_.front());
  tasks_.pop_front();
  return task;
}

platform::Verdict Task::OnEvent(platform::GuestThread&, const platform::Event& event) {
  // The exit path may drop every other reference to this task.
  const Ref<Task> self(*this);
  vdso::Vdso::Get().MaybeRefresh();
  ReadyList ready;
  platform::Verdict verdict = HandleEvent(event);
  if (!ready.outermost()) return verdict;
  while (RefPtr<Task> next = ready.Pop()) {
    const platform::Verdict next_verdict = next->RunReady();
    if (next.get() == this) {
      verdict = next_verdict;
    } else {
      next->Answer(next_verdict);
    }
  }
  return verdict;
}

platform::Verdict Task::HandleEvent(const platform::Event& event) {
  switch (event.kind) {
    case platform::EventKind::kSyscall: run_state_.store(RunState::kRunning, std::memory_order_relaxed); return RunSyscall();
    case platform::EventKind::kReady: return RunReady();
    case platform::EventKind::kFault:
      run_state_.store(RunState::kRunning, std::memory_order_relaxed);
      HandleFault(event);
      return PrepareToReturn();
    case platform::EventKind::kInterrupt: run_state_.store(RunState::kRunning, std::memory_order_relaxed); return PrepareToReturn();
    case platform::EventKind::kExited:
      // The host took the guest thread away (OOM killer, an operator): the process is gone as by SIGKILL.
      run_state_.store(RunState::kRunning, std::memory_order_relaxed);
      ClearPark();
      thread_group().RequestGroupExit(abi::kSIGKILL);
      return PrepareToReturn();
  }
  return platform::Verdict::kExit;
}

void Task::Answer(platform::Verdict verdict) {
  switch (verdict) {
    case platform::Verdict::kResume: thread_->Resume(); break;
    case platform::Verdict::kPark:
    case platform::Verdict::kExit:  // the exit path has destroyed the guest thread
      break;
  }
}

// ---- system calls -------------------------------------------------------------------------------------------------------

platform::Verdict Task::RunSyscall() {
  const uint64_t number = regs().syscall_number();
  current_syscall_.store(static_cast<int32_t>(number), std::memory_order_relaxed);
  rerun_ = false;
  call_deadline_set_ = false;
  return RunHandler();
}

platform::Verdict Task::RunReady() {
  ClearPark();
  if (current_syscall_.load(std::memory_order_relaxed) < 0) return PrepareToReturn();  // was stopped, or not started yet
  rerun_ = true;
  return RunHandler();
}

platform::Verdict Task::RunHandler() {
  const arch::Registers& r = regs();
  const RawArgs args{{r.argument(0), r.argument(1), r.argument(2), r.argument(3), r.argument(4), r.argument(5)}};
  const uint64_t number = static_cast<uint32_t>(current_syscall_.load(std::memory_order_relaxed));
  static constexpr SyscallRow kNoRow{};
  const SyscallRow& row = number < kSyscallTableSize ? kernel_.syscalls().rows[number] : kNoRow;
  const int64_t started = kernel_.options().strace ? time::MonotonicNs() : 0;
  for (;;) {
    CallOutcome outcome;
    if (row.invoke != nullptr) [[likely]] {
      outcome = row.invoke(*this, args);
    } else {
      outcome.value = Encoded(row.level == SupportLevel::kRefuse ? static_cast<Errno>(row.refusal) : Errno::kENOSYS);
      // A refusal is an answer; only what nobody has written yet is counted.
      if (row.level != SupportLevel::kRefuse)
        kernel_.unimplemented().Count(row.name.empty() ? "number " + std::to_string(number) : std::string(row.name));
    }
    if (!outcome.keep_registers && outcome.value == Encoded(Errno::kParked)) {
      if (CommitPark()) return platform::Verdict::kPark;
      ClearPark();
      rerun_ = true;
      continue;
    }
    if (!outcome.keep_registers && outcome.value == Encoded(Errno::kRunOnWorker)) {
      BlockingPool::Get().Run(Ref<Task>(*this));
      return platform::Verdict::kPark;
    }
    if (kernel_.options().strace) observe::StraceCall(*this, row, number, args, outcome, started);
    FinishSyscall(outcome);
    return PrepareToReturn();
  }
}

void Task::RunOnBlockingThread() {
  // One level of the ready list here too: what this call wakes is run by this thread.
  ReadyList ready;
  rerun_ = true;
  Answer(RunHandler());
  while (RefPtr<Task> next = ready.Pop()) next->Answer(next->RunReady());
}

void Task::FinishSyscall(const CallOutcome& outcome) {
  call_state_.reset();
  current_syscall_.store(-1, std::memory_order_relaxed);
  if (outcome.keep_registers) return;
  if (outcome.value < 0 && IsPrivate(static_cast<Errno>(-outcome.value))) {
    restart_code_ = static_cast<Errno>(-outcome.value);
    CHECK(IsRestartCode(restart_code_));
    regs().set_result(static_cast<uint64_t>(Encoded(Errno::kEINTR)));
    attention_.store(true, std::memory_order_relaxed);
    return;
  }
  regs().set_result(static_cast<uint64_t>(outcome.value));
}

platform::Verdict Task::PrepareToReturn() {
  for (;;) {
    if (exit_requested_.load(std::memory_order_acquire) || thread_group().group_exiting()) {
      ExitPath::Run(*this);
      run_state_.store(RunState::kDead, std::memory_order_release);
      return platform::Verdict::kExit;
    }
    if (attention_.load(std::memory_order_relaxed) || saved_mask_valid_) {
      attention_.store(false, std::memory_order_seq_cst);
      switch (DeliverSignals()) {
        case Delivery::kContinue: break;
        case Delivery::kLookAgain: continue;
        case Delivery::kStop:
          run_state_.store(RunState::kStopped, std::memory_order_seq_cst);
          if (attention_.load(std::memory_order_seq_cst)) {
            RunState expected = RunState::kStopped;
            if (run_state_.compare_exchange_strong(expected, RunState::kRunning)) continue;
          }
          return platform::Verdict::kPark;
      }
    }
    if (swapped_) {
      // execve gave the task a new guest thread: start it there, and let the old one end.
      swapped_ = false;
      run_state_.store(RunState::kGuest, std::memory_order_seq_cst);
      std::unique_ptr<platform::GuestThread> old = std::move(old_thread_);
      platform::GuestThread& fresh = *thread_;
      if (attention_.load(std::memory_order_seq_cst)) fresh.Interrupt();
      old.reset();
      fresh.Resume();
      return platform::Verdict::kExit;
    }
    run_state_.store(RunState::kGuest, std::memory_order_seq_cst);
    if (attention_.load(std::memory_order_seq_cst)) [[unlikely]] {
      run_state_.store(RunState::kRunning, std::memory_order_relaxed);
      continue;
    }
    return platform::Verdict::kResume;
  }
}

void Task::HandleFault(const platform::Event& event) {
  abi::SigInfo info{};
  info.si_signo = event.signo;
  info.si_code = event.si_code;
  info.Set(abi::SigInfo::Fault{.addr = event.fault_address});
  fault_trap_number_ = event.trap_number;
  fault_error_code_ = event.error_code;
  fault_address_ = event.fault_address;
  ForceSignal(info);
}

// ---- parking ------------------------------------------------------------------------------------------------------------

Errno Task::Park(absl::Span<const ParkOn> what, int64_t deadline_ns, Errno when_interrupted) {
  if (SignalPending()) return when_interrupted;
  park_entries_.clear();
  for (const ParkOn& on : what) park_entries_.push_back({on, nullptr});
  park_deadline_ns_ = deadline_ns;
  return Errno::kParked;
}

Errno Task::ParkOnChildren(uint64_t seen, Errno when_interrupted) {
  const ParkOn on[] = {{&thread_group().children_waitable(), abi::kPOLLIN, nullptr}};
  const Errno outcome = Park(on, time::kNever, when_interrupted);
  park_on_children_ = outcome == Errno::kParked;
  children_seen_ = seen;
  return outcome;
}

Errno Task::ParkUnlessExiting() {
  park_entries_.clear();
  park_deadline_ns_ = time::kNever;
  park_ignores_signals_ = true;
  return Errno::kParked;
}

Errno Task::ParkUntilWoken(int64_t deadline_ns, Errno when_interrupted) { return Park({}, deadline_ns, when_interrupted); }

bool Task::CommitPark() {
  for (ParkEntry& entry : park_entries_) {
    entry.waiter = std::make_unique<ParkWaiter>(*this);
    entry.on.object->AddWaiter(*entry.waiter, entry.on.mask);
  }
  // Whoever made something ready before we were registered left it ready: look once more. Errors and hang-ups always count.
  for (ParkEntry& entry : park_entries_) {
    if (entry.on.object->Readiness(entry.on.mask | abi::kPOLLERR | abi::kPOLLHUP) != 0) return false;
  }
  if (park_on_children_ && thread_group().child_events() != children_seen_) return false;
  // From the store on, another thread may run the call again: nothing of the park state may be touched behind it.
  const bool ignores_signals = park_ignores_signals_;
  if (park_deadline_ns_ != time::kNever) kernel_.timers().Arm(*this, park_deadline_ns_);
  run_state_.store(RunState::kParked, std::memory_order_seq_cst);
  const bool disturbed = ignores_signals ? exit_requested_.load(std::memory_order_seq_cst) || thread_group().group_exiting()
                                         : attention_.load(std::memory_order_seq_cst);
  if (woken_.load(std::memory_order_seq_cst) || disturbed) {
    RunState expected = RunState::kParked;
    // If this fails, the waker has taken the transition and somebody else runs the call again: then we are parked.
    if (run_state_.compare_exchange_strong(expected, RunState::kRunning)) return false;
  }
  return true;
}

void Task::ClearPark() {
  woken_.store(false, std::memory_order_seq_cst);
  for (ParkEntry& entry : park_entries_) {
    if (entry.waiter != nullptr) entry.on.object->RemoveWaiter(*entry.waiter);
  }
  // Dropping keep_alive may run destructors: after all waiters are off their queues.
  park_entries_.clear();
  park_ignores_signals_ = false;
  park_on_children_ = false;
  if (park_deadline_ns_ != time::kNever) {
    kernel_.timers().Cancel(*this);
    park_deadline_ns_ = time::kNever;
  }
}

void Task::Wake() {
  woken_.store(true, std::memory_order_seq_cst);
  RunState expected = RunState::kParked;
  if (run_state_.compare_exchange_strong(expected, RunState::kRunning)) Enqueue();
}

void Task::Enqueue() {
  if (ReadyList* list = ReadyList::Current()) {
    list->Push(Ref<Task>(*this));
  } else {
    thread_->Post();
  }
}

void Task::Kick() {
  attention_.store(true, std::memory_order_seq_cst);
  RunState expected = RunState::kParked;
  if (run_state_.compare_exchange_strong(expected, RunState::kRunning)) return Enqueue();
  expected = RunState::kStopped;
  if (run_state_.compare_exchange_strong(expected, RunState::kRunning)) return Enqueue();
  MutexLock lock(mu_);
  if (run_state_.load(std::memory_order_seq_cst) == RunState::kGuest && thread_ != nullptr) thread_->Interrupt();
}

void Task::OnTimer(int64_t) {
  // A late call for an earlier park only makes the handler look once more.
  Wake();
}

void Task::Start() {
  RunState expected = RunState::kNew;
  if (run_state_.compare_exchange_strong(expected, RunState::kRunning)) Enqueue();
}

}  // namespace ringwall::task
