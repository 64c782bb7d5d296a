// semget(2).
#include "syscalls/ipc/ipc.h"
#include "syscalls/ipc/ipc_of.h"

namespace ringwall::syscalls {

Result<int32_t> SysSemget(Task& task, int32_t key, int32_t count, int32_t flags) { return IpcOf(task)->sem.Get(task, key, count, flags); }

}  // namespace ringwall::syscalls
