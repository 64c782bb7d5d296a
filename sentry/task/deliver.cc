// Taking signals on the way back to the guest (signal(7), sigreturn(2)): default actions, handlers, restarts, masks.
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include "abi/poll.h"
#include "abi/sysno_x86_64.h"
#include "abi/wait.h"
#include "arch/x86_64/sigframe.h"
#include "base/log/log.h"
#include "sentry/ptrace/engine.h"
#include "sentry/signal/timer_entry.h"
#include "sentry/task/process_timers.h"
#include "sentry/task/signal_path.h"
#include "sentry/task/signals.h"

namespace ringwall::task {

using signal::Bit;
using signal::DefaultAction;
using signal::DefaultActionOf;

bool Task::SignalPending() const {
  // One word on the hot path. No locks: callers may hold some.
  if (!attention_.load(std::memory_order_seq_cst)) return false;
  attention_.store(false, std::memory_order_seq_cst);
  const ThreadGroup& group = *thread_group_;
  const abi::SigSet pending = pending_->set() | group.pending_.set();
  const bool any = (pending & ~blocked_.load(std::memory_order_relaxed)) != 0 || exit_requested_.load(std::memory_order_acquire) ||
                   group.group_exiting() || (group.stop_pending_.load(std::memory_order_seq_cst) && !in_group_stop_) ||
                   ptrace_->trap_hint.load(std::memory_order_seq_cst);
  if (any) attention_.store(true, std::memory_order_seq_cst);
  return any;
}

abi::SigSet Task::PendingSignals() const {
  return (pending_->set() | thread_group_->pending_.set()) & blocked_.load(std::memory_order_relaxed);
}

abi::SigInfo Task::TakeSignal(abi::SigSet set) {
  set &= ~signal::kUnblockable;
  for (;;) {
    abi::SigInfo info{};
    {
      SigLock lock(*thread_group_);
      info = pending_->Take(set);
      if (info.si_signo == 0) info = thread_group_->pending_.Take(set);
    }
    if (!signal::IsTimerEntry(info) || OnTimerSignalTaken(*thread_group_, info)) return info;
  }
}

namespace {

// The pending signals of `set` as something to park on.
class SignalsOf final : public RefCounted, public wait::Waitable {
 public:
  SignalsOf(Task& task, abi::SigSet set) : task_(task), set_(set) {}
  wait::EventMask Readiness(wait::EventMask mask) override { return task_.HasPending(set_) ? mask & abi::kPOLLIN : 0; }
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive) override { task_.signal_queue().Add(waiter, mask, exclusive); }
  void RemoveWaiter(wait::Waiter& waiter) override { task_.signal_queue().Remove(waiter); }

 private:
  Task& task_;  // parked on this, so alive
  const abi::SigSet set_;
};

}  // namespace

bool Task::HasPending(abi::SigSet set) const { return ((pending_->set() | thread_group_->pending_.set()) & set) != 0; }

Result<abi::SigInfo> WaitForSignal(Task& task, abi::SigSet set, int64_t deadline_ns) {
  set &= ~signal::kUnblockable;
  const abi::SigInfo info = task.TakeSignal(set);
  if (info.si_signo != 0) return info;
  if (deadline_ns != time::kNever && time::MonotonicNs() >= deadline_ns) return Errno::kEAGAIN;
  const Ref<SignalsOf> waitable = MakeRef<SignalsOf>(task, set);
  const ParkOn on[] = {{waitable.get(), abi::kPOLLIN, RefPtr<RefCounted>(waitable)}};
  return task.Park(on, deadline_ns, Errno::kEINTR);
}

// ---- masks ----------------------------------------------------------------------------------------------------------------

void Task::SetSignalMask(abi::SigSet mask) {
  mask &= ~signal::kUnblockable;
  abi::SigSet others = 0;
  {
    SigLock lock(*thread_group_);
    const abi::SigSet old = blocked_.load(std::memory_order_relaxed);
    blocked_.store(mask, std::memory_order_relaxed);
    const abi::SigSet shared = thread_group_->pending_.set();
    others = shared & mask & ~old;
    if (((pending_->set() | shared) & ~mask) != 0) attention_.store(true, std::memory_order_seq_cst);
  }
  if (others != 0) SignalPath::Retarget(*this, others);
}

void Task::SetTemporaryMask(abi::SigSet mask) {
  if (saved_mask_valid_) return;  // a further run of the same call
  saved_mask_ = blocked_.load(std::memory_order_relaxed);
  saved_mask_valid_ = true;
  SetSignalMask(mask);
}

