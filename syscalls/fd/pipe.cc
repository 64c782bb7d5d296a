// pipe(2), pipe2(2). Nothing is visible to other threads until the numbers have reached the caller.
#include "sentry/pipe/pipe.h"

#include <utility>

#include "abi/resource.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {

Result<void> SysPipe2(Task& task, UserOut<FdPair> fds, RawFlags flags) {
  if ((flags.value & ~(abi::kO_CLOEXEC | abi::kO_NONBLOCK | abi::kO_DIRECT)) != 0) return Errno::kEINVAL;
  auto ends = TRY(pipe::MakePipe(task, flags.value));
  const uint64_t limit = task.Limit(abi::kRLIMIT_NOFILE);
  auto reader = TRY(task.fds().Reserve(limit));
  auto writer = TRY(task.fds().Reserve(limit));
  TRY(fds.Write(task.memory(), {abi::Raw(reader.fd()), abi::Raw(writer.fd())}));
  const vfs::FdFlags fd_flags{.cloexec = (flags.value & abi::kO_CLOEXEC) != 0};
  std::move(reader).Install(std::move(ends.first), fd_flags);
  std::move(writer).Install(std::move(ends.second), fd_flags);
  return {};
}

Result<void> SysPipe(Task& task, UserOut<FdPair> fds) { return SysPipe2(task, fds, {}); }

}  // namespace ringwall::syscalls
