// exit(2), exit_group(2) and what death means for the family: zombies, orphans, SIGCHLD.
#pragma once

#include <cstdint>

#include "sentry/task/thread_group.h"

namespace ringwall::kernel {
class Kernel;
}

namespace ringwall::task {

class Task;

class ExitPath {
 public:
  // The last thing a task does, on its own worker with no locks held: gives its parts back, and when it was the last thread, ends the
  // process. The guest thread is destroyed: the caller answers kExit.
  static void Run(Task& task);
  // Removes a zombie for good: its parent has waited, or ignores its children.
  static void Reap(ThreadGroup& group);

 private:
  static void EndProcess(Task& last);
  // The process becomes a zombie, and its family learns of it.
  static void TellEnd(kernel::Kernel& kernel, ThreadGroup& group, int32_t status);
  static void ReparentChildren(ThreadGroup& group);
};

}  // namespace ringwall::task
