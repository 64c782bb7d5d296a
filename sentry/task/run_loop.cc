// The run loop: what happens between a guest event and the guest's next instruction.
#include <algorithm>
#include <cstdint>
#include <utility>

#include "abi/poll.h"
#include "abi/signal.h"
#include "arch/x86_64/cpu_features.h"
#include "base/log/check.h"
#include "base/log/log.h"
#include "sentry/kernel/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/observe/strace.h"
#include "sentry/observe/unimplemented.h"
#include "sentry/ptrace/task_ptrace.h"
#include "sentry/task/async_signals.h"
#include "sentry/task/blocking_pool.h"
#include "sentry/task/exit.h"
#include "sentry/task/ready_list.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"
#include "sentry/vdso/vdso.h"

namespace ringwall::task {
namespace {

thread_local ReadyList* current_list = nullptr;

// Nanoseconds per tick of the CPU's clock, times 2^32: measured once, over the first 50 ms of events; until then as if it ran at 2.5 GHz.
uint64_t NsPerTick() {
  static std::atomic<uint64_t> measured{0};
  const uint64_t known = measured.load(std::memory_order_relaxed);
  if (known != 0) [[likely]]
    return known;
  static const int64_t first_ns = time::MonotonicNs();
  static const uint64_t first_ticks = arch::ReadTsc();
  const int64_t elapsed_ns = time::MonotonicNs() - first_ns;
  const uint64_t elapsed_ticks = arch::ReadTsc() - first_ticks;
  constexpr int64_t kEnoughNs = 50'000'000;
  if (elapsed_ns < kEnoughNs || elapsed_ticks == 0) return (uint64_t{1} << 32) * 2 / 5;
  const auto rate = static_cast<uint64_t>((static_cast<unsigned __int128>(elapsed_ns) << 32) / elapsed_ticks);
  measured.store(std::max<uint64_t>(rate, 1), std::memory_order_relaxed);
  return rate;
}

// A task that was told to end and runs guest code is asked again so often.
constexpr int64_t kPatienceNs = time::kNsPerSecond;

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
  SendAsyncSignals();
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
  uint64_t began = arch::ReadTsc();
  platform::Verdict verdict = HandleEvent(event);
  began = CountSystemTime(began);
  if (!ready.outermost()) return verdict;
  while (RefPtr<Task> next = ready.Pop()) {
    const platform::Verdict next_verdict = next->RunReady();
    began = next->CountSystemTime(began);
    if (next.get() == this) {
      verdict = next_verdict;
    } else {
      next->Answer(next_verdict);
    }
  }
  return verdict;
}

uint64_t Task::CountSystemTime(uint64_t began) {
  const uint64_t now = arch::ReadTsc();
  const uint64_t ticks = now > began ? now - began : 0;
  // The task may run elsewhere already.
  system_ns_.fetch_add(static_cast<uint64_t>(static_cast<unsigned __int128>(ticks) * NsPerTick() >> 32), std::memory_order_relaxed);
  return now;
}

bool Task::ResolveRewrittenCall(const platform::Event& event, platform::Verdict* verdict) {
  using Kind = arch::RewriteTable::Resolution::Kind;
  const bool stopped = event.kind == platform::EventKind::kInterrupt || event.kind == platform::EventKind::kCallEntry;
  if (!stopped && event.kind != platform::EventKind::kFault) return false;
  const arch::RewriteTable::Resolution found = mm().ResolveCall(regs().rip, thread_.get());
  // Only #UD is what patched bytes do instead of what they did.
  const bool patched_byte = event.kind == platform::EventKind::kFault && event.signo == abi::kSIGILL;
  switch (found.kind) {
    case Kind::kNone: return false;
    case Kind::kResume:
    case Kind::kUndo:
    case Kind::kRetry:
      if (!patched_byte) return false;
      run_state_.store(RunState::kRunning, std::memory_order_relaxed);
      // On the way back, when no signal is to see it.
      jumped_ = true;
      *verdict = PrepareToReturn();
      return true;
    case Kind::kOutside: regs().rip = found.rip; return false;
    case Kind::kEntering:
      run_state_.store(RunState::kRunning, std::memory_order_relaxed);
      arch::BeginCall(regs(), found.rip);
      *verdict = RunSyscall();
      return true;
  }
  return false;
}

// What a signal handler or a tracer sees is an address of the program.
void Task::LeaveTrampoline() {
  const arch::RewriteTable::Resolution found = mm().ResolveCall(regs().rip, thread_.get());
  if (found.kind != arch::RewriteTable::Resolution::Kind::kOutside) return;
  regs().rip = found.rip;
  jumped_ = true;
}

platform::Verdict Task::HandleEvent(const platform::Event& event) {
  if (mm().has_rewritten_calls()) [[unlikely]] {
    platform::Verdict verdict;
    if (ResolveRewrittenCall(event, &verdict)) return verdict;
  }
  switch (event.kind) {
    case platform::EventKind::kSyscall:
      run_state_.store(RunState::kRunning, std::memory_order_relaxed);
      if (event.trapped) mm().CallTrapped(regs().rip - 2, regs().syscall_number(), thread_.get());
      return RunSyscall();
    case platform::EventKind::kCallEntry:
      // Nobody's trampoline: a guest that jumped there.
      run_state_.store(RunState::kRunning, std::memory_order_relaxed);
      HandleFault({.kind = platform::EventKind::kFault, .signo = abi::kSIGSEGV, .si_code = abi::kSI_KERNEL});
      return PrepareToReturn();
    case platform::EventKind::kReady: return RunReady();
    case platform::EventKind::kFault:
      run_state_.store(RunState::kRunning, std::memory_order_relaxed);
      if (call_work() != 0) [[unlikely]]
        NotePass();
      HandleFault(event);
      return PrepareToReturn();
    case platform::EventKind::kInterrupt:
      run_state_.store(RunState::kRunning, std::memory_order_relaxed);
      if (call_work() != 0) [[unlikely]]
        NotePass();
      return PrepareToReturn();
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
  if (call_work() != 0) [[unlikely]] {
    mm().space().DropBrought(thread_.get());
    return EnterCall();
  }
  return RunHandler();
}

platform::Verdict Task::RunReady() {
  ClearPark();
  switch (ptrace_->stage) {
    case ptrace::Stage::kNone: break;
    case ptrace::Stage::kFilter: return AfterStop();
    default: return ParkInStop();  // goes on if its stop has ended
  }
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
  const uint32_t answers_epoch = answers_epoch_.load(std::memory_order_seq_cst);
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
    SendAsyncSignals();
    if (call_work() != 0 && ptrace_->event != 0) [[unlikely]] {
      if (outcome.keep_registers || outcome.value != Encoded(Errno::kParked)) return StopForPendingEvent(&outcome);
      ClearPark();
      return StopForPendingEvent(nullptr);
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
    if (call_work() != 0) [[unlikely]]
      return LeaveCall();
    if (outcome.lasting && !kernel_.options().strace) Remember(number, outcome.value, answers_epoch);
    return PrepareToReturn();
  }
}

void Task::Remember(uint64_t number, int64_t result, uint32_t epoch) {
  thread_->Remember(static_cast<uint32_t>(number), result);
  // What changed while the call ran was perhaps not seen by it, and forgotten too early.
  if (answers_epoch_.load(std::memory_order_seq_cst) != epoch) thread_->ForgetAnswers();
}

void Task::RunOnBlockingThread() {
  // One level of the ready list here too: what this call wakes is run by this thread.
  ReadyList ready;
  rerun_ = true;
  uint64_t began = arch::ReadTsc();
  const platform::Verdict verdict = RunHandler();
  began = CountSystemTime(began);
  Answer(verdict);
  while (RefPtr<Task> next = ready.Pop()) {
    const platform::Verdict next_verdict = next->RunReady();
    began = next->CountSystemTime(began);
    next->Answer(next_verdict);
  }
}

void Task::FinishSyscall(const CallOutcome& outcome) {
  call_state_.reset();
  current_syscall_.store(-1, std::memory_order_relaxed);
  if (outcome.keep_registers) {
    jumped_ = true;
    return;
  }
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
      if (call_work() != 0 && StopForExit()) [[unlikely]]
        return ParkInStop();
      ExitPath::Run(*this);
      run_state_.store(RunState::kDead, std::memory_order_release);
      return platform::Verdict::kExit;
    }
    if (attention_.load(std::memory_order_relaxed) || saved_mask_valid_) {
      attention_.store(false, std::memory_order_seq_cst);
      if (mm_ && mm().has_rewritten_calls()) [[unlikely]]
        LeaveTrampoline();
      switch (DeliverSignals()) {
        case Delivery::kContinue: break;
        case Delivery::kLookAgain: continue;
        case Delivery::kTraced: return ParkInStop();
        case Delivery::kStop: {
          // execve has left an old guest thread behind, and this may be its event: see ParkInStop.
          const bool swapped = std::exchange(swapped_, false);
          std::unique_ptr<platform::GuestThread> old = std::move(old_thread_);
          run_state_.store(RunState::kStopped, std::memory_order_seq_cst);
          if (attention_.load(std::memory_order_seq_cst)) {
            RunState expected = RunState::kStopped;
            if (run_state_.compare_exchange_strong(expected, RunState::kRunning)) {
              swapped_ = swapped;
              old_thread_ = std::move(old);
              continue;
            }
          }
          return swapped ? platform::Verdict::kExit : platform::Verdict::kPark;
        }
      }
    }
    if (call_work() != 0) [[unlikely]]
      PrepareSteps();
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
    if (jumped_) [[unlikely]] {
      jumped_ = false;
      if (mm().has_rewritten_calls()) regs().rip = mm().ResumeAddress(regs().rip);
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

Errno Task::ParkIgnoringSignals(absl::Span<const ParkOn> what, int64_t deadline_ns) {
  park_entries_.clear();
  for (const ParkOn& on : what) park_entries_.push_back({on, nullptr});
  park_deadline_ns_ = deadline_ns;
  park_ignores_signals_ = true;
  return Errno::kParked;
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
  {
    MutexLock lock(mu_);
    if (run_state_.load(std::memory_order_seq_cst) == RunState::kGuest && thread_ != nullptr) thread_->Interrupt();
  }
  if (!exiting() && !thread_group().group_exiting()) return;
  const RunState state = run_state_.load(std::memory_order_seq_cst);
  if (state == RunState::kGuest || state == RunState::kRunning) kernel_.timers().Arm(*this, time::MonotonicNs() + kPatienceNs);
}

void Task::OnTimer(int64_t) {
  // A late call for an earlier park only makes the handler look once more.
  Wake();
  if (!exiting() && !thread_group().group_exiting()) return;
  // Told to end, and still there. The platform ends what does not listen; it has to be asked again.
  {
    MutexLock lock(mu_);
    const RunState state = run_state_.load(std::memory_order_seq_cst);
    if ((state != RunState::kGuest && state != RunState::kRunning) || thread_ == nullptr) return;
    thread_->Interrupt();
  }
  kernel_.timers().Arm(*this, time::MonotonicNs() + kPatienceNs);
}

void Task::Start() {
  RunState expected = RunState::kNew;
  if (run_state_.compare_exchange_strong(expected, RunState::kRunning)) Enqueue();
}

}  // namespace ringwall::task
