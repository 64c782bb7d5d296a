// Handlers of the socket family: one declaration per call; the definitions are in the file named after their man page.
#pragma once

#include "abi/socket.h"
#include "abi/time.h"
#include "syscalls/core/args.h"

namespace ringwall::syscalls {

struct SocketPair {
  int32_t first;
  int32_t second;
};

// socket(2), socketpair(2)
Result<Fd> SysSocket(Task& task, int32_t family, int32_t type, int32_t protocol);
Result<void> SysSocketpair(Task& task, int32_t family, int32_t type, int32_t protocol, UserOut<SocketPair> fds);
// bind(2), listen(2), accept(2), connect(2), shutdown(2)
Result<void> SysBind(Task& task, Fd fd, UserBuffer address, int32_t length);
Result<void> SysListen(Task& task, Fd fd, int32_t backlog);
Result<Fd> SysAccept(Task& task, Fd fd, UserBuffer address, UserInOut<int32_t> length);
Result<Fd> SysAccept4(Task& task, Fd fd, UserBuffer address, UserInOut<int32_t> length, RawFlags flags);
Result<void> SysConnect(Task& task, Fd fd, UserBuffer address, int32_t length);
Result<void> SysShutdown(Task& task, Fd fd, int32_t how);
// getsockname(2), getpeername(2)
Result<void> SysGetsockname(Task& task, Fd fd, UserBuffer address, UserInOut<int32_t> length);
Result<void> SysGetpeername(Task& task, Fd fd, UserBuffer address, UserInOut<int32_t> length);
// send(2), sendmmsg(2)
Result<int64_t> SysSendto(Task& task, Fd fd, UserBuffer buffer, ByteCount count, RawFlags flags, UserBuffer address, int32_t length);
Result<int64_t> SysSendmsg(Task& task, Fd fd, UserIn<abi::Msghdr> message, RawFlags flags);
Result<int64_t> SysSendmmsg(Task& task, Fd fd, UserArray<abi::Mmsghdr> messages, uint32_t count, RawFlags flags);
// recv(2), recvmmsg(2)
Result<int64_t> SysRecvfrom(Task& task, Fd fd, UserBuffer buffer, ByteCount count, RawFlags flags, UserBuffer address,
                            UserInOut<int32_t> length);
Result<int64_t> SysRecvmsg(Task& task, Fd fd, UserIn<abi::Msghdr> message, RawFlags flags);
Result<int64_t> SysRecvmmsg(Task& task, Fd fd, UserArray<abi::Mmsghdr> messages, uint32_t count, RawFlags flags,
                            UserInOut<abi::Timespec> timeout);
// getsockopt(2)
Result<void> SysSetsockopt(Task& task, Fd fd, int32_t level, int32_t name, UserBuffer value, int32_t length);
Result<void> SysGetsockopt(Task& task, Fd fd, int32_t level, int32_t name, UserBuffer value, UserInOut<int32_t> length);

}  // namespace ringwall::syscalls
