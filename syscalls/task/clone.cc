// clone(2), clone3(2), fork(2), vfork(2).
#include "abi/clone.h"
#include "sentry/task/clone.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {

Result<int32_t> SysFork(Task& task) { return task::Clone(task, {.exit_signal = abi::kSIGCHLD}); }

Result<int32_t> SysVfork(Task& task) {
  return task::Clone(task, {.flags = abi::kCLONE_VM | abi::kCLONE_VFORK, .exit_signal = abi::kSIGCHLD});
}

Result<int32_t> SysClone(Task& task, uint64_t flags, UserAddr stack, UserAddr parent_tid, UserAddr child_tid, uint64_t tls) {
  // The upper half of the register is ignored, and bits that only clone3 knows can't be asked for.
  flags &= 0xffffffff;
  if ((flags & abi::kCLONE_PIDFD) != 0 && (flags & abi::kCLONE_PARENT_SETTID) != 0) return Errno::kEINVAL;
  task::CloneRequest request{.flags = flags & ~abi::kCSIGNAL,
                             .exit_signal = static_cast<int32_t>(flags & abi::kCSIGNAL),
                             .stack_pointer = stack.value,
                             .parent_tid = parent_tid.value,
                             .child_tid = child_tid.value,
                             .tls = tls,
                             .pidfd = parent_tid.value};
  if (request.exit_signal > abi::kNumSignals) return Errno::kEINVAL;
  return task::Clone(task, request);
}

Result<int32_t> SysClone3(Task& task, UserAddr args, uint64_t size) {
  if (size < abi::kCLONE_ARGS_SIZE_VER0) return Errno::kEINVAL;
  if (size > 4096) return Errno::kE2BIG;
  abi::CloneArgs a;
  const size_t known = std::min<uint64_t>(size, sizeof(a));
  TRY(task.memory().Read(args.value, absl::Span<std::byte>(reinterpret_cast<std::byte*>(&a), known)));
  // Bytes that we don't know must be zero: E2BIG tells a newer program that we are older.
  for (uint64_t at = known; at < size; ++at) {
    const uint8_t unknown = TRY(task.memory().ReadValue<uint8_t>(args.value + at));
    if (unknown != 0) return Errno::kE2BIG;
  }
  if (a.exit_signal > static_cast<uint64_t>(abi::kNumSignals)) return Errno::kEINVAL;
  if ((a.flags & (abi::kCSIGNAL | abi::kCLONE_DETACHED)) != 0) return Errno::kEINVAL;
  if ((a.flags & (abi::kCLONE_THREAD | abi::kCLONE_PARENT)) != 0 && a.exit_signal != 0) return Errno::kEINVAL;
  if ((a.stack == 0) != (a.stack_size == 0)) return Errno::kEINVAL;
  if (a.stack + a.stack_size < a.stack) return Errno::kEINVAL;
  if ((a.set_tid == 0) != (a.set_tid_size == 0) || a.set_tid_size > abi::kMAX_PID_NS_LEVEL) return Errno::kEINVAL;
  std::vector<int32_t> set_tid(a.set_tid_size);
  if (!set_tid.empty()) TRY(task.memory().ReadArray<int32_t>(a.set_tid, absl::MakeSpan(set_tid)));
  return task::Clone(task, {.flags = a.flags,
                            .exit_signal = static_cast<int32_t>(a.exit_signal),
                            .stack_pointer = a.stack == 0 ? 0 : a.stack + a.stack_size,
                            .parent_tid = a.parent_tid,
                            .child_tid = a.child_tid,
                            .tls = a.tls,
                            .pidfd = a.pidfd,
                            .set_tid = std::move(set_tid)});
}

}  // namespace ringwall::syscalls
