// shmget(2).
#include "syscalls/ipc/ipc.h"
#include "syscalls/ipc/ipc_of.h"

namespace ringwall::syscalls {

Result<int32_t> SysShmget(Task& task, int32_t key, uint64_t size, int32_t flags) { return IpcOf(task)->shm.Get(task, key, size, flags); }

}  // namespace ringwall::syscalls