// ---- faults ---------------------------------------------------------------------------------------------------------------

void Task::ForceSignal(const abi::SigInfo& info) {
  ThreadGroup& group = *thread_group_;
  SigLock lock(group);
  abi::SigAction& action = lock.action(info.si_signo);
  const abi::SigSet blocked = blocked_.load(std::memory_order_relaxed);
  // The instruction can't go on: a fault that is blocked or ignored kills.
  if ((blocked & Bit(info.si_signo)) != 0 || action.handler == abi::kSIG_IGN) {
    action.handler = abi::kSIG_DFL;
    blocked_.store(blocked & ~Bit(info.si_signo), std::memory_order_relaxed);
  }
  if (action.handler == abi::kSIG_DFL) group.init_unprotected_.store(true, std::memory_order_relaxed);
  (void)pending_->Add(info, ~uint64_t{0}).ok();
  attention_.store(true, std::memory_order_seq_cst);
}

// ---- delivery -------------------------------------------------------------------------------------------------------------

Task::Delivery Task::DeliverSignals() {
  ThreadGroup& group = *thread_group_;
  const bool traced = (call_work() & kWorkTraced) != 0;
  // What was decided in a signal-delivery-stop: the signal that came out of it, if any. Its tracer may be gone by now.
  bool decided = std::exchange(ptrace_->delivery_stop, false);
  for (;;) {
    if (exiting() || group.group_exiting()) return Delivery::kLookAgain;
    if (traced && !decided) {
      ShowRestart();
      if (ptrace::Engine::StopIfAsked(*this)) return Delivery::kTraced;
      HideRestart();
    }
    abi::SigInfo info{};
    abi::SigAction action{};
    bool stop_requested = false;
    auto read_action = [&](SigLock& lock) {
      abi::SigAction& current = lock.action(info.si_signo);
      action = current;
      const bool caught = action.handler != abi::kSIG_DFL && action.handler != abi::kSIG_IGN;
      if (caught && (action.flags & abi::kSA_RESETHAND) != 0) current.handler = abi::kSIG_DFL;
      if ((Bit(info.si_signo) & signal::kStopSignals) != 0) group.stop_dequeued_ = true;
    };
    {
      const bool runs_on = traced && ptrace::Engine::RanOnFromGroupStop(*this);
      SigLock lock(group);
      stop_requested = !decided && !runs_on && group.stop_pending_.load(std::memory_order_relaxed);
      if (!stop_requested && !decided) {
        const abi::SigSet wanted = ~blocked_.load(std::memory_order_relaxed);
        info = pending_->Take(wanted);
        if (info.si_signo == 0) info = group.pending_.Take(wanted);
      }
      if (info.si_signo != 0 && !signal::IsTimerEntry(info) && !traced) read_action(lock);
      if (traced && (Bit(info.si_signo) & signal::kStopSignals) != 0 && info.si_signo != 0) group.stop_dequeued_ = true;
    }
    if (stop_requested) {
      const Delivery stopped = EnterGroupStop();
      if (stopped != Delivery::kContinue) return stopped;
      continue;
    }
    if (decided) {
      decided = false;
      info = std::exchange(ptrace_->next_signal, {});
      if (info.si_signo == 0) continue;
      if ((blocked_.load(std::memory_order_relaxed) & Bit(info.si_signo)) != 0) {
        // It waits like any other that is blocked.
        (void)SendSignal(info).ok();
        continue;
      }
      SigLock lock(group);
      read_action(lock);
    } else if (traced && info.si_signo != 0) {
      if (signal::IsTimerEntry(info) && !OnTimerSignalTaken(group, info)) continue;
      if (info.si_signo != abi::kSIGKILL) {
        ShowRestart();
        if (ptrace::Engine::StopForSignal(*this, info)) return Delivery::kTraced;
        HideRestart();
      }
      SigLock lock(group);
      read_action(lock);
    }
    if (info.si_signo == 0) break;
    if (!traced && signal::IsTimerEntry(info)) {
      // Its timer has a say first, under a lock of its own.
      if (!OnTimerSignalTaken(group, info)) continue;
      SigLock lock(group);
      read_action(lock);
    }

    if (action.handler == abi::kSIG_IGN) continue;
    if (action.handler != abi::kSIG_DFL) {
      SetUpHandler(info, action);
      if (traced && ptrace_->step.load(std::memory_order_relaxed) && ptrace::Engine::StopForStep(*this)) return Delivery::kTraced;
      continue;  // further signals interrupt the handler before its first instruction
    }
    if (group.pid_ == 1 && !group.init_unprotected_.load(std::memory_order_relaxed) && (Bit(info.si_signo) & signal::kUnblockable) == 0)
      continue;
    switch (DefaultActionOf(info.si_signo)) {
      case DefaultAction::kIgnore:
      case DefaultAction::kContinue: continue;
      case DefaultAction::kStop:
        if (SignalPath::BeginStop(*this, info.si_signo)) {
          const Delivery stopped = EnterGroupStop();
          if (stopped != Delivery::kContinue) return stopped;
        }
        continue;
      case DefaultAction::kTerminate:
      case DefaultAction::kCore:
        LOG(kDebug) << "process " << group.pid() << " (" << comm() << ") dies of signal " << info.si_signo << ", code " << info.si_code
                    << ", thread " << tid() << ", fault address " << fault_address_;
        // Differs from Linux: no core dumps, so WCOREDUMP is never set.
        group.RequestGroupExit(abi::SignalStatus(info.si_signo, false));
        return Delivery::kLookAgain;
    }
  }
  ResolveRestart(/*handler_runs=*/false, /*sa_restart=*/false);
  if (saved_mask_valid_) {
    saved_mask_valid_ = false;
    SetSignalMask(saved_mask_);
  }
  return Delivery::kContinue;
}

