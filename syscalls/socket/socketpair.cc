// socketpair(2). Nothing is visible to other threads until the numbers have reached the caller.
#include <utility>

#include "abi/resource.h"
#include "sentry/socket/socket.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/socket/socket.h"

namespace ringwall::syscalls {

Result<void> SysSocketpair(Task& task, int32_t family, int32_t type, int32_t protocol, UserOut<SocketPair> fds) {
  if ((type & ~(abi::kSOCK_TYPE_MASK | abi::kSOCK_CLOEXEC | abi::kSOCK_NONBLOCK)) != 0) return Errno::kEINVAL;
  const uint64_t limit = task.Limit(abi::kRLIMIT_NOFILE);
  auto first = TRY(task.fds().Reserve(limit));
  auto second = TRY(task.fds().Reserve(limit));
  TRY(fds.Write(task.memory(), {abi::Raw(first.fd()), abi::Raw(second.fd())}));
  auto pair = TRY(socket::CreatePair(task, family, type, protocol));
  const vfs::FdFlags flags{.cloexec = (type & abi::kSOCK_CLOEXEC) != 0};
  std::move(first).Install(std::move(pair.first), flags);
  std::move(second).Install(std::move(pair.second), flags);
  return {};
}

}  // namespace ringwall::syscalls
