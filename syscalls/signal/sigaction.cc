// rt_sigaction(2), rt_sigprocmask(2), rt_sigpending(2), rt_sigreturn(2), sigaltstack(2).
#include "sentry/signal/pending.h"
#include "sentry/task/signals.h"
#include "syscalls/signal/signal.h"

namespace ringwall::syscalls {

Result<void> SysRtSigaction(Task& task, int32_t signo, UserIn<abi::SigAction> action, UserOut<abi::SigAction> old_action,
                            uint64_t set_size) {
  if (set_size != sizeof(abi::SigSet)) return Errno::kEINVAL;
  abi::SigAction wanted{};
  if (!action.is_null()) wanted = TRY(action.Read(task.memory()));
  const abi::SigAction old = TRY(task::ChangeAction(task, signo, action.is_null() ? nullptr : &wanted));
  return old_action.WriteIfSet(task.memory(), old);
}

Result<void> SysRtSigprocmask(Task& task, int32_t how, UserIn<abi::SigSet> set, UserOut<abi::SigSet> old_set, uint64_t set_size) {
  if (set_size != sizeof(abi::SigSet)) return Errno::kEINVAL;
  const abi::SigSet old = task.signal_mask();
  if (!set.is_null()) {
    abi::SigSet bits = TRY(set.Read(task.memory()));
    bits &= ~signal::kUnblockable;
    switch (how) {
      case abi::kSIG_BLOCK: task.SetSignalMask(old | bits); break;
      case abi::kSIG_UNBLOCK: task.SetSignalMask(old & ~bits); break;
      case abi::kSIG_SETMASK: task.SetSignalMask(bits); break;
      default: return Errno::kEINVAL;
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
  const uint64_t sp = task.regs().stack_pointer();
  const abi::StackT old = task::GetAltStack(task, sp);
  if (!stack.is_null()) {
    const abi::StackT wanted = TRY(stack.Read(task.memory()));
    TRY(task::SetAltStack(task, wanted, sp));
  }
  return old_stack.WriteIfSet(task.memory(), old);
}

}  // namespace ringwall::syscalls
