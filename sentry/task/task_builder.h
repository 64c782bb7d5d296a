// TaskBuilder: puts the parts of a new task together and publishes it in the pid table. Used by clone and by Kernel::CreateProcess.
#pragma once

#include <memory>

#include "base/error/result.h"
#include "sentry/task/clone.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"

namespace ringwall::task {

class TaskBuilder {
 public:
  static void SetThread(Task& task, std::unique_ptr<platform::GuestThread> thread);
  static void SetBlocked(Task& task, abi::SigSet mask) { task.blocked_.store(mask, std::memory_order_relaxed); }
  static void SetVforkParent(Task& child, Ref<Task> parent) {
    MutexLock lock(child.mu_);
    child.vfork_parent_ = std::move(parent);
  }
  static RefPtr<Task> TakeVforkParent(Task& child);
  static void SetPid(ThreadGroup& group, int32_t pid) { group.pid_ = pid; }
  static void SetPidNamespace(ThreadGroup& group, ns::PidNamespace& ns);
  // Pid 1 without an init's protection from signals.
  static void SetOrdinary(ThreadGroup& group) { group.init_unprotected_.store(true, std::memory_order_relaxed); }
  // Adds the task to its group and both to the table, with `parent` (null for the first process) and a process group. The table keeps one
  // reference to each. EAGAIN when the group is exiting.
  static Result<void> Publish(Task& task, ThreadGroup* parent, RefPtr<ProcessGroup> process_group);
  // A child of `caller` (or of its parent, CLONE_PARENT), in caller's process group.
  static Result<void> PublishChild(Task& task, Task& caller, bool as_sibling);

 private:
  static Result<void> PublishLocked(PidTable& pids, Task& task, ThreadGroup* parent, RefPtr<ProcessGroup> process_group)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(pids.mu());
};

}  // namespace ringwall::task
