// The way of calls that somebody looks at: seccomp(2) filters before the handler, ptrace(2) stops before, in and after it. Tasks without
// filter and tracer never come here (Task::call_work).
#include <algorithm>
#include <utility>

#include "abi/poll.h"
#include "abi/ptrace.h"
#include "abi/seccomp.h"
#include "abi/signal.h"
#include "abi/sysno_x86_64.h"
#include "abi/wait.h"
#include "arch/x86_64/registers.h"
#include "base/log/log.h"
#include "sentry/cred/credentials.h"
#include "sentry/ptrace/engine.h"
#include "sentry/ptrace/task_ptrace.h"
#include "sentry/seccomp/task_seccomp.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"

namespace ringwall::task {

using ptrace::Engine;
using ptrace::Resume;
using ptrace::Stage;

namespace {

constexpr uint64_t kTrapFlag = 0x100;
constexpr uint16_t kMaxErrno = 4095;

bool StrictModeAllows(uint64_t number) {
  return number == abi::kSys_read || number == abi::kSys_write || number == abi::kSys_exit || number == abi::kSys_rt_sigreturn;
}

}  // namespace

// ---- an event of the guest ----------------------------------------------------------------------------------------------------

void Task::NotePass() {
  if ((call_work() & kWorkBarrier) != 0) {
    passes_.fetch_add(1, std::memory_order_seq_cst);
    DropCallWork(kWorkBarrier);
    signal_arrived_.Notify(abi::kPOLLMSG);
  }
  // The trap flag of PTRACE_SINGLESTEP is not the guest's: nobody sees it.
  if (ptrace_->flag_forced) {
    ptrace_->flag_forced = false;
    regs().eflags &= ~kTrapFlag;
  }
}

bool Task::SendThroughRunLoop() {
  if (run_state_.load(std::memory_order_seq_cst) != RunState::kGuest) return false;
  AddCallWork(kWorkBarrier);
  MutexLock lock(mu_);
  if (run_state_.load(std::memory_order_seq_cst) != RunState::kGuest || thread_ == nullptr) return false;
  thread_->Interrupt();
  return true;
}

void Task::PrepareSteps() {
  if ((call_work() & kWorkStepping) == 0) return;
  if (!ptrace_->step.load(std::memory_order_relaxed)) return DropCallWork(kWorkStepping);  // its tracer is gone
  if ((regs().eflags & kTrapFlag) != 0) return;
  regs().eflags |= kTrapFlag;
  ptrace_->flag_forced = true;
}

// ---- into a call ----------------------------------------------------------------------------------------------------------------

platform::Verdict Task::EnterCall() {
  NotePass();
  if ((call_work() & kWorkTraced) != 0) {
    const Resume how = ptrace_->resume.load(std::memory_order_relaxed);
    if (how != Resume::kRun) {
      ptrace_->skip_call = how == Resume::kEmulate;
      if (Engine::StopForSyscall(*this, /*entry=*/true, Stage::kEntry)) return ParkInStop();
    }
  }
  return FilterCall(/*after_trace_stop=*/false);
}

platform::Verdict Task::AnswerCall(uint64_t value) {
  regs().set_result(value);
  return FinishCall({.value = static_cast<int64_t>(value), .keep_registers = true});
}

platform::Verdict Task::AskListener(seccomp::Listener& listener, bool killable) {
  seccomp::TaskSeccomp& own = *seccomp_;
  for (;;) {
    const Ref<seccomp::Question> question = own.asked.ToRef();
    if (listener.TakeAnswer(*question)) {
      own.asked.reset();
      if (question->carry_on) return RunHandler();
      return AnswerCall(question->error != 0 ? static_cast<uint64_t>(int64_t{question->error}) : static_cast<uint64_t>(question->value));
    }
    const bool dying = exiting() || thread_group().group_exiting();
    if (dying || SignalPending()) {
      if (listener.Withdraw(*question, killable && !dying)) {
        own.asked.reset();
        return FinishCall({.value = -static_cast<int64_t>(Errno::kRestartSys)});
      }
      if (!killable || dying) continue;  // answered just now
    }
    const Errno outcome = killable ? ParkUnlessExiting() : ParkUntilWoken(time::kNever, Errno::kRestartSys);
    if (outcome != Errno::kParked) continue;
    ptrace_->stage = Stage::kFilter;
    // A received question of a killable filter ignores signals; one that was not received yet does not, and looks for them above.
    if (CommitPark()) return platform::Verdict::kPark;
    ptrace_->stage = Stage::kNone;
    ClearPark();
  }
}

platform::Verdict Task::FilterCall(bool after_trace_stop) {
  if ((call_work() & kWorkFilter) == 0) return RunHandler();
  seccomp::TaskSeccomp& own = *seccomp_;
  if (own.adopt_no_new_privs.exchange(false, std::memory_order_acq_rel)) {
    Ref<cred::Credentials> creds = this->creds().Clone();
    creds->no_new_privs = true;
    SetCreds(Ref<const cred::Credentials>(std::move(creds)));
  }
  const arch::Registers& r = regs();
  const auto number = static_cast<uint32_t>(current_syscall_.load(std::memory_order_relaxed));
  if (own.mode() == abi::kSECCOMP_MODE_STRICT) {
    if (StrictModeAllows(number)) return RunHandler();
    RequestExit(abi::SignalStatus(abi::kSIGKILL, false));
    return FinishCall({.keep_registers = true});
  }

  const RefPtr<seccomp::Filter> filter = own.filter();
  if (own.asked) {
    const Ref<seccomp::Listener> listener = own.asked->listener;
    return AskListener(*listener, own.asked_killable);
  }
  abi::SeccompData data;
  data.nr = static_cast<int32_t>(number);
  data.arch = abi::kAUDIT_ARCH_X86_64;
  data.instruction_pointer = r.instruction_pointer();
  for (int i = 0; i < 6; ++i) data.args[i] = r.argument(i);
  const seccomp::Verdict verdict = seccomp::Evaluate(filter.get(), data);

  switch (verdict.action()) {
    case abi::kSECCOMP_RET_ALLOW:
    case abi::kSECCOMP_RET_LOG:  // there is no audit log in here
      return RunHandler();
    case abi::kSECCOMP_RET_ERRNO: return AnswerCall(static_cast<uint64_t>(-int64_t{std::min(verdict.data(), kMaxErrno)}));
    case abi::kSECCOMP_RET_TRAP: {
      // As if the call had never been entered, but for the instruction pointer.
      regs().rax = number;
      abi::SigInfo info{};
      info.si_signo = abi::kSIGSYS;
      info.si_code = abi::kSYS_SECCOMP;
      info.si_errno = verdict.data();
      info.Set(abi::SigInfo::Sys{
          .call_addr = r.instruction_pointer(), .syscall = static_cast<int32_t>(number), .arch = abi::kAUDIT_ARCH_X86_64});
      ForceSignal(info);
      return FinishCall({.keep_registers = true});
    }
    case abi::kSECCOMP_RET_TRACE:
      if (after_trace_stop) return RunHandler();  // the tracer has had its say
      if (Engine::Enabled(*this, abi::kPTRACE_O_TRACESECCOMP)) {
        if (Engine::StopForEvent(*this, abi::kPTRACE_EVENT_SECCOMP, verdict.data(), Stage::kSeccomp, verdict.data())) return ParkInStop();
        return FinishCall({.keep_registers = true});  // dying
      }
      return AnswerCall(static_cast<uint64_t>(-static_cast<int64_t>(Errno::kENOSYS)));
    case abi::kSECCOMP_RET_USER_NOTIF: {
      seccomp::Listener* listener = verdict.from->listener();
      if (listener == nullptr) return AnswerCall(static_cast<uint64_t>(-static_cast<int64_t>(Errno::kENOSYS)));
      const auto question = listener->Ask(*this, data);
      if (!question.ok()) return AnswerCall(static_cast<uint64_t>(-static_cast<int64_t>(question.error())));
      own.asked = RefPtr<seccomp::Question>(*question);
      own.asked_killable = (verdict.from->flags() & abi::kSECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) != 0;
      const Ref<seccomp::Listener> keep(*listener);
      return AskListener(*keep, own.asked_killable);
    }
    default: break;
  }
  // SECCOMP_RET_KILL_THREAD and SECCOMP_RET_KILL_PROCESS; values that nobody knows kill the process too.
  LOG(kDebug) << "thread " << tid() << " (" << comm() << ") is killed by its seccomp filter, call " << number;
  const int32_t status = abi::SignalStatus(abi::kSIGSYS, false);
  if (verdict.action() == abi::kSECCOMP_RET_KILL_THREAD && thread_group().pids().ThreadsOf(thread_group()).size() > 1) {
    RequestExit(status);
  } else {
    thread_group().RequestGroupExit(status);
  }
  return FinishCall({.keep_registers = true});
}

// ---- out of a call ----------------------------------------------------------------------------------------------------------------

platform::Verdict Task::FinishCall(const CallOutcome& outcome) {
  FinishSyscall(outcome);
  return LeaveCall();
}

platform::Verdict Task::LeaveCall() {
  if ((call_work() & kWorkTraced) != 0 && !exiting() && !thread_group().group_exiting()) {
    if (ptrace_->step.load(std::memory_order_relaxed)) {
      // The step over the call is done (SIGTRAP, TRAP_BRKPT).
      abi::SigInfo info{};
      info.si_signo = abi::kSIGTRAP;
      info.si_code = abi::kTRAP_BRKPT;
      info.Set(abi::SigInfo::Fault{.addr = regs().instruction_pointer()});
      ForceSignal(info);
    } else if (ptrace_->resume.load(std::memory_order_relaxed) == Resume::kToSyscall) {
      ShowRestart();
      if (Engine::StopForSyscall(*this, /*entry=*/false, Stage::kExit)) return ParkInStop();
      HideRestart();
    }
  }
  return PrepareToReturn();
}

// A tracer sees the result register as Linux has it: a restart code until signals have been looked at. Whatever it leaves there counts.
void Task::ShowRestart() {
  const Errno code = std::exchange(restart_code_, Errno{});
  if (code != Errno{}) regs().set_result(static_cast<uint64_t>(-static_cast<int64_t>(code)));
}

void Task::HideRestart() {
  const auto code = static_cast<Errno>(-static_cast<int64_t>(regs().result()));
  if (static_cast<int64_t>(regs().syscall_number()) < 0) return;
  if (code != Errno::kRestartSys && code != Errno::kRestartNoIntr && code != Errno::kRestartNoHand && code != Errno::kRestartBlock) return;
  restart_code_ = code;
  regs().set_result(static_cast<uint64_t>(-static_cast<int64_t>(Errno::kEINTR)));
  attention_.store(true, std::memory_order_relaxed);
}

// ---- stops ------------------------------------------------------------------------------------------------------------------------

platform::Verdict Task::StopForPendingEvent(const CallOutcome* outcome) {
  ptrace::TaskPtrace& own = *ptrace_;
  const int32_t event = std::exchange(own.event, 0);
  own.outcome_valid = outcome != nullptr;
  if (outcome != nullptr) own.outcome = *outcome;
  if (Engine::StopForEvent(*this, event, own.event_message, Stage::kEvent)) return ParkInStop();
  own.stage = Stage::kEvent;
  return AfterStop();
}

bool Task::StopForExit() {
  ptrace::TaskPtrace& own = *ptrace_;
  if (own.exit_reported || (call_work() & kWorkTraced) == 0) return false;
  own.exit_reported = true;
  const int32_t status = thread_group().group_exiting() ? thread_group().group_exit_status_.load() : exit_status_.load();
  return Engine::StopForEvent(*this, abi::kPTRACE_EVENT_EXIT, static_cast<uint32_t>(status), Stage::kReturn);
}

platform::Verdict Task::ParkInStop() {
  // execve has left an old guest thread behind, and this may be its event: it ends now, the new one is parked already.
  const bool swapped = std::exchange(swapped_, false);
  std::unique_ptr<platform::GuestThread> old = std::move(old_thread_);
  for (;;) {
    attention_.store(false, std::memory_order_seq_cst);
    if (!Engine::Stay(*this)) break;
    // From here on the tracer may let another worker run this task.
    if (!attention_.load(std::memory_order_seq_cst)) return swapped ? platform::Verdict::kExit : platform::Verdict::kPark;
    RunState expected = RunState::kStopped;
    if (!run_state_.compare_exchange_strong(expected, RunState::kRunning)) {
      return swapped ? platform::Verdict::kExit : platform::Verdict::kPark;
    }
  }
  swapped_ = swapped;
  old_thread_ = std::move(old);
  return AfterStop();
}

platform::Verdict Task::AfterStop() {
  ptrace::TaskPtrace& own = *ptrace_;
  const Stage stage = std::exchange(own.stage, Stage::kNone);
  attention_.store(true, std::memory_order_seq_cst);  // looks once for all that came meanwhile
  const int32_t signal = own.resume_signal.exchange(0);
  if (signal != 0 && (stage == Stage::kEntry || stage == Stage::kExit)) {
    abi::SigInfo info{};
    info.si_signo = signal;
    info.si_code = abi::kSI_KERNEL;
    (void)SendSignal(info).ok();
  }
  switch (stage) {
    case Stage::kNone: break;
    case Stage::kEntry:
    case Stage::kSeccomp: {
      // The tracer may have made another call of it, or none.
      const uint64_t number = regs().syscall_number();
      current_syscall_.store(static_cast<int32_t>(number) < 0 ? INT32_MAX : static_cast<int32_t>(number), std::memory_order_relaxed);
      if (std::exchange(own.skip_call, false) || exiting() || thread_group().group_exiting()) {
        FinishSyscall({.keep_registers = true});
        return PrepareToReturn();
      }
      if (static_cast<int32_t>(number) < 0) return FinishCall({.keep_registers = true});
      return FilterCall(stage == Stage::kSeccomp);
    }
    case Stage::kFilter: return FilterCall(/*after_trace_stop=*/false);
    case Stage::kEvent:
      if (std::exchange(own.outcome_valid, false)) return FinishCall(own.outcome);
      rerun_ = true;
      return RunHandler();
    case Stage::kExit: HideRestart(); break;
    case Stage::kReturn: HideRestart(); break;
  }
  return PrepareToReturn();
}

}  // namespace ringwall::task
