// ThreadGroup: limits, handlers, and the end of a whole process.
#include "sentry/task/thread_group.h"

#include <utility>

#include "abi/poll.h"
#include "sentry/ns/pid_namespace.h"
#include "sentry/task/task.h"

namespace ringwall::task {
namespace {

// What Linux gives to init (getrlimit(2)); the container's own values come with its process.
std::array<abi::Rlimit, 16> DefaultLimits() {
  std::array<abi::Rlimit, 16> limits;
  limits.fill({abi::kRLIM_INFINITY, abi::kRLIM_INFINITY});
  limits[abi::kRLIMIT_STACK] = {8u << 20, abi::kRLIM_INFINITY};
  limits[abi::kRLIMIT_CORE] = {0, abi::kRLIM_INFINITY};
  limits[abi::kRLIMIT_NPROC] = {30000, 30000};
  limits[abi::kRLIMIT_NOFILE] = {1024, 1048576};
  limits[abi::kRLIMIT_MEMLOCK] = {8u << 20, 8u << 20};
  limits[abi::kRLIMIT_SIGPENDING] = {30000, 30000};
  limits[abi::kRLIMIT_MSGQUEUE] = {819200, 819200};
  limits[abi::kRLIMIT_NICE] = {0, 0};
  limits[abi::kRLIMIT_RTPRIO] = {0, 0};
  return limits;
}

}  // namespace

ThreadGroup::ThreadGroup(PidTable& pids, Ref<signal::SignalHandlers> handlers)
    : pids_(pids), handlers_(std::move(handlers)), siglock_(handlers_.get()), limits_(DefaultLimits()) {}

ThreadGroup::~ThreadGroup() = default;

Ref<signal::SignalHandlers> ThreadGroup::handlers() const {
  MutexLock lock(mu_);
  return handlers_;
}

void ThreadGroup::SetHandlers(Ref<signal::SignalHandlers> handlers) {
  const Ref<signal::SignalHandlers> old = this->handlers();  // outlives its lock
  MutexLock lock(mu_);
  // Whoever waits for the old lock looks again once it has it (SigLock).
  MutexLock siglock(old->mu);
  siglock_.store(handlers.get(), std::memory_order_release);
  std::swap(handlers_, handlers);
}

abi::Rlimit ThreadGroup::GetLimit(int resource) const {
  MutexLock lock(limits_mu_);
  return limits_[static_cast<size_t>(resource)];
}

void ThreadGroup::SetLimit(int resource, abi::Rlimit limit) {
  MutexLock lock(limits_mu_);
  limits_[static_cast<size_t>(resource)] = limit;
}

void ThreadGroup::RequestGroupExit(int32_t wait_status) {
  {
    MutexLock lock(mu_);
    if (group_exiting_.load(std::memory_order_relaxed)) return;
    group_exit_status_.store(wait_status, std::memory_order_relaxed);
    group_exiting_.store(true, std::memory_order_release);
  }
  for (const Ref<Task>& thread : pids_.ThreadsOf(*this)) thread->Kick();
}

wait::EventMask ThreadGroup::Readiness(wait::EventMask mask) {
  MutexLock lock(pids_.mu());
  return family_.zombie ? mask & (abi::kPOLLIN | abi::kPOLLRDNORM) : 0;
}

void ThreadGroup::NotifyChildChanged() {
  child_events_.fetch_add(1, std::memory_order_seq_cst);
  children_waitable_.queue.Notify(abi::kPOLLIN);
}

}  // namespace ringwall::task
