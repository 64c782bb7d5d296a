// prctl(2).
#include "abi/prctl.h"

#include "abi/capability.h"
#include "abi/clone.h"
#include "sentry/cred/credentials.h"
#include "sentry/kernel/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/observe/unimplemented.h"
#include "sentry/seccomp/task_seccomp.h"
#include "sentry/task/thread_group.h"
#include "syscalls/security/security.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {
namespace {

bool ValidCapability(uint64_t cap) { return cap <= static_cast<uint64_t>(abi::kCAP_LAST_CAP); }

// Publishes a changed copy of the caller's credentials.
template <typename F>
void ChangeCreds(Task& task, F change) {
  Ref<cred::Credentials> creds = task.creds().Clone();
  change(*creds);
  task.SetCreds(Ref<const cred::Credentials>(std::move(creds)));
}

Result<int64_t> SetName(Task& task, uint64_t address) {
  // At most 16 bytes with the NUL; longer names are cut, not refused.
  std::string name;
  for (int i = 0; i < 15; ++i) {
    const uint8_t c = TRY(task.memory().ReadValue<uint8_t>(address + static_cast<uint64_t>(i)));
    if (c == 0) break;
    name += static_cast<char>(c);
  }
  task.SetComm(name);
  return 0;
}

Result<int64_t> GetName(Task& task, uint64_t address) {
  std::byte name[16] = {};
  const std::string comm = task.comm();
  for (size_t i = 0; i < comm.size() && i < 15; ++i) name[i] = static_cast<std::byte>(comm[i]);
  TRY(task.memory().Write(address, name));
  return 0;
}

Result<int64_t> CapabilityBoundingDrop(Task& task, uint64_t cap) {
  if (!task.creds().HasInOwn(abi::kCAP_SETPCAP)) return Errno::kEPERM;
  if (!ValidCapability(cap)) return Errno::kEINVAL;
  ChangeCreds(task, [cap](cred::Credentials& c) { c.bounding &= ~cred::CapBit(static_cast<int>(cap)); });
  return 0;
}

Result<int64_t> SetSecurebits(Task& task, uint64_t bits) {
  const uint32_t old = task.creds().securebits;
  constexpr uint32_t kAll = 0xfff;
  const uint32_t locks = old & 0xaaa;  // every second bit locks the one below it
  const uint32_t locked = locks >> 1;
  if ((bits & ~uint64_t{kAll}) != 0 || ((old ^ bits) & locked) != 0 || (locks & ~bits) != 0 || !task.creds().HasInOwn(abi::kCAP_SETPCAP)) {
    return Errno::kEPERM;
  }
  ChangeCreds(task, [bits](cred::Credentials& c) { c.securebits = static_cast<uint32_t>(bits); });
  return 0;
}

Result<int64_t> CapAmbient(Task& task, uint64_t operation, uint64_t cap) {
  const cred::Credentials& creds = task.creds();
  if (operation == static_cast<uint64_t>(abi::kPR_CAP_AMBIENT_CLEAR_ALL)) {
    if (cap != 0) return Errno::kEINVAL;
    ChangeCreds(task, [](cred::Credentials& c) { c.ambient = 0; });
    return 0;
  }
  if (!ValidCapability(cap)) return Errno::kEINVAL;
  const cred::CapabilitySet bit = cred::CapBit(static_cast<int>(cap));
  switch (static_cast<int32_t>(operation)) {
    case abi::kPR_CAP_AMBIENT_IS_SET: return (creds.ambient & bit) != 0 ? 1 : 0;
    case abi::kPR_CAP_AMBIENT_RAISE:
      if ((creds.permitted & bit) == 0 || (creds.inheritable & bit) == 0 || (creds.securebits & abi::kSECBIT_NO_CAP_AMBIENT_RAISE) != 0) {
        return Errno::kEPERM;
      }
      ChangeCreds(task, [bit](cred::Credentials& c) { c.ambient |= bit; });
      return 0;
    case abi::kPR_CAP_AMBIENT_LOWER: ChangeCreds(task, [bit](cred::Credentials& c) { c.ambient &= ~bit; }); return 0;
    default: return Errno::kEINVAL;
  }
}

Result<int64_t> SetSubreaper(Task& task, uint64_t on) {
  MutexLock lock(task.thread_group().pids().mu());
  task.thread_group().pids().FamilyOf(task.thread_group()).child_subreaper = on != 0;
  return 0;
}

Result<int64_t> GetSubreaper(Task& task, uint64_t address) {
  bool on;
  {
    MutexLock lock(task.thread_group().pids().mu());
    on = task.thread_group().pids().FamilyOf(task.thread_group()).child_subreaper;
  }
  TRY(task.memory().WriteValue<int32_t>(address, on ? 1 : 0));
  return 0;
}

// PR_SET_VMA_ANON_NAME: at most 80 bytes of printable characters; null takes the name away.
Result<int64_t> NameArea(Task& task, uint64_t what, uint64_t address, uint64_t length, uint64_t name_address) {
  if (what != static_cast<uint64_t>(abi::kPR_SET_VMA_ANON_NAME)) return Errno::kEINVAL;
  std::string name;
  if (name_address != 0) name = TRY(task.memory().ReadString(name_address, 80, Errno::kEINVAL));
  for (const char c : name) {
    if (c < 0x20 || c > 0x7e || std::string_view("[]\\$`").find(c) != std::string_view::npos) return Errno::kEINVAL;
  }
  TRY(task.mm().NameAnonymous(address, length, name));
  return 0;
}

Result<int64_t> SetTimerSlack(Task& task, uint64_t ns) {
  Task::Scheduling s = task.scheduling();
  s.timer_slack_ns = ns == 0 ? 50'000 : ns;
  task.SetScheduling(s);
  return 0;
}

}  // namespace

