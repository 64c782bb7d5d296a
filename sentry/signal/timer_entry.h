// The mark of a POSIX timer's own entry in a pending queue (timer_create(2)): rt_sigqueueinfo(2) lets a process make up SI_TIMER too.
#pragma once

#include "abi/signal.h"

namespace ringwall::signal {

// In the padding of siginfo_t: signals from the guest arrive with it cleared, and it is cleared before the guest sees it.
inline constexpr uint32_t kTimerEntryMark = 1;

inline bool IsTimerEntry(const abi::SigInfo& info) { return info.si_signo != 0 && info.pad0_ == kTimerEntryMark; }

}  // namespace ringwall::signal
