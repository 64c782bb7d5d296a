// Tracer: making and ending host threads, and remote work in them.
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "base/log/check.h"
#include "platform/ptrace/address_space.h"
#include "platform/ptrace/filter.h"
#include "platform/ptrace/tracer.h"

namespace ringwall::platform::ptrace {

Result<Ref<Tracee>> Tracer::Adopt(int32_t tid, int32_t tgid, PtraceAddressSpace& space, bool free) {
  Ref<Tracee> tracee = MakeRef<Tracee>(tid, tgid, &space);
  tracee->free = free;
  tracees_.insert_or_assign(tid, tracee);
  space.threads().push_back(tracee.get());
  return tracee;
}

Result<Ref<Tracee>> Tracer::NewProcess(RefPtr<PtraceAddressSpace>* space) {
  if (closed_tracer_) return Errno::kESRCH;
  const int32_t pid = TRY(zygote_.CloneBlank());
  processes_.insert(pid);
  *space = MakeRef<PtraceAddressSpace>(Ref<Tracer>(*this), pid);
  return Adopt(pid, pid, *space->get(), !placement_.on());
}

Result<Ref<Tracee>> Tracer::NewThread(Tracee& creator) {
  if (closed_tracer_ || creator.space == nullptr || !creator.Stopped()) return Errno::kESRCH;
  const Op clone{SYS_clone, {kThreadCloneFlags}, 0};
  const StubCaller::OpsResult result = RunOps(creator, absl::MakeConstSpan(&clone, 1));
  if (result.outcome == StubOutcome::kDead) return Errno::kESRCH;
  if (result.done != 1) return ErrnoFromHost(static_cast<int>(-static_cast<int64_t>(result.value)));
  const int32_t tid = static_cast<int32_t>(result.value);
  TRY(WaitForBirth(tid));
  Ref<Tracee> tracee = TRY(Adopt(tid, creator.tgid, *creator.space, creator.free));
  tracee->regs = creator.regs;
  return tracee;
}

Result<Ref<Tracee>> Tracer::Fork(Tracee& creator, RefPtr<PtraceAddressSpace>* space) {
  if (closed_tracer_ || creator.space == nullptr || !creator.Stopped()) return Errno::kESRCH;
  const Op clone{SYS_clone, {kProcessCloneFlags}, 0};
  const StubCaller::OpsResult result = RunOps(creator, absl::MakeConstSpan(&clone, 1));
  if (result.outcome == StubOutcome::kDead) return Errno::kESRCH;
  if (result.done != 1) return ErrnoFromHost(static_cast<int>(-static_cast<int64_t>(result.value)));
  const int32_t pid = static_cast<int32_t>(result.value);
  TRY(WaitForBirth(pid));
  processes_.insert(pid);
  *space = MakeRef<PtraceAddressSpace>(Ref<Tracer>(*this), pid);
  space->get()->CopyStacks(*creator.space);
  Ref<Tracee> tracee = TRY(Adopt(pid, pid, *space->get(), creator.free));
  tracee->regs = creator.regs;
  return tracee;
}

void Tracer::EndThread(Tracee& tracee) {
  tracee.sink = nullptr;
  tracee.facade = nullptr;
  const RunState state = tracee.state.load(std::memory_order_relaxed);
  if (state == RunState::kDead || state == RunState::kEnded || closed_tracer_) return;
  if (!StopNow(tracee)) return;
  tracee.state.store(RunState::kEnded);
  // The leader stays, stopped: process_vm_readv(2) needs a live thread with the process's id, and remote work a stopped one.
  if (tracee.leader()) return;
  const Ref<Tracee> keep(tracee);
  Forget(tracee);
  arch::Registers regs = StubRegisters(arch::Registers{});
  regs.rip = kCodeAddress + kRunRoutine.start;
  // Not from the op list, which may change before the thread gets there.
  regs.rbx = kIdleAddress + Zygote::kExitOp * sizeof(Op);
  regs.rbp = regs.rbx + sizeof(Op);
  if (::ptrace(PTRACE_SETREGS, tracee.tid, nullptr, &regs) != 0 && errno != ESRCH) HostFatal("PTRACE_SETREGS", errno);
  ::ptrace(PTRACE_CONT, tracee.tid, nullptr, nullptr);
}

void Tracer::KillProcess(PtraceAddressSpace& space) {
  // Wait statuses of the threads come later and find nobody.
  while (!space.threads().empty()) {
    Tracee& tracee = *space.threads().back();
    const Ref<Tracee> keep(tracee);
    Forget(tracee);
    tracee.state.store(RunState::kDead);
    tracee.space = nullptr;
  }
  if (!space.dead() && processes_.contains(space.pid())) kill(space.pid(), SIGKILL);
  space.set_dead();
}

Tracer::Borrowed Tracer::Borrow(PtraceAddressSpace& space, Tracee* via) {
  if (closed_tracer_ || space.dead()) return {};
  if (via != nullptr && via->space == &space && via->Stopped()) return {via, false};
  for (Tracee* tracee : space.threads()) {
    if (tracee->Stopped()) return {tracee, false};
  }
  while (!space.threads().empty()) {
    Tracee* tracee = space.threads().front();
    if (!StopNow(*tracee)) continue;  // died and left the list
    // With an event of its own it waits for its turn; else it goes on after the work.
    return {tracee, (tracee->ready & Tracee::kReadyEvent) == 0};
  }
  return {};
}

void Tracer::PutBack(const Borrowed& borrowed) {
  if (borrowed.tracee != nullptr && borrowed.resume) ResumeNow(*borrowed.tracee);
}

StubCaller::OpsResult Tracer::RunOps(Tracee& tracee, absl::Span<const Op> ops) {
  tracee.host_regs_valid = false;
  const StubCaller::OpsResult result = caller_.RunOps(tracee.tid, ops, tracee.regs);
  if (result.outcome == StubOutcome::kDead) {
    const Ref<Tracee> keep(tracee);
    HandleDeath(tracee);
  }
  return result;
}

StubOutcome Tracer::RunRoutine(Tracee& tracee, const StubRoutine& routine, arch::Registers& regs) {
  tracee.host_regs_valid = false;
  const StubOutcome outcome = caller_.Run(tracee.tid, routine, regs);
  if (outcome == StubOutcome::kDead) {
    const Ref<Tracee> keep(tracee);
    HandleDeath(tracee);
  }
  return outcome;
}

}  // namespace ringwall::platform::ptrace