Result<int64_t> SysPrctl(Task& task, int32_t option, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5) {
  const bool rest_zero = arg3 == 0 && arg4 == 0 && arg5 == 0;
  switch (option) {
    case abi::kPR_SET_PDEATHSIG:
      if (arg2 > static_cast<uint64_t>(abi::kNumSignals)) return Errno::kEINVAL;
      task.parent_death_signal = static_cast<int32_t>(arg2);
      return 0;
    case abi::kPR_GET_PDEATHSIG: TRY(task.memory().WriteValue<int32_t>(arg2, task.parent_death_signal)); return 0;
    case abi::kPR_GET_DUMPABLE: return task.mm().dumpable.load();
    case abi::kPR_SET_DUMPABLE:
      if (arg2 > 1) return Errno::kEINVAL;
      task.mm().dumpable.store(static_cast<int32_t>(arg2));
      return 0;
    case abi::kPR_SET_NAME: return SetName(task, arg2);
    case abi::kPR_GET_NAME: return GetName(task, arg2);
    case abi::kPR_GET_KEEPCAPS: return (task.creds().securebits & abi::kSECBIT_KEEP_CAPS) != 0 ? 1 : 0;
    case abi::kPR_SET_KEEPCAPS:
      if (arg2 > 1) return Errno::kEINVAL;
      if ((task.creds().securebits & abi::kSECBIT_KEEP_CAPS_LOCKED) != 0) return Errno::kEPERM;
      ChangeCreds(task, [arg2](cred::Credentials& c) {
        c.securebits = arg2 != 0 ? c.securebits | abi::kSECBIT_KEEP_CAPS : c.securebits & ~abi::kSECBIT_KEEP_CAPS;
      });
      return 0;
    case abi::kPR_CAPBSET_READ:
      if (!ValidCapability(arg2)) return Errno::kEINVAL;
      return (task.creds().bounding & cred::CapBit(static_cast<int>(arg2))) != 0 ? 1 : 0;
    case abi::kPR_CAPBSET_DROP: return CapabilityBoundingDrop(task, arg2);
    case abi::kPR_GET_SECUREBITS: return task.creds().securebits;
    case abi::kPR_SET_SECUREBITS: return SetSecurebits(task, arg2);
    case abi::kPR_CAP_AMBIENT:
      if (arg4 != 0 || arg5 != 0) return Errno::kEINVAL;
      return CapAmbient(task, arg2, arg3);
    case abi::kPR_SET_NO_NEW_PRIVS:
      if (arg2 != 1 || !rest_zero) return Errno::kEINVAL;
      ChangeCreds(task, [](cred::Credentials& c) { c.no_new_privs = true; });
      return 0;
    case abi::kPR_GET_NO_NEW_PRIVS:
      if (arg2 != 0 || !rest_zero) return Errno::kEINVAL;
      return task.creds().no_new_privs ? 1 : 0;
    case abi::kPR_SET_CHILD_SUBREAPER: return SetSubreaper(task, arg2);
    case abi::kPR_GET_CHILD_SUBREAPER: return GetSubreaper(task, arg2);
    case abi::kPR_GET_SECCOMP: return static_cast<int64_t>(task.seccomp().mode());
    case abi::kPR_SET_SECCOMP: return PrctlSetSeccomp(task, arg2, arg3);
    case abi::kPR_SET_TIMERSLACK: return SetTimerSlack(task, arg2);
    case abi::kPR_GET_TIMERSLACK: return static_cast<int64_t>(task.scheduling().timer_slack_ns);
    case abi::kPR_GET_TIMING: return 0;  // PR_TIMING_STATISTICAL
    case abi::kPR_SET_TIMING: return arg2 == 0 ? Result<int64_t>(0) : Errno::kEINVAL;
    case abi::kPR_GET_TSC: TRY(task.memory().WriteValue<int32_t>(arg2, abi::kPR_TSC_ENABLE)); return 0;
    case abi::kPR_GET_TID_ADDRESS: TRY(task.memory().WriteValue<uint64_t>(arg2, task.clear_child_tid)); return 0;
    case abi::kPR_GET_THP_DISABLE:
      if (arg2 != 0 || !rest_zero) return Errno::kEINVAL;
      return 0;
    case abi::kPR_SET_VMA: return NameArea(task, arg2, arg3, arg4, arg5);
    case abi::kPR_GET_SPECULATION_CTRL: return 0;  // not affected, as far as a guest may know
    case abi::kPR_SET_PTRACER: return 0;           // Yama's exception list; nobody is restricted here
    default: task.kernel().unimplemented().Count("prctl", std::to_string(option)); return Errno::kEINVAL;
  }
}

}  // namespace ringwall::syscalls
