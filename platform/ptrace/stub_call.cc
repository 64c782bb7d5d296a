// Remote work in a stopped stub thread.
#include "platform/ptrace/stub_call.h"

#include <errno.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "base/log/check.h"
#include "platform/ptrace/wait_status.h"

namespace ringwall::platform::ptrace {

StubMemory::~StubMemory() {
  if (base_ != nullptr) munmap(base_, kMemoryPages * 4096);
}

Result<void> StubMemory::Create() {
  UniqueFd fd(static_cast<int>(syscall(SYS_memfd_create, "ringwall-stub", MFD_CLOEXEC)));
  if (!fd.valid()) return ErrnoFromHost(errno);
  if (ftruncate(fd.get(), kMemoryPages * 4096) != 0) return ErrnoFromHost(errno);
  void* base = mmap(nullptr, kMemoryPages * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (base == MAP_FAILED) return ErrnoFromHost(errno);
  base_ = static_cast<uint8_t*>(base);
  fd_ = std::move(fd);
  return {};
}

arch::Registers StubRegisters(const arch::Registers& guest) {
  arch::Registers regs{};
  regs.orig_rax = ~uint64_t{0};
  regs.cs = arch::kUserCodeSelector;
  regs.ss = arch::kUserDataSelector;
  regs.eflags = arch::kFlagsAlwaysSet;
  // Bases above the user half would make PTRACE_SETREGS fail with EIO (ptrace(2)); SetRegisters reports such guest values at resume.
  if (guest.fs_base < kTopOfUserSpace) regs.fs_base = guest.fs_base;
  if (guest.gs_base < kTopOfUserSpace) regs.gs_base = guest.gs_base;
  return regs;
}

StubOutcome StubCaller::Run(int32_t tid, const StubRoutine& routine, arch::Registers& regs) {
  regs.rip = code_ + routine.start;
  if (::ptrace(PTRACE_SETREGS, tid, nullptr, &regs) != 0 && errno != ESRCH) HostFatal("PTRACE_SETREGS", errno);
  for (;;) {
    // ESRCH: killed meanwhile (ptrace(2), "Death under ptrace"); waitpid says so.
    if (::ptrace(PTRACE_CONT, tid, nullptr, nullptr) != 0 && errno != ESRCH) HostFatal("PTRACE_CONT", errno);
    int raw = 0;
    pid_t got;
    do {
      got = waitpid(tid, &raw, __WALL);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
      if (errno == ECHILD) return StubOutcome::kDead;
      HostFatal("waitpid", errno);
    }
    const WaitStatus status(raw);
    if (status.gone()) return StubOutcome::kDead;
    const int signal = status.signal();
    if (signal != SIGTRAP && signal != SIGSEGV && signal != SIGBUS && signal != SIGSYS) continue;  // swallowed
    siginfo_t info;
    if (::ptrace(PTRACE_GETREGS, tid, nullptr, &regs) != 0 || ::ptrace(PTRACE_GETSIGINFO, tid, nullptr, &info) != 0) continue;
    if (info.si_code <= 0) continue;  // sent by somebody, not raised by the CPU
    if (signal == SIGTRAP) {
      if (regs.rip == code_ + routine.done) return StubOutcome::kDone;
      continue;  // a single step that a tracer's or guest's trap flag left behind
    }
    if (regs.rip == code_ + routine.start) return StubOutcome::kFault;
    // The blob itself faulted: somebody took its pages away, which only the tracer can do.
    HostFatal("stub routine", EFAULT);
  }
}

StubCaller::OpsResult StubCaller::RunOps(int32_t tid, absl::Span<const Op> ops, const arch::Registers& base) {
  CHECK(!ops.empty() && ops.size() <= kMaxOps);
  std::memcpy(memory_.ops(), ops.data(), ops.size() * sizeof(Op));
  arch::Registers regs = StubRegisters(base);
  regs.rbx = ops_;
  regs.rbp = ops_ + ops.size() * sizeof(Op);
  const StubOutcome outcome = Run(tid, kRunRoutine, regs);
  if (outcome != StubOutcome::kDone) return OpsResult{StubOutcome::kDead, 0, static_cast<uint64_t>(-ESRCH)};
  return OpsResult{outcome, (regs.rbx - ops_) / sizeof(Op), regs.rax};
}

Result<uint64_t> StubCaller::RunOne(int32_t tid, const Op& op, const arch::Registers& base) {
  const OpsResult result = RunOps(tid, absl::MakeConstSpan(&op, 1), base);
  if (result.outcome == StubOutcome::kDead) return Errno::kESRCH;
  if (result.done != 1) return ErrnoFromHost(static_cast<int>(-static_cast<int64_t>(result.value)));
  return result.value;
}

}  // namespace ringwall::platform::ptrace
