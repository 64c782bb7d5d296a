// Inside of signal delivery: the siglock and the steps that touch pending queues and group stops. For the task room's own files.
#pragma once

#include <cstdint>

#include "abi/signal.h"
#include "base/error/result.h"
#include "sentry/signal/pending.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"

namespace ringwall::task {

// Holds the lock that guards a process's signal actions, pending queues, stop state and its threads' masks. The lock belongs to the
// sigaction table, which execve may replace: taken again until it is the right one.
class SigLock {
 public:
  explicit SigLock(ThreadGroup& group) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    for (;;) {
      handlers_ = group.handlers();
      handlers_->mu.Lock();
      if (group.siglock_.load(std::memory_order_acquire) == handlers_.get()) return;
      handlers_->mu.Unlock();
    }
  }
  ~SigLock() ABSL_NO_THREAD_SAFETY_ANALYSIS { handlers_->mu.Unlock(); }
  SigLock(const SigLock&) = delete;
  SigLock& operator=(const SigLock&) = delete;

  abi::SigAction& action(int signo) ABSL_NO_THREAD_SAFETY_ANALYSIS { return handlers_->actions[static_cast<size_t>(signo)]; }

 private:
  RefPtr<signal::SignalHandlers> handlers_;
};

class SignalPath {
 public:
  enum class Outcome : uint8_t { kSent, kIgnored };
  // To `thread`, or to the process when null. No locks held.
  static Result<Outcome> Send(ThreadGroup& group, Task* thread, const abi::SigInfo& info);
  // The default action of a stop signal: false when it does not apply any more (SIGCONT came, the group is orphaned).
  static bool BeginStop(Task& task, int signo);
  // Answers a stop request: false when it is gone. The last thread to stop tells the parent.
  static bool EnterStop(Task& task, int32_t* signo);
  static void CheckStop(ThreadGroup& group);
  // After `task` blocked `blocked`: other threads take over what it would have taken.
  static void Retarget(Task& task, abi::SigSet blocked);
  static Result<abi::SigAction> ChangeAction(Task& task, int signo, const abi::SigAction* action);
  static bool GroupPending(ThreadGroup& group, abi::SigSet set) { return (group.pending_.set() & set) != 0; }

 private:
  // The lists of threads are stable: the pid table's lock is held, and the siglock.
  static void Continue(ThreadGroup& group, bool* was_stopped);
  static bool CompleteStop(ThreadGroup& group);
  static bool Ignored(SigLock& lock, ThreadGroup& group, const Task& target, const abi::SigInfo& info);
  static void WakeOneFor(ThreadGroup& group, int signo);
};

}  // namespace ringwall::task
