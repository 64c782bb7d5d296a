// futex(2), futex_waitv(2).
#include "sentry/futex/futex.h"

#include <vector>

#include "sentry/kernel/kernel.h"
#include "sentry/observe/unimplemented.h"
#include "syscalls/sync/sync.h"

namespace ringwall::syscalls {
namespace {

// When an absolute time of `clock` comes, as monotonic time.
int64_t ToMonotonic(const abi::Timespec& ts, bool realtime) {
  const int64_t at = time::ToNs(ts);
  if (!realtime || at == time::kNever) return at;
  return time::SaturatingAdd(time::MonotonicNs(), at - time::RealtimeNs());
}

Result<int64_t> Deadline(Task& task, UserAddr timeout, bool absolute, bool realtime) {
  if (timeout.is_null()) return time::kNever;
  const abi::Timespec ts = TRY(task.memory().ReadValue<abi::Timespec>(timeout.value));
  if (!time::ValidTimespec(ts)) return Errno::kEINVAL;
  if (!absolute) return task.DeadlineAfter(time::ToNs(ts));
  return ToMonotonic(ts, realtime);
}

Result<int64_t> Futex(Task& task, UserAddr address, int32_t op, uint32_t value, UserAddr timeout, UserAddr address2, uint32_t value3) {
  const bool is_private = (op & abi::kFUTEX_PRIVATE_FLAG) != 0;
  const bool realtime = (op & abi::kFUTEX_CLOCK_REALTIME) != 0;
  const int32_t command = op & abi::kFUTEX_CMD_MASK;
  if (realtime && command != abi::kFUTEX_WAIT_BITSET && command != abi::kFUTEX_LOCK_PI2 && command != abi::kFUTEX_WAIT_REQUEUE_PI) {
    return Errno::kENOSYS;
  }
  const int32_t count = static_cast<int32_t>(value);
  const int32_t count2 = static_cast<int32_t>(timeout.value);  // the timeout's register is a number for these
  switch (command) {
    case abi::kFUTEX_WAIT: {
      const int64_t deadline = TRY(Deadline(task, timeout, false, realtime));
      return futex::FutexWait(task, address.value, is_private, value, abi::kFUTEX_BITSET_MATCH_ANY, deadline);
    }
    case abi::kFUTEX_WAIT_BITSET: {
      const int64_t deadline = TRY(Deadline(task, timeout, true, realtime));
      return futex::FutexWait(task, address.value, is_private, value, value3, deadline);
    }
    case abi::kFUTEX_WAKE: return futex::FutexWake(task, address.value, is_private, count, abi::kFUTEX_BITSET_MATCH_ANY);
    case abi::kFUTEX_WAKE_BITSET: return futex::FutexWake(task, address.value, is_private, count, value3);
    case abi::kFUTEX_REQUEUE: return futex::FutexRequeue(task, address.value, address2.value, is_private, count, count2, nullptr);
    case abi::kFUTEX_CMP_REQUEUE: return futex::FutexRequeue(task, address.value, address2.value, is_private, count, count2, &value3);
    case abi::kFUTEX_WAKE_OP: return futex::FutexWakeOp(task, address.value, address2.value, is_private, count, count2, value3);
    case abi::kFUTEX_LOCK_PI:
    case abi::kFUTEX_LOCK_PI2: {
      // LOCK_PI measures against CLOCK_REALTIME whatever the flag says.
      const int64_t deadline = TRY(Deadline(task, timeout, true, command == abi::kFUTEX_LOCK_PI || realtime));
      return futex::FutexLockPi(task, address.value, is_private, false, deadline);
    }
    case abi::kFUTEX_TRYLOCK_PI: return futex::FutexLockPi(task, address.value, is_private, true, time::kNever);
    case abi::kFUTEX_UNLOCK_PI: return futex::FutexUnlockPi(task, address.value, is_private);
    default: task.kernel().unimplemented().Count("futex", "operation " + std::to_string(command)); return Errno::kENOSYS;
  }
}

}  // namespace

Result<Lasting<int64_t>> SysFutex(Task& task, UserAddr address, int32_t op, uint32_t value, UserAddr timeout, UserAddr address2,
                                  uint32_t value3) {
  const int64_t result = TRY(Futex(task, address, op, value, timeout, address2, value3));
  // The platform sees by itself that nobody waits for a private word (AddressSpace::CountWaiter).
  return Lasting<int64_t>(result, op == (abi::kFUTEX_WAKE | abi::kFUTEX_PRIVATE_FLAG) && result == 0);
}

Result<int64_t> SysFutexWaitv(Task& task, UserArray<abi::FutexWaitv> waiters, uint32_t count, uint32_t flags, UserIn<abi::Timespec> timeout,
                              int32_t clock) {
  if (flags != 0 || count == 0 || count > abi::kFUTEX_WAITV_MAX || waiters.is_null()) return Errno::kEINVAL;
  int64_t deadline = time::kNever;
  if (!timeout.is_null()) {
    if (clock != abi::kCLOCK_MONOTONIC && clock != abi::kCLOCK_REALTIME) return Errno::kEINVAL;
    const abi::Timespec ts = TRY(timeout.Read(task.memory()));
    if (!time::ValidTimespec(ts)) return Errno::kEINVAL;
    deadline = ToMonotonic(ts, clock == abi::kCLOCK_REALTIME);
  }
  std::vector<abi::FutexWaitv> read(count);
  TRY(waiters.Read(task.memory(), absl::MakeSpan(read)));
  std::vector<futex::WaitvEntry> entries;
  entries.reserve(count);
  for (const abi::FutexWaitv& w : read) {
    if (w.reserved_ != 0 || (w.flags & ~(abi::kFUTEX2_PRIVATE | abi::kFUTEX2_SIZE_MASK)) != 0 ||
        (w.flags & abi::kFUTEX2_SIZE_MASK) != abi::kFUTEX2_SIZE_U32) {
      return Errno::kEINVAL;
    }
    entries.push_back({.address = w.uaddr, .expected = static_cast<uint32_t>(w.val), .is_private = (w.flags & abi::kFUTEX2_PRIVATE) != 0});
  }
  return futex::FutexWaitv(task, entries, deadline);
}

}  // namespace ringwall::syscalls
