// flock(2).
#include "abi/poll.h"
#include "sentry/task/call_state.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/file_lock.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {
namespace {

struct FlockState : task::TypedCallState<FlockState> {
  RefPtr<vfs::LockRequest> request;
};

}  // namespace

Result<void> SysFlock(Task& task, Fd fd, int32_t operation) {
  constexpr int32_t kLockMand = 32;  // mandatory locks: gone, and accepted without a look at the descriptor
  if ((operation & kLockMand) != 0) return {};
  const int32_t command = operation & ~abi::kLOCK_NB;
  if (command != abi::kLOCK_SH && command != abi::kLOCK_EX && command != abi::kLOCK_UN) return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if (!file->path()) return Errno::kEBADF;
  vfs::FileLocks& locks = file->path().inode().locks();
  if (command == abi::kLOCK_UN) {
    locks.Funlock(file->id());
    return {};
  }
  const bool exclusive = command == abi::kLOCK_EX;
  if ((operation & abi::kLOCK_NB) != 0) return locks.Flock(file->id(), exclusive);
  FlockState* state = task.call_state<FlockState>();
  if (state == nullptr) {
    state = &task.MakeCallState<FlockState>();
    state->request = MakeRef<vfs::LockRequest>(Ref<vfs::Inode>(file->path().inode()), file->id(), exclusive);
  }
  auto locked = state->request->Try();
  if (locked.ok() || locked.error() != Errno::kEAGAIN) return locked;
  const task::ParkOn on[] = {{state->request.get(), abi::kPOLLIN, state->request}};
  return task.Park(on, time::kNever, Errno::kRestartSys);
}

}  // namespace ringwall::syscalls
