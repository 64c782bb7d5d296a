// madvise(2), msync(2), mincore(2), mlock(2), mlockall(2).
#include "abi/mman.h"
#include "sentry/mm/memory_manager.h"
#include "syscalls/mm/mm.h"

namespace ringwall::syscalls {

Result<void> SysMadvise(Task& task, UserAddr address, ByteCount length, int32_t advice) {
  return task.mm().Madvise(address.value, length.value, advice, &task.thread());
}

Result<void> SysMsync(Task& task, UserAddr address, ByteCount length, int32_t flags) {
  return task.mm().Msync(address.value, length.value, flags, &task.thread());
}

Result<void> SysMincore(Task& task, UserAddr address, ByteCount length, UserAddr vector) {
  return task.mm().Mincore(address.value, length.value, vector.value, &task.thread());
}

Result<void> SysMlock2(Task& task, UserAddr address, ByteCount length, RawFlags flags) {
  if ((flags.value & ~abi::kMLOCK_ONFAULT) != 0) return Errno::kEINVAL;
  return task.mm().Mlock(address.value, length.value, flags.value != 0, task.MemoryLimits(), &task.thread());
}

Result<void> SysMlock(Task& task, UserAddr address, ByteCount length) { return SysMlock2(task, address, length, {}); }

Result<void> SysMunlock(Task& task, UserAddr address, ByteCount length) { return task.mm().Munlock(address.value, length.value); }

Result<void> SysMlockall(Task& task, RawFlags flags) {
  if (flags.value == 0 || (flags.value & ~(abi::kMCL_CURRENT | abi::kMCL_FUTURE | abi::kMCL_ONFAULT)) != 0 ||
      flags.value == abi::kMCL_ONFAULT) {
    return Errno::kEINVAL;
  }
  return task.mm().MlockAll(flags.value, task.MemoryLimits());
}

Result<void> SysMunlockall(Task& task) { return task.mm().MlockAll(0, task.MemoryLimits()); }

}  // namespace ringwall::syscalls
