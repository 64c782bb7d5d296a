// Tracer: what a stop of a guest thread means, and how the thread goes on.
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <array>
#include <cstring>
#include <span>

#include "arch/x86_64/decode.h"
#include "base/log/check.h"
#include "platform/ptrace/address_space.h"
#include "platform/ptrace/tracer.h"

namespace ringwall::platform::ptrace {
namespace {

constexpr uint64_t kNoSystemCall = ~uint64_t{0};

// x86 vectors (SDM vol. 3, 6.3.1).
enum Vector : uint64_t {
  kDivide = 0,
  kDebug = 1,
  kBreakpoint = 3,
  kInvalidOpcode = 6,
  kStackSegment = 12,
  kProtection = 13,
  kPageFault = 14,
  kX87 = 16,
  kAlignment = 17,
  kSimd = 19
};

// The error code of a page fault (SDM vol. 3, 4.7).
constexpr uint64_t kProtectionViolation = 1, kWrite = 2, kUser = 4, kInstructionFetch = 16;

// ptrace(2) tells signal and si_code, not vector and error code: what follows from them, 0 for the rest. The write bit of a page fault
// follows from the instruction, see AddWriteBit.
void DescribeFault(const siginfo_t& info, const arch::Registers& regs, Event& event) {
  event.kind = EventKind::kFault;
  event.signo = info.si_signo;
  event.si_code = info.si_code;
  event.fault_address = reinterpret_cast<uint64_t>(info.si_addr);
  event.trap_number = event.error_code = 0;
  switch (info.si_signo) {
    case SIGSEGV:
      if (info.si_code == SI_KERNEL) {
        event.trap_number = kProtection;
        event.fault_address = 0;
        break;
      }
      // The stub's own pages don't exist for a guest.
      if (event.fault_address >= kStubBase && event.fault_address < kTopOfUserSpace) event.si_code = SEGV_MAPERR;
      event.trap_number = kPageFault;
      event.error_code =
          kUser | (event.si_code == SEGV_ACCERR ? kProtectionViolation : 0) | (event.fault_address == regs.rip ? kInstructionFetch : 0);
      break;
    case SIGBUS:
      event.trap_number = info.si_code == SI_KERNEL ? kStackSegment : info.si_code == BUS_ADRALN ? kAlignment : kPageFault;
      if (info.si_code == SI_KERNEL) event.fault_address = 0;
      break;
    case SIGFPE: event.trap_number = info.si_code == FPE_INTDIV ? kDivide : kSimd; break;
    case SIGILL: event.trap_number = kInvalidOpcode; break;
    case SIGTRAP:
      event.trap_number = info.si_code == SI_KERNEL ? kBreakpoint : kDebug;
      if (info.si_code == SI_KERNEL) event.fault_address = 0;
      break;
    default: break;
  }
}

void AddWriteBit(Tracee& tracee) {
  Event& event = tracee.event;
  if (event.trap_number != kPageFault || (event.error_code & (kUser | kInstructionFetch)) != kUser || tracee.space == nullptr) return;
  std::array<uint8_t, arch::kMaxInstructionBytes> code;
  const size_t got = tracee.space->Read(tracee.regs.rip, absl::MakeSpan(reinterpret_cast<std::byte*>(code.data()), code.size()));
  if (arch::WasWriting(std::span(code).first(got), tracee.regs, event.fault_address)) event.error_code |= kWrite;
}

// What a kernel without 32-bit support makes of `int 0x80` (vector absent from the IDT): a protection fault at the instruction.
void MakeProtectionFault(Event& event) { event = Event{EventKind::kFault, SIGSEGV, SI_KERNEL, 0, kProtection, 0}; }

}  // namespace

bool Tracer::SyncRegisters(Tracee& tracee) {
  arch::Registers& regs = tracee.regs;
  // A number here with an error in rax would make the host restart a call that it never ran.
  regs.orig_rax = kNoSystemCall;
  if (tracee.host_regs_valid && std::memcmp(&regs, &tracee.host_regs, sizeof(regs)) == 0) return true;
  tracee.host_regs_valid = false;
  if (::ptrace(PTRACE_SETREGS, tracee.tid, nullptr, &regs) == 0 || errno == ESRCH) return true;
  return false;
}

void Tracer::ResumeNow(Tracee& tracee) {
  if (tracee.state.load(std::memory_order_relaxed) == RunState::kDead) return;
  if (!SyncRegisters(tracee)) {
    // A selector or base that no user program may load (EIO). Linux finds out on the way back to user mode and raises SIGSEGV.
    tracee.regs.cs = arch::kUserCodeSelector;
    tracee.regs.ss = arch::kUserDataSelector;
    tracee.regs.ds = tracee.regs.es = tracee.regs.fs = tracee.regs.gs = 0;
    if (tracee.regs.fs_base >= kTopOfUserSpace) tracee.regs.fs_base = 0;
    if (tracee.regs.gs_base >= kTopOfUserSpace) tracee.regs.gs_base = 0;
    MakeProtectionFault(tracee.event);
    tracee.state.store(RunState::kStopped, std::memory_order_relaxed);
    PushReady(tracee, Tracee::kReadyEvent);
    return;
  }
  tracee.state.store(RunState::kRunning);
  if (tracee.interrupt_wanted.load()) {
    tracee.interrupt_wanted.store(false);
    tracee.state.store(RunState::kStopped, std::memory_order_relaxed);
    tracee.event = Event{EventKind::kInterrupt};
    PushReady(tracee, Tracee::kReadyEvent);
    return;
  }
  Continue(tracee);
}

void Tracer::Continue(Tracee& tracee) {
  placement_.OnResume(tracee);
  tracee.host_regs_valid = false;
  // ESRCH: killed meanwhile; its death is reported by wait4.
  if (::ptrace(PTRACE_SYSEMU, tracee.tid, nullptr, nullptr) != 0 && errno != ESRCH) HostFatal("PTRACE_SYSEMU", errno);
}

bool Tracer::HandleStop(Tracee& tracee, WaitStatus status) {
  bool event = false;
  if (status.system_call()) {
    event = DecodeSystemCall(tracee);
  } else if (const int signal = status.signal(); signal != 0) {
    event = DecodeSignal(tracee, signal);
  }
  // Otherwise PTRACE_EVENT_STOP: an old PTRACE_INTERRUPT, or an operator's SIGSTOP, which stubs don't obey.
  if (!event) {
    Continue(tracee);
    return false;
  }
  tracee.state.store(RunState::kStopped, std::memory_order_relaxed);
  PushReady(tracee, Tracee::kReadyEvent);
  return true;
}

bool Tracer::DecodeSystemCall(Tracee& tracee) {
  arch::Registers& regs = tracee.regs;
  if (::ptrace(PTRACE_GETREGS, tracee.tid, nullptr, &regs) != 0) return false;
  tracee.host_regs_valid = false;  // orig_rax must be overwritten before the thread goes on
  tracee.event = Event{EventKind::kSyscall};
  // `syscall` leaves rip in rcx and the flags in r11. Whoever arrives otherwise came through a 32-bit gate (int 0x80, sysenter), or
  // forged both and gets 64-bit semantics, which harms nobody.
  if (regs.rcx == regs.rip && regs.cs == arch::kUserCodeSelector) [[likely]]
    return true;
  __ptrace_syscall_info info{};
  const long size = ::ptrace(PTRACE_GET_SYSCALL_INFO, tracee.tid, sizeof(info), &info);
  if (size <= 0 || info.arch == AUDIT_ARCH_X86_64) return true;
  MakeProtectionFault(tracee.event);
  constexpr uint64_t kInterruptGate0x80 = 0x80 * 8 + 2;
  tracee.event.error_code = kInterruptGate0x80;
  if (regs.cs == arch::kUserCodeSelector) regs.rip -= 2;
  regs.rax = regs.orig_rax;
  regs.orig_rax = kNoSystemCall;
  return true;
}

bool Tracer::DecodeSignal(Tracee& tracee, int signal) {
  switch (signal) {
    case kInterruptSignal:
      // A signal whose wish was granted on another way.
      if (!tracee.interrupt_wanted.exchange(false)) return false;
      tracee.event = Event{EventKind::kInterrupt};
      break;
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGSYS: break;
    default: return false;
  }
  if (::ptrace(PTRACE_GETREGS, tracee.tid, nullptr, &tracee.regs) != 0) return false;
  tracee.regs.orig_rax = kNoSystemCall;
  tracee.host_regs = tracee.regs;
  tracee.host_regs_valid = true;
  if (signal == kInterruptSignal) return true;
  siginfo_t info;
  if (::ptrace(PTRACE_GETSIGINFO, tracee.tid, nullptr, &info) != 0) return false;
  // Zero and below: sent by a host process (sigaction(2), si_code).
  if (info.si_code <= 0) return false;
  if (signal != SIGSYS) {
    DescribeFault(info, tracee.regs, tracee.event);
    AddWriteBit(tracee);
    return true;
  }
  // The vsyscall page (filter.cc): the host has already popped the return address; make it the system call that it is.
  tracee.event = Event{EventKind::kSyscall};
  tracee.regs.orig_rax = static_cast<uint64_t>(info.si_syscall);
  tracee.regs.rax = static_cast<uint64_t>(-ENOSYS);
  return true;
}

bool Tracer::StopNow(Tracee& tracee) {
  if (tracee.Stopped()) return true;
  if (tracee.state.load(std::memory_order_relaxed) != RunState::kRunning) return false;
  ::ptrace(PTRACE_INTERRUPT, tracee.tid, nullptr, nullptr);
  for (;;) {
    int raw = 0;
    pid_t got;
    do {
      got = waitpid(tracee.tid, &raw, __WALL);
    } while (got < 0 && errno == EINTR);
    const WaitStatus status(raw);
    if (got < 0 || status.gone()) {
      const Ref<Tracee> keep(tracee);
      HandleDeath(tracee);
      return false;
    }
    placement_.OnStop(tracee);
    if (status.event() != PTRACE_EVENT_STOP) {
      if (HandleStop(tracee, status)) return true;  // an event came first; the interrupt will be swallowed later
      continue;
    }
    if (::ptrace(PTRACE_GETREGS, tracee.tid, nullptr, &tracee.regs) != 0) continue;  // killed: waitpid says so
    tracee.regs.orig_rax = kNoSystemCall;
    tracee.host_regs_valid = false;
    tracee.state.store(RunState::kStopped, std::memory_order_relaxed);
    return true;
  }
}

}  // namespace ringwall::platform::ptrace
