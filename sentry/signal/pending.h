// Pending signals and actions (signal(7)). The lock that guards them is the thread group's (LockRank::kSignal).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <vector>

#include "abi/signal.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"

namespace ringwall::signal {

constexpr abi::SigSet Bit(int signo) { return abi::SigSet{1} << (signo - 1); }
inline constexpr abi::SigSet kUnblockable = Bit(abi::kSIGKILL) | Bit(abi::kSIGSTOP);
inline constexpr abi::SigSet kStopSignals = Bit(abi::kSIGSTOP) | Bit(abi::kSIGTSTP) | Bit(abi::kSIGTTIN) | Bit(abi::kSIGTTOU);
// Synchronous faults are taken before others (signal(7)).
inline constexpr abi::SigSet kSynchronous =
    Bit(abi::kSIGSEGV) | Bit(abi::kSIGBUS) | Bit(abi::kSIGILL) | Bit(abi::kSIGTRAP) | Bit(abi::kSIGFPE) | Bit(abi::kSIGSYS);

enum class DefaultAction : uint8_t { kTerminate, kCore, kIgnore, kStop, kContinue };
DefaultAction DefaultActionOf(int signo);

// One queue: a thread's own or a process's. Standard signals hold at most one instance, real-time signals queue in order.
class PendingSet {
 public:
  // EAGAIN when a real-time signal would exceed `queue_limit` (RLIMIT_SIGPENDING) and carries information (sigqueue).
  Result<void> Add(const abi::SigInfo& info, uint64_t queue_limit);
  // May be read without the lock: a hint then.
  abi::SigSet set() const { return set_.load(std::memory_order_seq_cst); }
  // Takes the next signal of `wanted` by Linux's order: synchronous first, then the lowest number. signo 0 when none.
  abi::SigInfo Take(abi::SigSet wanted);
  // Drops every instance of the given signals.
  void Discard(abi::SigSet signals);
  size_t queued() const { return infos_.size(); }
  // In the order in which they came (PTRACE_PEEKSIGINFO).
  std::vector<abi::SigInfo> All() const { return {infos_.begin(), infos_.end()}; }

 private:
  std::atomic<abi::SigSet> set_{0};
  std::list<abi::SigInfo> infos_;
};

// sigaction table, shared by CLONE_SIGHAND. Guarded by its own lock of rank kSignal, which also is the siglock of every thread group
// that shares it.
class SignalHandlers : public RefCounted {
 public:
  static Ref<SignalHandlers> Create();
  Ref<SignalHandlers> Clone() const;  // fork without CLONE_SIGHAND
  // execve: caught signals go back to default, ignored ones stay ignored.
  void ResetForExec();

  mutable Mutex<LockRank::kSignal> mu;
  std::array<abi::SigAction, 65> actions ABSL_GUARDED_BY(mu){};  // index = signo

 private:
  SignalHandlers() = default;
};

}  // namespace ringwall::signal
