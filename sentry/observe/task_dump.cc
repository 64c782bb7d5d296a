// The task dump: what every guest thread is doing.
#include "sentry/observe/task_dump.h"

#include <string>

#include "sentry/kernel/kernel.h"
#include "sentry/task/syscall_table.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"

namespace ringwall::observe {

std::string DumpTasks(kernel::Kernel& kernel) {
  std::string text = "pid tid state cpu_ms comm call\n";
  for (const Ref<task::ThreadGroup>& group : kernel.pids().AllGroups()) {
    const auto threads = kernel.pids().ThreadsOf(*group);
    if (threads.empty()) text += std::to_string(group->pid()) + " - Z - - (not waited for)\n";
    for (const Ref<task::Task>& thread : threads) {
      text += std::to_string(group->pid()) + " " + std::to_string(thread->tid()) + " " + thread->StateLetter() + " " +
              std::to_string((thread->UserTimeNs() + thread->SystemTimeNs()) / 1'000'000) + " " + thread->comm() + " ";
      const int32_t call = thread->current_syscall();
      if (call < 0) {
        text += "(guest code)";
      } else if (call < task::kSyscallTableSize && !kernel.syscalls().rows[static_cast<size_t>(call)].name.empty()) {
        text += kernel.syscalls().rows[static_cast<size_t>(call)].name;
      } else {
        text += "number " + std::to_string(call);
      }
      text += '\n';
    }
  }
  return text;
}

}  // namespace ringwall::observe
