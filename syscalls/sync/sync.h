// Handlers of the sync family: one declaration per call; the definitions are in the file named after their man page.
#pragma once

#include "abi/futex.h"
#include "abi/time.h"
#include "syscalls/core/args.h"

namespace ringwall::syscalls {

Result<Lasting<int64_t>> SysFutex(Task& task, UserAddr address, int32_t op, uint32_t value, UserAddr timeout, UserAddr address2,
                                  uint32_t value3);
Result<int64_t> SysFutexWaitv(Task& task, UserArray<abi::FutexWaitv> waiters, uint32_t count, uint32_t flags, UserIn<abi::Timespec> timeout,
                              int32_t clock);
Result<int64_t> SysFutexWake(Task& task, UserAddr address, uint64_t mask, int32_t count, uint32_t flags);
Result<int64_t> SysFutexWait(Task& task, UserAddr address, uint64_t value, uint64_t mask, uint32_t flags, UserIn<abi::Timespec> timeout,
                             int32_t clock);
Result<int64_t> SysFutexRequeue(Task& task, UserArray<abi::FutexWaitv> waiters, uint32_t flags, int32_t wake, int32_t move);
Result<int64_t> SysMembarrier(Task& task, int32_t command, uint32_t flags, int32_t cpu);

}  // namespace ringwall::syscalls
