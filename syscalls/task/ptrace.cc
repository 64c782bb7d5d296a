// ptrace(2).
#include "abi/ptrace.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "abi/arch_prctl.h"
#include "abi/elf.h"
#include "abi/seccomp.h"
#include "abi/uio.h"
#include "sentry/cred/credentials.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/ptrace/engine.h"
#include "sentry/ptrace/pending.h"
#include "sentry/seccomp/task_seccomp.h"
#include "sentry/task/thread_group.h"
#include "syscalls/task/ptrace_regs.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {
namespace {

using ptrace::Engine;
using ptrace::Resume;
using ptrace::Tracee;

struct Request {
  Task& tracer;
  Task& target;
  Tracee& bond;
  uint64_t address;
  uint64_t data;
  mm::UserMemory& memory() const { return tracer.memory(); }
};

// ---- memory -------------------------------------------------------------------------------------------------------------------

Result<int64_t> Peek(const Request& r) {
  const RefPtr<mm::MemoryManager> mm = r.target.ShareMm();
  if (!mm) return Errno::kESRCH;
  uint64_t word = 0;
  if (mm->ReadForced(r.address, absl::MakeSpan(reinterpret_cast<std::byte*>(&word), sizeof(word)), &r.target.thread()) != sizeof(word))
    return Errno::kEIO;
  TRY(r.memory().WriteValue(r.data, word));
  return 0;
}

Result<int64_t> Poke(const Request& r) {
  const RefPtr<mm::MemoryManager> mm = r.target.ShareMm();
  if (!mm) return Errno::kESRCH;
  const auto bytes = absl::MakeConstSpan(reinterpret_cast<const std::byte*>(&r.data), sizeof(r.data));
  if (mm->WriteForced(r.address, bytes, &r.target.thread()) != bytes.size()) return Errno::kEIO;
  return 0;
}

// ---- register sets --------------------------------------------------------------------------------------------------------------

// One note's bytes, at most as many as the tracer has room for; the iovec tells how many there were.
Result<int64_t> WriteSet(const Request& r, absl::Span<const std::byte> set, size_t unit) {
  auto iov = TRY(r.memory().ReadValue<abi::Iovec>(r.data));
  if (iov.iov_len % unit != 0) return Errno::kEINVAL;
  iov.iov_len = std::min<uint64_t>(iov.iov_len, set.size());
  TRY(r.memory().Write(iov.iov_base, set.first(iov.iov_len)));
  TRY(r.memory().WriteValue(r.data, iov));
  return 0;
}

Result<std::vector<std::byte>> ReadSet(const Request& r, size_t size, size_t unit) {
  auto iov = TRY(r.memory().ReadValue<abi::Iovec>(r.data));
  if (iov.iov_len % unit != 0) return Errno::kEINVAL;
  iov.iov_len = std::min<uint64_t>(iov.iov_len, size);
  std::vector<std::byte> set(iov.iov_len);
  TRY(r.memory().Read(iov.iov_base, absl::MakeSpan(set)));
  TRY(r.memory().WriteValue(r.data, iov));
  return set;
}

Result<int64_t> GetRegisterSet(const Request& r) {
  switch (r.address) {
    case abi::kNT_PRSTATUS: {
      const abi::UserRegs regs = ShowRegisters(r.target);
      return WriteSet(r, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(&regs), sizeof(regs)), 8);
    }
    case abi::kNT_PRFPREG: {
      arch::FpState state;
      TRY(ShowFpState(r.target, state));
      return WriteSet(r, absl::MakeConstSpan(state.area.data(), 512), 8);
    }
    case abi::kNT_X86_XSTATE: {
      arch::FpState state;
      TRY(ShowFpState(r.target, state));
      return WriteSet(r, absl::MakeConstSpan(state.area.data(), state.size), 8);
    }
    default: return Errno::kEINVAL;
  }
}

