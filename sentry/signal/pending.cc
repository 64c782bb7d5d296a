// Pending signal queues and default actions (signal(7)).
#include "sentry/signal/pending.h"

#include <algorithm>

#include "sentry/signal/timer_entry.h"

namespace ringwall::signal {
namespace {

constexpr bool IsRealTime(int signo) { return signo >= abi::kSIGRTMIN; }

int LowestSignal(abi::SigSet set) { return __builtin_ctzll(set) + 1; }

}  // namespace

DefaultAction DefaultActionOf(int signo) {
  switch (signo) {
    case abi::kSIGCHLD:
    case abi::kSIGURG:
    case abi::kSIGWINCH: return DefaultAction::kIgnore;
    case abi::kSIGCONT: return DefaultAction::kContinue;
    case abi::kSIGSTOP:
    case abi::kSIGTSTP:
    case abi::kSIGTTIN:
    case abi::kSIGTTOU: return DefaultAction::kStop;
    case abi::kSIGQUIT:
    case abi::kSIGILL:
    case abi::kSIGTRAP:
    case abi::kSIGABRT:
    case abi::kSIGBUS:
    case abi::kSIGFPE:
    case abi::kSIGSEGV:
    case abi::kSIGXCPU:
    case abi::kSIGXFSZ:
    case abi::kSIGSYS: return DefaultAction::kCore;
    default: return DefaultAction::kTerminate;
  }
}

Result<void> PendingSet::Add(const abi::SigInfo& info, uint64_t queue_limit) {
  const int signo = info.si_signo;
  const abi::SigSet bit = Bit(signo);
  const bool is_timer = IsTimerEntry(info);
  if (is_timer) {
    // Every POSIX timer has one entry of its own, also for standard signals; further expirations are its overrun count (timer_create(2)).
    const int32_t id = info.timer().timerid;
    for (const abi::SigInfo& queued : infos_) {
      if (queued.si_signo == signo && IsTimerEntry(queued) && queued.timer().timerid == id) return {};
    }
  } else if (!IsRealTime(signo) && (set_ & bit) != 0) {
    return {};
  }
  // What the kernel itself reports, and kill(2) of standard signals, may go over the limit: at most one entry per signal.
  const bool may_exceed = !IsRealTime(signo) && info.si_code >= 0;
  if (infos_.size() >= queue_limit && !may_exceed) {
    if (IsRealTime(signo) && info.si_code != abi::kSI_USER) return Errno::kEAGAIN;
    set_ |= bit;                          // the signal arrives, its information is lost
    if (is_timer) return Errno::kEAGAIN;  // nobody will tell the timer that its entry was taken
    return {};
  }
  set_ |= bit;
  infos_.push_back(info);
  return {};
}

abi::SigInfo PendingSet::Take(abi::SigSet wanted) {
  abi::SigInfo taken{};
  abi::SigSet ready = set_ & wanted;
  if (ready == 0) return taken;
  if ((ready & kSynchronous) != 0) ready &= kSynchronous;
  const int signo = LowestSignal(ready);
  auto same = [signo](const abi::SigInfo& info) { return info.si_signo == signo; };
  auto first = std::find_if(infos_.begin(), infos_.end(), same);
  if (first == infos_.end()) {
    set_ &= ~Bit(signo);
    taken.si_signo = signo;
    return taken;  // SI_USER from nobody: the queue was full
  }
  taken = *first;
  auto next = infos_.erase(first);
  if (std::find_if(next, infos_.end(), same) == infos_.end()) set_ &= ~Bit(signo);
  return taken;
}

void PendingSet::Discard(abi::SigSet signals) {
  if ((set_ & signals) == 0) return;
  set_ &= ~signals;
  infos_.remove_if([signals](const abi::SigInfo& info) { return (Bit(info.si_signo) & signals) != 0; });
}

Ref<SignalHandlers> SignalHandlers::Create() { return Ref<SignalHandlers>(new SignalHandlers, Ref<SignalHandlers>::AdoptTag{}); }

Ref<SignalHandlers> SignalHandlers::Clone() const {
  Ref<SignalHandlers> copy = Create();
  std::array<abi::SigAction, 65> table;
  {
    MutexLock lock(mu);
    table = actions;
  }
  MutexLock lock(copy->mu);
  copy->actions = table;
  return copy;
}

void SignalHandlers::ResetForExec() {
  MutexLock lock(mu);
  for (abi::SigAction& action : actions) {
    const uint64_t kept = action.handler == abi::kSIG_IGN ? abi::kSIG_IGN : abi::kSIG_DFL;
    action = {};
    action.handler = kept;
  }
}

}  // namespace ringwall::signal
