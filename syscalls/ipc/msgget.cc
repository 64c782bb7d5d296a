// msgget(2).
#include "syscalls/ipc/ipc.h"
#include "syscalls/ipc/ipc_of.h"

namespace ringwall::syscalls {

Result<int32_t> SysMsgget(Task& task, int32_t key, int32_t flags) { return IpcOf(task)->msg.Get(task, key, flags); }

}  // namespace ringwall::syscalls
