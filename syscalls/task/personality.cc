// personality(2).
#include "abi/personality.h"

#include "sentry/kernel/kernel.h"
#include "sentry/observe/unimplemented.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {

Result<uint32_t> SysPersonality(Task& task, uint32_t persona) {
  const uint32_t old = task.persona;
  if (persona == 0xffffffff) return old;
  constexpr uint32_t kStored = abi::kPER_MASK | abi::kADDR_NO_RANDOMIZE;
  if ((persona & ~kStored) != 0) task.kernel().unimplemented().Count("personality", "flags");
  task.persona = persona;
  return old;
}

}  // namespace ringwall::syscalls
