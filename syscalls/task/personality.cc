// personality(2).
#include "abi/personality.h"

#include "sentry/kernel/kernel.h"
#include "sentry/observe/unimplemented.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {

Result<int32_t> SysPersonality(Task& task, uint32_t persona) {
  const uint32_t old = task.persona;
  if (persona == 0xffffffff) return static_cast<int32_t>(old);
  constexpr uint32_t kStored = abi::kPER_MASK | abi::kADDR_NO_RANDOMIZE;
  if ((persona & ~kStored) != 0) task.kernel().unimplemented().Count("personality", "flags");
  task.persona = persona;
  return static_cast<int32_t>(old);
}

}  // namespace ringwall::syscalls
