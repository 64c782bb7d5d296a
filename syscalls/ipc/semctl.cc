// semctl(2).
#include <vector>

#include "syscalls/ipc/ipc.h"
#include "syscalls/ipc/ipc_of.h"

namespace ringwall::syscalls {
namespace {

Result<int32_t> SetAll(Task& task, ipc::SemTable& sem, int32_t id, uint64_t argument) {
  const uint32_t count = TRY(sem.MaySetAll(task, id));  // bounded by SEMMSL
  std::vector<uint16_t> values(count);
  TRY(task.memory().ReadArray<uint16_t>(argument, absl::MakeSpan(values)));
  TRY(sem.SetAll(task, id, values));
  return 0;
}

// As the caller's user namespace shows it.
Result<void> Write(Task& task, uint64_t to, abi::SemidDs ds) {
  ShowIds(task, ds.sem_perm);
  return task.memory().WriteValue(to, ds);
}

}  // namespace

Result<int32_t> SysSemctl(Task& task, int32_t id, int32_t number, int32_t command, uint64_t argument) {
  if (id < 0) return Errno::kEINVAL;
  const Ref<ipc::IpcNamespace> ns = IpcOf(task);
  ipc::SemTable& sem = ns->sem;
  switch (command) {
    case abi::kIPC_INFO:
    case abi::kSEM_INFO: {
      TRY(task.memory().WriteValue(argument, sem.Info(command == abi::kSEM_INFO)));
      return sem.HighestIndex();
    }
    case abi::kIPC_STAT: {
      const abi::SemidDs ds = TRY(sem.Stat(task, id));
      TRY(Write(task, argument, ds));
      return 0;
    }
    case abi::kSEM_STAT:
    case abi::kSEM_STAT_ANY: {
      int32_t found = 0;
      const abi::SemidDs ds = TRY(sem.StatIndex(task, id, command == abi::kSEM_STAT_ANY, found));
      TRY(Write(task, argument, ds));
      return found;
    }
    case abi::kGETALL: {
      const std::vector<uint16_t> values = TRY(sem.GetAll(task, id));
      TRY(task.memory().WriteArray<uint16_t>(argument, values));
      return 0;
    }
    case abi::kGETPID: {
      const int32_t pid = TRY(sem.GetOne(task, id, number, command));
      return task.ToGuestPid(pid);
    }
    case abi::kGETVAL:
    case abi::kGETNCNT:
    case abi::kGETZCNT: return sem.GetOne(task, id, number, command);
    case abi::kSETALL: return SetAll(task, sem, id, argument);
    case abi::kSETVAL: {
      TRY(sem.SetOne(task, id, number, static_cast<int32_t>(argument)));
      return 0;
    }
    case abi::kIPC_SET: {
      auto ds = TRY(task.memory().ReadValue<abi::SemidDs>(argument));
      TRY(TakeIds(task, ds.sem_perm));
      TRY(sem.Set(task, id, ds));
      return 0;
    }
    case abi::kIPC_RMID: {
      TRY(sem.Remove(task, id));
      return 0;
    }
    default: return Errno::kEINVAL;
  }
}

}  // namespace ringwall::syscalls
