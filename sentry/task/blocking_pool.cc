// BlockingPool: threads that may block in the host.
#include "sentry/task/blocking_pool.h"

#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "sentry/task/task.h"

namespace ringwall::task {
namespace {

thread_local bool on_pool_thread = false;
constexpr absl::Duration kIdle = absl::Seconds(1);

}  // namespace

BlockingPool& BlockingPool::Get() {
  static BlockingPool* const pool = new BlockingPool;
  return *pool;
}

bool BlockingPool::OnPoolThread() { return on_pool_thread; }

void BlockingPool::Run(Ref<Task> task) {
  bool start = false;
  {
    absl::MutexLock lock(&mu_);
    queue_.push_back(std::move(task));
    if (idle_ < static_cast<int>(queue_.size()) && threads_ < kThreads) {
      ++threads_;
      start = true;
    }
  }
  if (start) std::thread([this] { Loop(); }).detach();
}

void BlockingPool::Loop() {
  on_pool_thread = true;
  for (;;) {
    RefPtr<Task> task;
    {
      absl::MutexLock lock(&mu_);
      ++idle_;
      auto has_work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !queue_.empty(); };
      const bool work = mu_.AwaitWithTimeout(absl::Condition(&has_work), kIdle);
      --idle_;
      if (!work) {
        --threads_;
        return;
      }
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    task->RunOnBlockingThread();
  }
}

}  // namespace ringwall::task