Task::Delivery Task::EnterGroupStop() {
  int32_t signo = 0;
  if (!SignalPath::EnterStop(*this, &signo)) return Delivery::kContinue;
  if ((call_work() & kWorkTraced) != 0) {
    ShowRestart();
    if (ptrace::Engine::StopForGroupStop(*this, signo)) return Delivery::kTraced;
    HideRestart();
  }
  return Delivery::kStop;
}

void Task::ResolveRestart(bool handler_runs, bool sa_restart) {
  const Errno code = std::exchange(restart_code_, Errno{});
  const uint64_t number = regs().syscall_number();
  switch (code) {
    case Errno::kRestartNoIntr: break;
    case Errno::kRestartSys:
      if (handler_runs && !sa_restart) return;  // EINTR is in the result register already
      break;
    case Errno::kRestartNoHand:
      if (handler_runs) return;
      break;
    case Errno::kRestartBlock:
      if (handler_runs) return;
      regs().RewindSyscall(abi::kSys_restart_syscall);
      return;
    default: return;
  }
  regs().RewindSyscall(number);
}

bool OnAltStack(const abi::StackT& stack, uint64_t sp) {
  // With SS_AUTODISARM the stack is free again while a handler runs on it.
  if ((static_cast<uint32_t>(stack.ss_flags) & abi::kSS_AUTODISARM) != 0 || (stack.ss_flags & abi::kSS_DISABLE) != 0) return false;
  return sp > stack.ss_sp && sp - stack.ss_sp <= stack.ss_size;
}

abi::StackT GetAltStack(const Task& task, uint64_t sp) {
  abi::StackT stack = task.alt_stack;
  if (OnAltStack(stack, sp)) stack.ss_flags |= abi::kSS_ONSTACK;
  return stack;
}

Result<void> SetAltStack(Task& task, const abi::StackT& stack, uint64_t sp) {
  if (OnAltStack(task.alt_stack, sp)) return Errno::kEPERM;
  const uint32_t flags = static_cast<uint32_t>(stack.ss_flags);
  const uint32_t mode = flags & ~abi::kSS_AUTODISARM;
  if (mode != 0 && mode != static_cast<uint32_t>(abi::kSS_ONSTACK) && mode != static_cast<uint32_t>(abi::kSS_DISABLE))
    return Errno::kEINVAL;
  abi::StackT next{};
  if (mode == static_cast<uint32_t>(abi::kSS_DISABLE)) {
    next.ss_flags = abi::kSS_DISABLE;
  } else {
    if (stack.ss_size < abi::kMINSIGSTKSZ) return Errno::kENOMEM;
    next.ss_sp = stack.ss_sp;
    next.ss_size = stack.ss_size;
    next.ss_flags = static_cast<int32_t>(flags & abi::kSS_AUTODISARM);
  }
  task.alt_stack = next;
  return {};
}

