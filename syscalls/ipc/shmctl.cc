// shmctl(2).
#include "abi/resource.h"
#include "syscalls/ipc/ipc.h"
#include "syscalls/ipc/ipc_of.h"

namespace ringwall::syscalls {
namespace {

// As the caller's namespaces show it.
Result<void> Write(Task& task, UserAddr to, abi::ShmidDs ds) {
  ShowIds(task, ds.shm_perm);
  ds.shm_cpid = task.ToGuestPid(ds.shm_cpid);
  ds.shm_lpid = task.ToGuestPid(ds.shm_lpid);
  return task.memory().WriteValue(to.value, ds);
}

}  // namespace

Result<int32_t> SysShmctl(Task& task, int32_t id, int32_t command, UserAddr argument) {
  if (command < 0 || id < 0) return Errno::kEINVAL;
  const Ref<ipc::IpcNamespace> ns = IpcOf(task);
  ipc::ShmTable& shm = ns->shm;
  switch (command) {
    case abi::kIPC_INFO: {
      TRY(task.memory().WriteValue(argument.value, shm.Limits()));
      return shm.HighestIndex();
    }
    case abi::kSHM_INFO: {
      TRY(task.memory().WriteValue(argument.value, shm.Info()));
      return shm.HighestIndex();
    }
    case abi::kIPC_STAT: {
      const abi::ShmidDs ds = TRY(shm.Stat(task, id));
      TRY(Write(task, argument, ds));
      return 0;
    }
    case abi::kSHM_STAT:
    case abi::kSHM_STAT_ANY: {
      int32_t found = 0;
      const abi::ShmidDs ds = TRY(shm.StatIndex(task, id, command == abi::kSHM_STAT_ANY, found));
      TRY(Write(task, argument, ds));
      return found;
    }
    case abi::kIPC_SET: {
      auto ds = TRY(task.memory().ReadValue<abi::ShmidDs>(argument.value));
      TRY(TakeIds(task, ds.shm_perm));
      TRY(shm.Set(task, id, ds));
      return 0;
    }
    case abi::kIPC_RMID: {
      TRY(shm.Remove(task, id));
      return 0;
    }
    case abi::kSHM_LOCK:
    case abi::kSHM_UNLOCK: {
      TRY(shm.Lock(task, id, command == abi::kSHM_LOCK, task.Limit(abi::kRLIMIT_MEMLOCK) != 0));
      return 0;
    }
    default: return Errno::kEINVAL;
  }
}

}  // namespace ringwall::syscalls
