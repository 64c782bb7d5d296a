// clone(2), clone3(2), fork(2), vfork(2).
#pragma once

#include <cstdint>
#include <vector>

#include "base/error/result.h"
#include "sentry/task/task.h"

namespace ringwall::task {

struct CloneRequest {
  uint64_t flags = 0;  // CLONE_* without the signal byte
  int32_t exit_signal = 0;
  uint64_t stack_pointer = 0;      // 0: the parent's
  uint64_t parent_tid = 0;         // CLONE_PARENT_SETTID
  uint64_t child_tid = 0;          // CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID
  uint64_t tls = 0;                // CLONE_SETTLS
  uint64_t pidfd = 0;              // CLONE_PIDFD: where its number goes
  std::vector<int32_t> set_tid{};  // clone3(2): the child's numbers, in the innermost pid namespace first
};

// The rules on flag combinations: EINVAL.
Result<void> CheckCloneFlags(Task& task, const CloneRequest& request);
// Makes the child and starts it; the child's tid. With CLONE_VFORK the caller parks until the child execs or exits.
Result<int32_t> Clone(Task& task, const CloneRequest& request);
// Releases a parent that waits for `child` in vfork. Called when the child execs or exits.
void FinishVfork(Task& child);

// Makes the open file for CLONE_PIDFD and pidfd_open(2); the anon file room sets it at boot.
using PidfdFactory = Result<Ref<vfs::File>> (*)(Context& ctx, Ref<ThreadGroup> group, uint32_t flags);
void SetPidfdFactory(PidfdFactory factory);
Result<Ref<vfs::File>> MakePidfd(Context& ctx, Ref<ThreadGroup> group, uint32_t flags);

}  // namespace ringwall::task
