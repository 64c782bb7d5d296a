// mremap(2), brk(2).
#include "abi/mman.h"
#include "sentry/mm/memory_manager.h"
#include "syscalls/mm/mm.h"

namespace ringwall::syscalls {

Result<UserAddr> SysMremap(Task& task, UserAddr old_address, ByteCount old_size, ByteCount new_size, uint64_t flags, UserAddr new_address) {
  if ((flags & ~(abi::kMREMAP_MAYMOVE | abi::kMREMAP_FIXED | abi::kMREMAP_DONTUNMAP)) != 0) return Errno::kEINVAL;
  const uint64_t moved = TRY(task.mm().Mremap(old_address.value, old_size.value, new_size.value, static_cast<uint32_t>(flags),
                                              new_address.value, task.MemoryLimits(), &task.thread()));
  return UserAddr{moved};
}

Result<UserAddr> SysBrk(Task& task, UserAddr address) {
  return UserAddr{task.mm().Brk(address.value, task.MemoryLimits(), &task.thread())};
}

}  // namespace ringwall::syscalls
