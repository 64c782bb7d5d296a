// mseal(2).
#include "sentry/mm/memory_manager.h"
#include "syscalls/mm/mm.h"

namespace ringwall::syscalls {

Result<void> SysMseal(Task& task, UserAddr address, ByteCount length, uint64_t flags) {
  if (flags != 0) return Errno::kEINVAL;
  return task.mm().Mseal(address.value, length.value);
}

}  // namespace ringwall::syscalls
