// Handlers of the poll family: one declaration per call; the definitions are in the file named after their man page.
#pragma once

#include "abi/epoll.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "abi/time.h"
#include "syscalls/core/args.h"

namespace ringwall::syscalls {

Result<int64_t> SysPoll(Task& task, UserArray<abi::Pollfd> fds, uint32_t count, int32_t timeout_ms);
Result<int64_t> SysPpoll(Task& task, UserArray<abi::Pollfd> fds, uint32_t count, UserInOut<abi::Timespec> timeout, UserIn<abi::SigSet> mask,
                         uint64_t set_size);
Result<int64_t> SysSelect(Task& task, int32_t count, UserAddr in, UserAddr out, UserAddr ex, UserInOut<abi::Timeval> timeout);
Result<int64_t> SysPselect6(Task& task, int32_t count, UserAddr in, UserAddr out, UserAddr ex, UserInOut<abi::Timespec> timeout,
                            UserIn<abi::SigSetArg> mask);
Result<Fd> SysEpollCreate(Task& task, int32_t size);
Result<Fd> SysEpollCreate1(Task& task, RawFlags flags);
Result<void> SysEpollCtl(Task& task, Fd epfd, int32_t operation, Fd fd, UserIn<abi::EpollEvent> event);
Result<int64_t> SysEpollWait(Task& task, Fd epfd, UserArray<abi::EpollEvent> events, int32_t max, int32_t timeout_ms);
Result<int64_t> SysEpollPwait(Task& task, Fd epfd, UserArray<abi::EpollEvent> events, int32_t max, int32_t timeout_ms,
                              UserIn<abi::SigSet> mask, uint64_t set_size);
Result<int64_t> SysEpollPwait2(Task& task, Fd epfd, UserArray<abi::EpollEvent> events, int32_t max, UserIn<abi::Timespec> timeout,
                               UserIn<abi::SigSet> mask, uint64_t set_size);

}  // namespace ringwall::syscalls