Result<int64_t> SetRegisterSet(const Request& r) {
  switch (r.address) {
    case abi::kNT_PRSTATUS: {
      // A short set changes the first registers only.
      abi::UserRegs regs = ShowRegisters(r.target);
      const std::vector<std::byte> set = TRY(ReadSet(r, sizeof(regs), 8));
      std::memcpy(&regs, set.data(), set.size());
      TRY(TakeRegisters(r.target, regs));
      return 0;
    }
    case abi::kNT_PRFPREG: {
      const std::vector<std::byte> set = TRY(ReadSet(r, 512, 8));
      TRY(TakeLegacyFpState(r.target, set));
      return 0;
    }
    case abi::kNT_X86_XSTATE: {
      const std::vector<std::byte> set = TRY(ReadSet(r, arch::FpStateSize(), 8));
      TRY(TakeFpState(r.target, set));
      return 0;
    }
    default: return Errno::kEINVAL;
  }
}

Result<int64_t> GetFpRegisters(const Request& r) {
  arch::FpState state;
  TRY(ShowFpState(r.target, state));
  TRY(r.memory().Write(r.data, absl::MakeConstSpan(state.area.data(), 512)));
  return 0;
}

Result<int64_t> SetFpRegisters(const Request& r) {
  std::byte legacy[512];
  TRY(r.memory().Read(r.data, legacy));
  TRY(TakeLegacyFpState(r.target, legacy));
  return 0;
}

Result<int64_t> ArchPrctl(const Request& r) {
  arch::Registers& regs = r.target.regs();
  const uint64_t end = r.target.mm().space().end();
  switch (r.data) {
    case abi::kARCH_SET_FS:
    case abi::kARCH_SET_GS:
      if (r.address >= end) return Errno::kEPERM;
      (r.data == abi::kARCH_SET_FS ? regs.fs_base : regs.gs_base) = r.address;
      return 0;
    case abi::kARCH_GET_FS: TRY(r.memory().WriteValue<uint64_t>(r.address, regs.fs_base)); return 0;
    case abi::kARCH_GET_GS: TRY(r.memory().WriteValue<uint64_t>(r.address, regs.gs_base)); return 0;
    default: return Errno::kEINVAL;
  }
}

// ---- signals --------------------------------------------------------------------------------------------------------------------

Result<int64_t> GetSigInfo(const Request& r) {
  if (!r.bond.has_info) return Errno::kEINVAL;
  TRY(r.memory().WriteValue(r.data, r.bond.info));
  return 0;
}

Result<int64_t> SetSigInfo(const Request& r) {
  const auto info = TRY(r.memory().ReadValue<abi::SigInfo>(r.data));
  if (!r.bond.has_info) return Errno::kEINVAL;
  r.bond.info = info;
  r.target.ptrace().delivery_info = info;
  return 0;
}

Result<int64_t> PeekSigInfo(const Request& r) {
  const auto args = TRY(r.memory().ReadValue<abi::PtracePeeksiginfoArgs>(r.address));
  constexpr uint32_t kShared = 1;
  if (args.nr < 0 || (args.flags & ~kShared) != 0) return Errno::kEINVAL;
  const std::vector<abi::SigInfo> pending = ptrace::PendingOf(r.target, (args.flags & kShared) != 0);
  int64_t copied = 0;
  for (uint64_t i = args.off; i < pending.size() && copied < args.nr; ++i) {
    const auto written = r.memory().WriteValue(r.data + static_cast<uint64_t>(copied) * sizeof(abi::SigInfo), pending[i]);
    if (!written.ok()) return copied != 0 ? Result<int64_t>(copied) : written.error();
    ++copied;
  }
  return copied;
}

Result<int64_t> GetSigMask(const Request& r) {
  if (r.address != sizeof(abi::SigSet)) return Errno::kEINVAL;
  TRY(r.memory().WriteValue<abi::SigSet>(r.data, ptrace::MaskOf(r.target)));
  return 0;
}

Result<int64_t> SetSigMask(const Request& r) {
  if (r.address != sizeof(abi::SigSet)) return Errno::kEINVAL;
  const auto mask = TRY(r.memory().ReadValue<abi::SigSet>(r.data));
  ptrace::SetMaskOf(r.target, mask);
  return 0;
}

// ---- what stopped it ------------------------------------------------------------------------------------------------------------

