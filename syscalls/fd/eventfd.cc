// eventfd(2), memfd_create(2).
#include "abi/eventfd.h"
#include "abi/memfd.h"
#include "abi/resource.h"
#include "sentry/fs/anon/eventfd.h"
#include "sentry/fs/anon/memfd.h"
#include "sentry/kernel/kernel.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {

Result<Fd> SysEventfd2(Task& task, uint32_t initial, RawFlags flags) {
  Ref<vfs::File> file = TRY(anon::MakeEventfd(task, initial, flags.value));
  return task.fds().Add(std::move(file), {.cloexec = (flags.value & abi::kEFD_CLOEXEC) != 0}, task.Limit(abi::kRLIMIT_NOFILE));
}

Result<Fd> SysEventfd(Task& task, uint32_t initial) { return SysEventfd2(task, initial, {}); }

Result<Fd> SysMemfdCreate(Task& task, UserString user_name, RawFlags flags) {
  const std::string name = TRY(user_name.Read(task.memory(), abi::kMFD_NAME_MAX_LEN + 1, Errno::kEINVAL));
  Ref<vfs::File> file = TRY(anon::MakeMemfd(task, task.kernel().shared_memory(), name, flags.value));
  return task.fds().Add(std::move(file), {.cloexec = (flags.value & abi::kMFD_CLOEXEC) != 0}, task.Limit(abi::kRLIMIT_NOFILE));
}

}  // namespace ringwall::syscalls
