// Names of the lock ranks and, in debug builds, the per-thread check of their order.
#include "base/sync/lock_order.h"

#include <stdio.h>

#include "base/log/check.h"
#include "base/sync/mutex.h"

namespace ringwall {

// A rank that is missing here only loses its name in messages; that must not stop everybody's build.
#pragma GCC diagnostic push
#pragma GCC diagnostic warning "-Wswitch"
const char* LockRankName(LockRank rank) {
  switch (rank) {
// clang-format off
#define NAME(n) \
  case LockRank::n: return #n;
    NAME(kControl) NAME(kKernel) NAME(kEpollControl) NAME(kPidTable) NAME(kThreadGroup) NAME(kTty) NAME(kSignal) NAME(kTask) NAME(kNamespace)
    NAME(kMountTable) NAME(kRename) NAME(kDentry) NAME(kInode) NAME(kDentryCache) NAME(kFdTable) NAME(kFile) NAME(kFilePosition) NAME(kEpoll) NAME(kFileLock)
    NAME(kSocketAddress) NAME(kSocket) NAME(kSeccompListener) NAME(kPipe) NAME(kNotifyGroup) NAME(kNotifyMarks) NAME(kNotifyQueue) NAME(kIpcTable) NAME(kIpcObject) NAME(kMessageQueue) NAME(kMm) NAME(kMemoryFile) NAME(kFutex) NAME(kProcessTimers) NAME(kTimer) NAME(kLimits) NAME(kWaitQueue) NAME(kEpollReady)
    NAME(kReady) NAME(kGoferClient) NAME(kPlatform) NAME(kObserve) NAME(kLog) NAME(kTest)
#undef NAME
    // clang-format on
  }
  return "?";
}
#pragma GCC diagnostic pop

#ifdef RINGWALL_LOCK_ORDER
namespace lock_order {
namespace {

// Deeper than any correct nesting: there are fewer ranks than slots in practice.
constexpr int kMaxHeld = 32;

// Sorted by rank: WillLock lets nothing lower in, and removal keeps the order.
struct Held {
  LockRank rank[kMaxHeld];
  int count;
};
thread_local Held t_held;

[[noreturn]] void Fail(const char* text) { CheckFailed("base/sync/lock_order.cc", __LINE__, text); }

}  // namespace

void WillLock(LockRank rank, bool nested) {
  Held& held = t_held;
  if (held.count > 0) {
    const LockRank top = held.rank[held.count - 1];
    if (rank < top || (rank == top && !nested)) {
      char text[160];
      snprintf(text, sizeof(text), "lock order: taking %s while holding %s%s", LockRankName(rank), LockRankName(top),
               rank == top ? " (equal ranks need MutexLockNested)" : "");
      Fail(text);
    }
  }
  if (held.count == kMaxHeld) Fail("lock order: too many locks held by one thread");
  held.rank[held.count++] = rank;
}

void AssertHeld(LockRank rank) {
  for (int i = 0; i < t_held.count; ++i) {
    if (t_held.rank[i] == rank) return;
  }
  char text[96];
  snprintf(text, sizeof(text), "lock order: %s should be held and is not", LockRankName(rank));
  Fail(text);
}

void DidUnlock(LockRank rank) {
  Held& held = t_held;
  for (int i = held.count - 1; i >= 0; --i) {
    if (held.rank[i] != rank) continue;
    for (int j = i; j + 1 < held.count; ++j) held.rank[j] = held.rank[j + 1];
    --held.count;
    return;
  }
  char text[96];
  snprintf(text, sizeof(text), "lock order: unlocking %s that this thread does not hold", LockRankName(rank));
  Fail(text);
}

namespace {

void Refuse(const char* doing, LockRank rank) {
  char text[160];
  snprintf(text, sizeof(text), "lock order: %s while holding %s", doing, LockRankName(rank));
  Fail(text);
}

}  // namespace

void AssertNoneHeld(const char* doing) {
  const Held& held = t_held;
  if (held.count != 0) Refuse(doing, held.rank[held.count - 1]);
}

void AssertMayCopy(const char* doing) {
  const Held& held = t_held;
  for (int i = 0; i < held.count; ++i) {
    if (held.rank[i] != LockRank::kFilePosition) Refuse(doing, held.rank[i]);
  }
}

}  // namespace lock_order
#endif

}  // namespace ringwall
