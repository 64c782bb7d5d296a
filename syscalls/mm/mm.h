// Handlers of the mm family: one declaration per call; the definitions are in the file named after their man page.
#pragma once

#include "syscalls/core/args.h"

namespace ringwall::syscalls {

Result<UserAddr> SysMmap(Task& task, UserAddr address, ByteCount length, uint64_t prot, uint64_t flags, Fd fd, uint64_t offset);
Result<void> SysMunmap(Task& task, UserAddr address, ByteCount length);
Result<void> SysMprotect(Task& task, UserAddr address, ByteCount length, uint64_t prot);
Result<UserAddr> SysMremap(Task& task, UserAddr old_address, ByteCount old_size, ByteCount new_size, uint64_t flags, UserAddr new_address);
Result<UserAddr> SysBrk(Task& task, UserAddr address);
Result<void> SysMseal(Task& task, UserAddr address, ByteCount length, uint64_t flags);
Result<void> SysMadvise(Task& task, UserAddr address, ByteCount length, int32_t advice);
Result<void> SysMsync(Task& task, UserAddr address, ByteCount length, int32_t flags);
Result<void> SysMincore(Task& task, UserAddr address, ByteCount length, UserAddr vector);
Result<void> SysMlock(Task& task, UserAddr address, ByteCount length);
Result<void> SysMlock2(Task& task, UserAddr address, ByteCount length, RawFlags flags);
Result<void> SysMunlock(Task& task, UserAddr address, ByteCount length);
Result<void> SysMlockall(Task& task, RawFlags flags);
Result<void> SysMunlockall(Task& task);
Result<int64_t> SysProcessVmReadv(Task& task, int32_t pid, UserIovecs local, uint64_t local_count, UserIovecs remote, uint64_t remote_count,
                                  uint64_t flags);
Result<int64_t> SysProcessVmWritev(Task& task, int32_t pid, UserIovecs local, uint64_t local_count, UserIovecs remote,
                                   uint64_t remote_count, uint64_t flags);
Result<void> SysGetMempolicy(Task& task, UserOut<int32_t> mode, UserAddr node_mask, uint64_t max_node, UserAddr address, uint64_t flags);
Result<void> SysSetMempolicy(Task& task, int32_t mode, UserAddr node_mask, uint64_t max_node);
Result<void> SysMbind(Task& task, UserAddr address, ByteCount length, int32_t mode, UserAddr node_mask, uint64_t max_node, uint32_t flags);
Result<int32_t> SysPkeyAlloc(Task& task, uint64_t flags, uint64_t access);
Result<void> SysPkeyFree(Task& task, int32_t key);
Result<void> SysPkeyMprotect(Task& task, UserAddr address, ByteCount length, uint64_t prot, int32_t key);
Result<int64_t> SysProcessMadvise(Task& task, Fd pidfd, UserIovecs iov, uint64_t count, int32_t advice, uint32_t flags);
Result<void> SysProcessMrelease(Task& task, Fd pidfd, uint32_t flags);
Result<void> SysRemapFilePages(Task& task, UserAddr address, uint64_t size, uint64_t prot, uint64_t page_offset, uint64_t flags);

}  // namespace ringwall::syscalls
