// rt_sigaction(2), rt_sigprocmask(2), rt_sigpending(2), rt_sigreturn(2), sigaltstack(2).
#include "arch/x86_64/sigframe.h"
#include "sentry/signal/pending.h"
#include "sentry/task/thread_group.h"
#include "syscalls/signal/signal.h"

namespace ringwall::syscalls {

Result<void> SysRtSigaction(Task& task, int32_t signo, UserIn<abi::SigAction> action, UserOut<abi::SigAction> old_action, uint64_t set_size) {
  if (set_size != sizeof(abi::SigSet)) return Errno::kEINVAL;
  abi::SigAction wanted{};
  if (!action.is_null()) wanted = TRY(action.Read(task.memory()));
  if (!abi::IsValidSignal(signo)) return Errno::kEINVAL;
  if (!action.is_null() && (signal::Bit(signo) & signal::kUnblockable) != 0) return Errno::kEINVAL;
  wanted.mask &= ~signal::kUnblockable;
  // Bits that no kernel knows read back as clear, so that SA_UNSUPPORTED works as a probe (sigaction(2)).
  constexpr uint64_t kKnown = abi::kSA_NOCLDSTOP | abi::kSA_NOCLDWAIT | abi::kSA_SIGINFO | abi::kSA_ONSTACK | abi::kSA_RESTART |
                              abi::kSA_NODEFER | abi::kSA_RESETHAND | abi::kSA_EXPOSE_TAGBITS | abi::kSA_RESTORER;
  wanted.flags &= kKnown;
  const Ref<signal::SignalHandlers> handlers = task.thread_group().handlers();
  abi::SigAction old;
  {
    MutexLock lock(handlers->mu);
    old = handlers->actions[static_cast<size_t>(signo)];
    if (!action.is_null()) handlers->actions[static_cast<size_t>(signo)] = wanted;
  }
  // Setting a signal to be ignored drops what is pending of it (POSIX sigaction).
  if (!action.is_null()) task.thread_group().DiscardIfIgnored(signo);
  return old_action.WriteIfSet(task.memory(), old);
}

Result<void> SysRtSigprocmask(Task& task, int32_t how, UserIn<abi::SigSet> set, UserOut<abi::SigSet> old_set, uint64_t set_size) {
  if (set_size != sizeof(abi::SigSet)) return Errno::kEINVAL;
  const abi::SigSet old = task.signal_mask();
  if (!set.is_null()) {
    const abi::SigSet bits = TRY(set.Read(task.memory())) & ~signal::kUnblockable;
    switch (how) {
      case abi::kSIG_BLOCK:
        task.SetSignalMask(old | bits);
        break;
      case abi::kSIG_UNBLOCK:
        task.SetSignalMask(old & ~bits);
        break;
      case abi::kSIG_SETMASK:
        task.SetSignalMask(bits);
        break;
      default:
        return Errno::kEINVAL;
    }
  }
  return old_set.WriteIfSet(task.memory(), old);
}

Result<void> SysRtSigpending(Task& task, UserAddr set, uint64_t set_size) {
  if (set_size > sizeof(abi::SigSet)) return Errno::kEINVAL;
  const abi::SigSet pending = task.PendingSignals() & task.signal_mask();
  return task.memory().Write(set.value, absl::Span<const std::byte>(reinterpret_cast<const std::byte*>(&pending), set_size));
}

Result<KeepRegisters> SysRtSigreturn(Task& task) {
  TRY(task.SignalReturn());
  return KeepRegisters{};
}

Result<void> SysSigaltstack(Task& task, UserIn<abi::StackT> stack, UserOut<abi::StackT> old_stack) {
  abi::StackT wanted{};
  if (!stack.is_null()) wanted = TRY(stack.Read(task.memory()));
  abi::StackT old = task.alt_stack;
  const uint64_t sp = task.regs().stack_pointer();
  const bool on_it = (old.ss_flags & abi::kSS_DISABLE) == 0 && (static_cast<uint32_t>(old.ss_flags) & abi::kSS_AUTODISARM) == 0 &&
                     sp > old.ss_sp && sp - old.ss_sp <= old.ss_size;
  if (on_it) old.ss_flags |= abi::kSS_ONSTACK;
  if (!stack.is_null()) {
    if (on_it) return Errno::kEPERM;
    const uint32_t mode = static_cast<uint32_t>(wanted.ss_flags) & ~abi::kSS_AUTODISARM;
    if (mode != 0 && mode != static_cast<uint32_t>(abi::kSS_DISABLE) && mode != static_cast<uint32_t>(abi::kSS_ONSTACK)) return Errno::kEINVAL;
    if (mode == static_cast<uint32_t>(abi::kSS_DISABLE)) {
      wanted.ss_sp = 0;
      wanted.ss_size = 0;
    } else {
      if (wanted.ss_size < abi::kMINSIGSTKSZ) return Errno::kENOMEM;
      wanted.ss_flags &= ~abi::kSS_ONSTACK;
    }
    wanted.pad0_ = 0;
    task.alt_stack = wanted;
  }
  old.pad0_ = 0;
  return old_stack.WriteIfSet(task.memory(), old);
}

}  // namespace ringwall::syscalls
