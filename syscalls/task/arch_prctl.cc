// arch_prctl(2).
#include "abi/arch_prctl.h"

#include "sentry/kernel/kernel.h"
#include "sentry/observe/unimplemented.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {
namespace {

// TASK_SIZE_MAX: segment bases lie in the user half (EPERM).
constexpr uint64_t kUserEnd = 0x7ffffffff000;

}  // namespace

Result<int64_t> SysArchPrctl(Task& task, int32_t code, uint64_t address) {
  arch::Registers& regs = task.regs();
  switch (code) {
    case abi::kARCH_SET_FS:
      if (address >= kUserEnd) return Errno::kEPERM;
      regs.fs_base = address;
      return 0;
    case abi::kARCH_SET_GS:
      if (address >= kUserEnd) return Errno::kEPERM;
      regs.gs_base = address;
      return 0;
    case abi::kARCH_GET_FS: TRY(task.memory().WriteValue<uint64_t>(address, regs.fs_base)); return 0;
    case abi::kARCH_GET_GS: TRY(task.memory().WriteValue<uint64_t>(address, regs.gs_base)); return 0;
    case abi::kARCH_GET_CPUID: return 1;  // the cpuid instruction works
    default:
      // Shadow stacks, AMX permission and CPUID faulting: a CPU without them says EINVAL, and libraries cope.
      task.kernel().unimplemented().Count("arch_prctl", std::to_string(code));
      return Errno::kEINVAL;
  }
}

}  // namespace ringwall::syscalls