Result<int64_t> GetSyscallInfo(const Request& r) {
  abi::PtraceSyscallInfo info{};
  const arch::Registers& regs = r.target.regs();
  info.op = r.bond.syscall_op;
  info.arch = abi::kAUDIT_ARCH_X86_64;
  info.instruction_pointer = regs.instruction_pointer();
  info.stack_pointer = regs.stack_pointer();
  size_t size = offsetof(abi::PtraceSyscallInfo, data);
  switch (info.op) {
    case abi::kPTRACE_SYSCALL_INFO_ENTRY:
    case abi::kPTRACE_SYSCALL_INFO_SECCOMP:
      info.data[0] = regs.syscall_number();
      for (int i = 0; i < 6; ++i) info.data[i + 1] = regs.argument(i);
      size += 7 * sizeof(uint64_t);
      if (info.op == abi::kPTRACE_SYSCALL_INFO_SECCOMP) {
        info.data[7] = r.bond.seccomp_data;
        size += sizeof(uint64_t);  // with the padding of its last field
      }
      break;
    case abi::kPTRACE_SYSCALL_INFO_EXIT: {
      const auto result = static_cast<int64_t>(regs.result());
      info.data[0] = regs.result();
      info.data[1] = result < 0 && result >= -4095 ? 1 : 0;
      size += sizeof(uint64_t) + 1;
      break;
    }
    default: break;
  }
  const size_t n = static_cast<size_t>(std::min<uint64_t>(size, r.address));
  TRY(r.memory().Write(r.data, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(&info), n)));
  return static_cast<int64_t>(size);
}

Result<int64_t> GetSeccompFilter(const Request& r) {
  if (!r.tracer.creds().Has(abi::kCAP_SYS_ADMIN) || r.tracer.seccomp().mode() != abi::kSECCOMP_MODE_DISABLED) return Errno::kEACCES;
  if (r.target.seccomp().mode() != abi::kSECCOMP_MODE_FILTER) return Errno::kEINVAL;
  // Number 0 is the oldest.
  const RefPtr<seccomp::Filter> newest = r.target.seccomp().filter();
  const uint32_t depth = newest ? newest->depth() : 0;
  if (r.address >= depth) return Errno::kENOENT;
  const seccomp::Filter* f = newest.get();
  for (uint64_t i = depth - 1; i > r.address; --i) f = f->older();
  const auto code = f->program().code();
  if (r.data != 0) TRY(r.memory().WriteArray<bpf::Instruction>(r.data, absl::MakeConstSpan(code.data(), code.size())));
  return static_cast<int64_t>(code.size());
}

Result<int64_t> SetOptions(const Request& r) {
  if ((r.data & ~uint64_t{abi::kPTRACE_O_MASK}) != 0) return Errno::kEINVAL;
  if ((r.data & abi::kPTRACE_O_SUSPEND_SECCOMP) != 0) return Errno::kEPERM;  // for checkpointing, with CONFIG_CHECKPOINT_RESTORE
  r.bond.options = static_cast<uint32_t>(r.data);
  return 0;
}

