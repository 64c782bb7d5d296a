// BlockingPool: host threads for handlers that would block in the host (fsync, slow media). At most kThreads, made on demand, gone after a
// second without work, so that an idle sandbox keeps none.
#pragma once

#include <deque>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "base/ref/ref.h"
#include "base/sync/condition.h"
#include "base/sync/mutex.h"

namespace ringwall::task {

class Task;

class BlockingPool {
 public:
  static constexpr int kThreads = 8;
  static BlockingPool& Get();
  // Runs the task's current call again on a pool thread; the caller answers kPark for it.
  void Run(Ref<Task> task);
  // Runs anything else there. Callable under locks up to a wait queue's.
  void Call(std::function<void()> job);
  // True on a pool thread.
  static bool OnPoolThread();

 private:
  void Loop();
  Mutex<LockRank::kReady> mu_;
  CondVar<LockRank::kReady> work_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mu_);
  int threads_ ABSL_GUARDED_BY(mu_) = 0;
  int idle_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace ringwall::task