void Task::SetUpHandler(const abi::SigInfo& info, const abi::SigAction& action) {
  ResolveRestart(/*handler_runs=*/true, (action.flags & abi::kSA_RESTART) != 0);
  const abi::SigSet old_mask = saved_mask_valid_ ? saved_mask_ : blocked_.load(std::memory_order_relaxed);
  const arch::Registers& current = regs();

  // Which stack. A nested handler stays on the alternate one.
  const bool nested = OnAltStack(alt_stack, current.stack_pointer());
  const bool enters = (action.flags & abi::kSA_ONSTACK) != 0 && (alt_stack.ss_flags & abi::kSS_DISABLE) == 0 && !nested;
  const abi::StackT reported = alt_stack;

  arch::FpState fp;
  if (!thread_->GetFpState(fp).ok()) fp = arch::InitialFpState();
  std::array<std::byte, arch::kSigInfoBytes> info_bytes;
  static_assert(sizeof(info) == sizeof(info_bytes));
  __builtin_memcpy(info_bytes.data(), &info, sizeof(info));
  arch::SignalFrameInput input{
      .regs = current,
      .fp = fp,
      .signo = info.si_signo,
      .handler = action.handler,
      .restorer = action.restorer,
      .siginfo = info_bytes,
      .mask = old_mask,
      .stack = {.address = reported.ss_sp, .flags = reported.ss_flags, .size = reported.ss_size},
      .alternate_stack_top = {},
      .error_code = fault_error_code_,
      .trap_number = fault_trap_number_,
      .fault_address = fault_address_,
  };
  if (enters) input.alternate_stack_top = alt_stack.ss_sp + alt_stack.ss_size;
  const arch::SignalFrame frame = arch::BuildSignalFrame(input);

  // The frame may not run over the end of the alternate stack into what lies below it.
  const bool fits = !(nested || enters) || (frame.address > alt_stack.ss_sp && frame.address - alt_stack.ss_sp <= alt_stack.ss_size);
  if (!fits || (action.flags & abi::kSA_RESTORER) == 0 || !memory_.Write(frame.address, frame.bytes).ok()) {
    LOG(kDebug) << "thread " << tid() << ": no frame for signal " << info.si_signo << " at " << frame.address;
    if (info.si_signo == abi::kSIGSEGV) {
      SigLock lock(*thread_group_);
      lock.action(abi::kSIGSEGV).handler = abi::kSIG_DFL;
    }
    abi::SigInfo fault{};
    fault.si_signo = abi::kSIGSEGV;
    fault.si_code = abi::kSI_KERNEL;
    ForceSignal(fault);
    return;
  }
  thread_->regs() = frame.regs;
  // Handlers start with fresh floating-point state; what was is in the frame.
  (void)thread_->SetFpState(arch::InitialFpState()).ok();
  if ((static_cast<uint32_t>(alt_stack.ss_flags) & abi::kSS_AUTODISARM) != 0) {
    alt_stack = {};
    alt_stack.ss_flags = abi::kSS_DISABLE;
  }
  saved_mask_valid_ = false;
  abi::SigSet blocked = blocked_.load(std::memory_order_relaxed) | action.mask;
  if ((action.flags & abi::kSA_NODEFER) == 0) blocked |= Bit(info.si_signo);
  SetSignalMask(blocked);
}

Result<void> Task::SignalReturn() {
  auto bad_frame = [this]() -> Result<void> {
    abi::SigInfo info{};
    info.si_signo = abi::kSIGSEGV;
    info.si_code = abi::kSI_KERNEL;
    ForceSignal(info);
    return {};
  };
  std::array<std::byte, arch::kSignalFrameBytes> bytes;
  if (!memory_.Read(arch::SignalFrameAddress(regs()), absl::MakeSpan(bytes)).ok()) return bad_frame();
  const auto frame = arch::ParseSignalFrame(bytes, regs());
  if (!frame.ok()) return bad_frame();

  arch::FpState fp = arch::InitialFpState();
  if (frame->fp_address != 0) {
    std::array<std::byte, arch::kFpStateMaxBytes + 64> area;
    const size_t wanted = std::min(arch::FpFrameBytes(), area.size());
    const size_t got = memory_.ReadSome(frame->fp_address, absl::MakeSpan(area.data(), wanted));
    if (!arch::ParseFpFrame(frame->fp_address, std::span<const std::byte>(area.data(), got), fp).ok()) return bad_frame();
  }
  if (!thread_->SetFpState(fp).ok()) return bad_frame();
  thread_->regs() = frame->regs;
  SetSignalMask(frame->mask);
  // Errors in uc_stack are ignored, as Linux does.
  abi::StackT stack{};
  stack.ss_sp = frame->stack.address;
  stack.ss_flags = frame->stack.flags;
  stack.ss_size = frame->stack.size;
  (void)SetAltStack(*this, stack, frame->regs.stack_pointer()).ok();
  return {};
}

}  // namespace ringwall::task
