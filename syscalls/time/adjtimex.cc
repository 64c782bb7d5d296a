// adjtimex(2), clock_adjtime(2): reading. The clock is the host's and nobody in the sandbox can set it.
#include "abi/time.h"
#include "syscalls/time/time.h"

namespace ringwall::syscalls {

Result<int32_t> SysAdjtimex(Task& task, UserInOut<abi::Timex> user_values) {
  abi::Timex values = TRY(user_values.Read(task.memory()));
  // adjtime(3)'s old form: one bit says so, others what it asks.
  constexpr uint32_t kOld = abi::kADJ_OFFSET_SINGLESHOT & ~abi::kADJ_OFFSET,
                     kReadOnly = abi::kADJ_OFFSET_SS_READ & ~abi::kADJ_OFFSET_SINGLESHOT;
  if ((values.modes & kOld) != 0) {
    if ((values.modes & abi::kADJ_OFFSET) == 0) return Errno::kEINVAL;
    if ((values.modes & kReadOnly) == 0) return Errno::kEPERM;
  } else if (values.modes != 0) {
    return Errno::kEPERM;
  }
  // What a kernel says whose clock no time daemon has ever touched.
  const uint32_t modes = values.modes;
  const abi::Timespec now = time::ToTimespec(time::RealtimeNs());
  values = abi::Timex{};
  values.modes = modes;
  values.maxerror = values.esterror = 16'000'000;
  values.status = abi::kSTA_UNSYNC;
  values.constant = 2;
  values.precision = 1;
  values.tolerance = 500 << 16;
  values.tick = 10'000;
  values.time = {now.tv_sec, now.tv_nsec / 1000};
  TRY(user_values.Write(task.memory(), values));
  return abi::kTIME_ERROR;
}

Result<int32_t> SysClockAdjtime(Task& task, int32_t clock, UserInOut<abi::Timex> values) {
  switch (clock) {
    case abi::kCLOCK_REALTIME: return SysAdjtimex(task, values);
    case abi::kCLOCK_MONOTONIC:
    case abi::kCLOCK_PROCESS_CPUTIME_ID:
    case abi::kCLOCK_THREAD_CPUTIME_ID:
    case abi::kCLOCK_MONOTONIC_RAW:
    case abi::kCLOCK_REALTIME_COARSE:
    case abi::kCLOCK_MONOTONIC_COARSE:
    case abi::kCLOCK_BOOTTIME:
    case abi::kCLOCK_REALTIME_ALARM:
    case abi::kCLOCK_BOOTTIME_ALARM:
    case abi::kCLOCK_TAI: TRY(values.Read(task.memory())); return Errno::kEOPNOTSUPP;
    default: TRY(values.Read(task.memory())); return Errno::kEINVAL;
  }
}

}  // namespace ringwall::syscalls
