// A stopped tracee's signals: ptrace(2), PTRACE_PEEKSIGINFO and PTRACE_GETSIGMASK.
#include "sentry/ptrace/pending.h"

#include "sentry/ptrace/engine.h"
#include "sentry/signal/pending.h"
#include "sentry/task/signal_path.h"
#include "sentry/task/task.h"

namespace ringwall::ptrace {

std::vector<abi::SigInfo> Engine::PendingOf(Task& target, bool shared) {
  task::SigLock lock(target.thread_group());
  const signal::PendingSet& set = shared ? target.thread_group().pending_ : *target.pending_;
  return set.All();
}

abi::SigSet Engine::MaskOf(Task& target) {
  return target.saved_mask_valid_ ? target.saved_mask_ : target.blocked_.load(std::memory_order_relaxed);
}

void Engine::SetMaskOf(Task& target, abi::SigSet mask) {
  target.saved_mask_valid_ = false;
  target.SetSignalMask(mask);
}

std::vector<abi::SigInfo> PendingOf(task::Task& target, bool shared) { return Engine::PendingOf(target, shared); }
abi::SigSet MaskOf(task::Task& target) { return Engine::MaskOf(target); }
void SetMaskOf(task::Task& target, abi::SigSet mask) { Engine::SetMaskOf(target, mask); }

}  // namespace ringwall::ptrace
