// BlockingPool: threads that may block in the host.
#include "sentry/task/blocking_pool.h"

#include <chrono>
#include <thread>
#include <utility>

#include "sentry/task/task.h"

namespace ringwall::task {
namespace {

thread_local bool on_pool_thread = false;
constexpr std::chrono::seconds kIdle{1};

}  // namespace

BlockingPool& BlockingPool::Get() {
  static BlockingPool* const pool = new BlockingPool;
  return *pool;
}

bool BlockingPool::OnPoolThread() { return on_pool_thread; }

void BlockingPool::Run(Ref<Task> task) {
  Call([task = std::move(task)] { task->RunOnBlockingThread(); });
}

void BlockingPool::Call(std::function<void()> job) {
  bool start = false;
  {
    MutexLock lock(mu_);
    queue_.push_back(std::move(job));
    if (idle_ < static_cast<int>(queue_.size()) && threads_ < kThreads) {
      ++threads_;
      start = true;
    }
  }
  if (start) {
    std::thread([this] { Loop(); }).detach();
  } else {
    work_.NotifyOne();
  }
}

void BlockingPool::Loop() {
  on_pool_thread = true;
  for (;;) {
    std::function<void()> job;
    {
      MutexLock lock(mu_);
      ++idle_;
      const bool work = work_.WaitFor(mu_, kIdle, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !queue_.empty(); });
      --idle_;
      if (!work) {
        --threads_;
        return;
      }
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job();
  }
}

}  // namespace ringwall::task
