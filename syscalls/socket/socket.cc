// socket(2).
#include "sentry/socket/socket.h"

#include <string>
#include <utility>

#include "abi/resource.h"
#include "sentry/kernel/kernel.h"
#include "sentry/observe/unimplemented.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/socket/socket.h"

namespace ringwall::syscalls {

Result<Fd> SysSocket(Task& task, int32_t family, int32_t type, int32_t protocol) {
  auto made = socket::Create(task, family, type, protocol);
  if (!made.ok()) {
    // Numbers that Linux knows go into the ledger; nonsense does not.
    const bool known = made.error() == Errno::kEAFNOSUPPORT && family > abi::kAF_UNSPEC && family < abi::kAF_MAX;
    if (known) task.kernel().unimplemented().Count("socket", "family " + std::to_string(family));
    return made.error();
  }
  return task.fds().Add(std::move(made).value(), {.cloexec = (type & abi::kSOCK_CLOEXEC) != 0}, task.Limit(abi::kRLIMIT_NOFILE));
}

}  // namespace ringwall::syscalls
