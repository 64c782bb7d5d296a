// mprotect(2), pkey_mprotect(2), pkey_alloc(2).
#include "abi/mman.h"
#include "sentry/mm/memory_manager.h"
#include "syscalls/mm/mm.h"

namespace ringwall::syscalls {

Result<void> SysMprotect(Task& task, UserAddr address, ByteCount length, uint64_t prot) {
  constexpr uint64_t kGrows = abi::kPROT_GROWSDOWN | abi::kPROT_GROWSUP;
  constexpr uint64_t kKnown = abi::kPROT_READ | abi::kPROT_WRITE | abi::kPROT_EXEC | abi::kPROT_SEM | kGrows;
  if ((prot & ~kKnown) != 0 || (prot & kGrows) == kGrows) return Errno::kEINVAL;
  // No stack grows up on x86.
  if ((prot & abi::kPROT_GROWSUP) != 0) return Errno::kEINVAL;
  const platform::Prot wanted{
      .read = (prot & abi::kPROT_READ) != 0, .write = (prot & abi::kPROT_WRITE) != 0, .exec = (prot & abi::kPROT_EXEC) != 0};
  return task.mm().Mprotect(address.value, length.value, wanted, (prot & abi::kPROT_GROWSDOWN) != 0, task.MemoryLimits(), &task.thread());
}

// Protection keys: as on a CPU without them (pkeys(7)).
Result<int32_t> SysPkeyAlloc(Task&, uint64_t flags, uint64_t access) {
  if (flags != 0 || (access & ~abi::kPKEY_ACCESS_MASK) != 0) return Errno::kEINVAL;
  return Errno::kEINVAL;  // Linux finds a free key, then no register for its rights
}

Result<void> SysPkeyFree(Task&, int32_t) { return Errno::kEINVAL; }

Result<void> SysPkeyMprotect(Task& task, UserAddr address, ByteCount length, uint64_t prot, int32_t key) {
  if (key != -1) return Errno::kEINVAL;
  return SysMprotect(task, address, length, prot);
}

}  // namespace ringwall::syscalls
