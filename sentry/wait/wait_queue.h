// WaitQueue and Waitable: who is told when something may have become ready. A wake-up is a hint: the woken look again.
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "base/sync/mutex.h"

namespace ringwall::wait {

// abi/poll.h's POLLIN.. = EPOLLIN.. bits.
using EventMask = uint32_t;

class WaitQueue;

// One registration in one queue. Lives in whoever waits (Task's park state, epoll item, poll set).
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  // Must not be registered any more.
  virtual ~Waiter();
  // Called with the queue's lock held (rank kWaitQueue): take only higher ranks, never call back into this queue.
  // `mask` are the events that fired, already cut down to what was asked for (errors and hang-ups always pass).
  virtual void OnEvent(EventMask mask) = 0;
  bool registered() const { return queue_ != nullptr; }

 private:
  friend class WaitQueue;
  WaitQueue* queue_ = nullptr;
  Waiter* prev_ = nullptr;
  Waiter* next_ = nullptr;
  EventMask mask_ = 0;
  bool exclusive_ = false;
};

class WaitQueue {
 public:
  WaitQueue() = default;
  ~WaitQueue();
  // Registers at the tail; exclusive waiters (EPOLLEXCLUSIVE, accept) are woken one per Notify, after all others.
  void Add(Waiter& waiter, EventMask mask, bool exclusive = false);
  // After it returns, OnEvent is not running and will not run. No-op when not registered here.
  void Remove(Waiter& waiter);
  // Calls OnEvent of every waiter whose mask meets `mask`. Callable under locks of lower rank, and from within another queue's OnEvent
  // (epoll in epoll; nesting is acyclic and at most 5 deep, so the order is the nesting order).
  void Notify(EventMask mask);
  bool empty() const { return size_hint_ == 0; }

 private:
  Mutex<LockRank::kWaitQueue> mu_;
  Waiter* head_ ABSL_GUARDED_BY(mu_) = nullptr;
  Waiter* tail_ ABSL_GUARDED_BY(mu_) = nullptr;
  std::atomic<uint32_t> size_hint_{0};  // written under mu_; read without it only to skip empty queues
};

// Something that can be polled.
class Waitable {
 public:
  virtual ~Waitable() = default;
  // The events of `mask` that hold right now.
  virtual EventMask Readiness(EventMask mask) = 0;
  // Default for objects that are always ready: no queue.
  virtual void AddWaiter(Waiter& waiter, EventMask mask, bool exclusive = false) { (void)waiter, (void)mask, (void)exclusive; }
  virtual void RemoveWaiter(Waiter& waiter) { (void)waiter; }
};

}  // namespace ringwall::wait
