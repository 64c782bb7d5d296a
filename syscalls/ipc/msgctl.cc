// msgctl(2).
#include "syscalls/ipc/ipc.h"
#include "syscalls/ipc/ipc_of.h"

namespace ringwall::syscalls {
namespace {

// As the caller's namespaces show it.
Result<void> Write(Task& task, UserAddr to, abi::MsqidDs ds) {
  ShowIds(task, ds.msg_perm);
  ds.msg_lspid = task.ToGuestPid(ds.msg_lspid);
  ds.msg_lrpid = task.ToGuestPid(ds.msg_lrpid);
  return task.memory().WriteValue(to.value, ds);
}

}  // namespace

Result<int32_t> SysMsgctl(Task& task, int32_t id, int32_t command, UserAddr argument) {
  if (command < 0 || id < 0) return Errno::kEINVAL;
  const Ref<ipc::IpcNamespace> ns = IpcOf(task);
  ipc::MsgTable& msg = ns->msg;
  switch (command) {
    case abi::kIPC_INFO:
    case abi::kMSG_INFO: {
      TRY(task.memory().WriteValue(argument.value, msg.Info(command == abi::kMSG_INFO)));
      return msg.HighestIndex();
    }
    case abi::kIPC_STAT: {
      const abi::MsqidDs ds = TRY(msg.Stat(task, id));
      TRY(Write(task, argument, ds));
      return 0;
    }
    case abi::kMSG_STAT:
    case abi::kMSG_STAT_ANY: {
      int32_t found = 0;
      const abi::MsqidDs ds = TRY(msg.StatIndex(task, id, command == abi::kMSG_STAT_ANY, found));
      TRY(Write(task, argument, ds));
      return found;
    }
    case abi::kIPC_SET: {
      auto ds = TRY(task.memory().ReadValue<abi::MsqidDs>(argument.value));
      TRY(TakeIds(task, ds.msg_perm));
      TRY(msg.Set(task, id, ds));
      return 0;
    }
    case abi::kIPC_RMID: {
      TRY(msg.Remove(task, id));
      return 0;
    }
    default: return Errno::kEINVAL;
  }
}

}  // namespace ringwall::syscalls