Result<int64_t> OnStopped(const Request& r, int64_t request) {
  switch (request) {
    case abi::kPTRACE_PEEKTEXT:
    case abi::kPTRACE_PEEKDATA: return Peek(r);
    case abi::kPTRACE_POKETEXT:
    case abi::kPTRACE_POKEDATA: return Poke(r);
    case abi::kPTRACE_PEEKUSR: {
      const uint64_t word = TRY(PeekUser(r.target, r.address));
      TRY(r.memory().WriteValue(r.data, word));
      return 0;
    }
    case abi::kPTRACE_POKEUSR: TRY(PokeUser(r.target, r.address, r.data)); return 0;
    case abi::kPTRACE_GETREGS: TRY(r.memory().WriteValue(r.data, ShowRegisters(r.target))); return 0;
    case abi::kPTRACE_SETREGS: {
      const auto regs = TRY(r.memory().ReadValue<abi::UserRegs>(r.data));
      TRY(TakeRegisters(r.target, regs));
      return 0;
    }
    case abi::kPTRACE_GETFPREGS: return GetFpRegisters(r);
    case abi::kPTRACE_SETFPREGS: return SetFpRegisters(r);
    case abi::kPTRACE_GETREGSET: return GetRegisterSet(r);
    case abi::kPTRACE_SETREGSET: return SetRegisterSet(r);
    case abi::kPTRACE_ARCH_PRCTL: return ArchPrctl(r);
    case abi::kPTRACE_SETOPTIONS: return SetOptions(r);
    case abi::kPTRACE_GETEVENTMSG: TRY(r.memory().WriteValue(r.data, r.bond.message)); return 0;
    case abi::kPTRACE_GETSIGINFO: return GetSigInfo(r);
    case abi::kPTRACE_SETSIGINFO: return SetSigInfo(r);
    case abi::kPTRACE_PEEKSIGINFO: return PeekSigInfo(r);
    case abi::kPTRACE_GETSIGMASK: return GetSigMask(r);
    case abi::kPTRACE_SETSIGMASK: return SetSigMask(r);
    case abi::kPTRACE_GET_SYSCALL_INFO: return GetSyscallInfo(r);
    case abi::kPTRACE_SECCOMP_GET_FILTER: return GetSeccompFilter(r);
    default: return Errno::kEIO;
  }
}

Result<int64_t> GoOn(Task& task, Task& target, int64_t request, uint64_t signal) {
  switch (request) {
    case abi::kPTRACE_CONT: TRY(Engine::LetGo(task, target, Resume::kRun, false, signal)); return 0;
    case abi::kPTRACE_SYSCALL: TRY(Engine::LetGo(task, target, Resume::kToSyscall, false, signal)); return 0;
    case abi::kPTRACE_SYSEMU: TRY(Engine::LetGo(task, target, Resume::kEmulate, false, signal)); return 0;
    case abi::kPTRACE_SINGLESTEP: TRY(Engine::LetGo(task, target, Resume::kRun, true, signal)); return 0;
    case abi::kPTRACE_SYSEMU_SINGLESTEP: TRY(Engine::LetGo(task, target, Resume::kEmulate, true, signal)); return 0;
    case abi::kPTRACE_DETACH: TRY(Engine::Detach(task, target, signal)); return 0;
    default: return Errno::kEIO;
  }
}

}  // namespace

Result<int64_t> SysPtrace(Task& task, int64_t request, int64_t pid, uint64_t address, uint64_t data) {
  if (request == abi::kPTRACE_TRACEME) {
    TRY(Engine::TraceMe(task));
    return 0;
  }
  if (pid <= 0 || pid > INT32_MAX) return Errno::kESRCH;
  const RefPtr<Task> target = task.thread_group().pids().FindTask(task.ToKernelPid(static_cast<int32_t>(pid)));
  if (!target) return Errno::kESRCH;
  switch (request) {
    case abi::kPTRACE_ATTACH: TRY(Engine::Attach(task, *target, /*seize=*/false, 0)); return 0;
    case abi::kPTRACE_SEIZE:
      if (address != 0 || (data & ~uint64_t{abi::kPTRACE_O_MASK}) != 0) return Errno::kEIO;
      TRY(Engine::Attach(task, *target, /*seize=*/true, static_cast<uint32_t>(data)));
      return 0;
    case abi::kPTRACE_INTERRUPT: TRY(Engine::Interrupt(task, *target)); return 0;
    case abi::kPTRACE_KILL: TRY(Engine::Kill(task, *target)); return 0;
    case abi::kPTRACE_LISTEN: TRY(Engine::Listen(task, *target)); return 0;
    case abi::kPTRACE_CONT:
    case abi::kPTRACE_SYSCALL:
    case abi::kPTRACE_SYSEMU:
    case abi::kPTRACE_SINGLESTEP:
    case abi::kPTRACE_SYSEMU_SINGLESTEP:
    case abi::kPTRACE_DETACH: return GoOn(task, *target, request, data);
    default: break;
  }
  return Engine::WhileStopped(task, *target, [&](Tracee& bond) {
    return OnStopped({.tracer = task, .target = *target, .bond = bond, .address = address, .data = data}, request);
  });
}

}  // namespace ringwall::syscalls
