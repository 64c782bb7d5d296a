// membarrier(2).
#include "abi/membarrier.h"

#include "syscalls/sync/sync.h"

namespace ringwall::syscalls {

Result<int64_t> SysMembarrier(Task&, int32_t command, uint32_t flags, int32_t) {
  if (flags != 0) return Errno::kEINVAL;
  // Barriers on running guest threads need the platform's help; until then nothing is offered, which callers must handle.
  if (command == abi::kMEMBARRIER_CMD_QUERY) return 0;
  return Errno::kEINVAL;
}

}  // namespace ringwall::syscalls
