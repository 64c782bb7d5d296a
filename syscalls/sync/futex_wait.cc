// futex_wait(2), futex_wake(2), futex_requeue(2): futex(2)'s operations as calls of their own.
#include "sentry/futex/futex.h"

#include <array>

#include "syscalls/sync/sync.h"

namespace ringwall::syscalls {
namespace {

// Only 32-bit words exist; those of a NUMA node are refused as on a kernel without them.
Result<bool> IsPrivate(uint32_t flags) {
  if ((flags & ~(abi::kFUTEX2_PRIVATE | abi::kFUTEX2_SIZE_MASK)) != 0) return Errno::kEINVAL;
  if ((flags & abi::kFUTEX2_SIZE_MASK) != abi::kFUTEX2_SIZE_U32) return Errno::kEINVAL;
  return (flags & abi::kFUTEX2_PRIVATE) != 0;
}

}  // namespace

Result<int64_t> SysFutexWake(Task& task, UserAddr address, uint64_t mask, int32_t count, uint32_t flags) {
  const bool is_private = TRY(IsPrivate(flags));
  if (mask > UINT32_MAX || mask == 0) return Errno::kEINVAL;
  if (count == 0) return 0;
  return futex::FutexWake(task, address.value, is_private, count, static_cast<uint32_t>(mask));
}

Result<int64_t> SysFutexWait(Task& task, UserAddr address, uint64_t value, uint64_t mask, uint32_t flags, UserIn<abi::Timespec> timeout,
                             int32_t clock) {
  const bool is_private = TRY(IsPrivate(flags));
  if (value > UINT32_MAX || mask > UINT32_MAX) return Errno::kEINVAL;
  int64_t deadline = time::kNever;
  if (!timeout.is_null()) {
    if (clock != abi::kCLOCK_MONOTONIC && clock != abi::kCLOCK_REALTIME) return Errno::kEINVAL;
    const abi::Timespec ts = TRY(timeout.Read(task.memory()));
    if (!time::ValidTimespec(ts)) return Errno::kEINVAL;
    deadline = time::ToNs(ts);
    if (clock == abi::kCLOCK_REALTIME && deadline != time::kNever)
      deadline = time::SaturatingAdd(time::MonotonicNs(), deadline - time::RealtimeNs());
  }
  return futex::FutexWait(task, address.value, is_private, static_cast<uint32_t>(value), static_cast<uint32_t>(mask), deadline);
}

Result<int64_t> SysFutexRequeue(Task& task, UserArray<abi::FutexWaitv> waiters, uint32_t flags, int32_t wake, int32_t move) {
  if (flags != 0 || waiters.is_null()) return Errno::kEINVAL;
  std::array<abi::FutexWaitv, 2> pair;
  TRY(waiters.Read(task.memory(), absl::MakeSpan(pair)));
  for (const abi::FutexWaitv& w : pair) {
    if (w.reserved_ != 0 || w.val > UINT32_MAX) return Errno::kEINVAL;
  }
  const bool is_private = TRY(IsPrivate(pair[0].flags));
  const bool other_private = TRY(IsPrivate(pair[1].flags));
  // Differs from Linux: both words private, or neither.
  if (is_private != other_private) return Errno::kEINVAL;
  const auto expected = static_cast<uint32_t>(pair[0].val);
  return futex::FutexRequeue(task, pair[0].uaddr, pair[1].uaddr, is_private, wake, move, &expected);
}

}  // namespace ringwall::syscalls
