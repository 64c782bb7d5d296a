// sysinfo(2), syslog(2).
#include "abi/capability.h"
#include "sentry/context/machine.h"
#include "sentry/cred/credentials.h"
#include "sentry/kernel/kernel.h"
#include "syscalls/system/system.h"

namespace ringwall::syscalls {

Result<void> SysSysinfo(Task& task, UserOut<abi::Sysinfo> info) {
  const machine::MemoryInfo memory = machine::ReadMemoryInfo();
  abi::Sysinfo s{};
  // Begun seconds count (sysinfo(2) of a young machine is never 0).
  s.uptime = (time::MonotonicNs() - task.kernel().boot_monotonic_ns()) / time::kNsPerSecond + 1;
  s.totalram = memory.total_bytes;
  s.freeram = memory.free_bytes;
  s.bufferram = memory.buffers_bytes;
  s.procs = static_cast<uint16_t>(std::min<size_t>(task.thread_group().pids().task_count(), 65535));
  s.mem_unit = 1;
  return info.Write(task.memory(), s);
}

Result<int64_t> SysSyslog(Task& task, int32_t action, UserBuffer buffer, int32_t length) {
  constexpr int32_t kRead = 2, kReadAll = 3, kReadClear = 4, kConsoleLevel = 8, kSizeBuffer = 10;
  if (action != kReadAll && action != kSizeBuffer && !task.creds().Has(abi::kCAP_SYSLOG) && !task.creds().Has(abi::kCAP_SYS_ADMIN)) {
    return Errno::kEPERM;
  }
  if (action < 0 || action > kSizeBuffer) return Errno::kEINVAL;
  if (action >= kRead && action <= kReadClear && (buffer.is_null() || length < 0)) return Errno::kEINVAL;
  if (action == kConsoleLevel && (length < 1 || length > 8)) return Errno::kEINVAL;
  // The sandbox's ring buffer is empty: nothing to read, nothing unread.
  if (action == kSizeBuffer) return 1 << 14;
  return 0;
}

}  // namespace ringwall::syscalls
