// WaitQueue: registration and notification.
#include "sentry/wait/wait_queue.h"

#include "abi/poll.h"
#include "base/log/check.h"

namespace ringwall::wait {

Waiter::~Waiter() { CHECK(queue_ == nullptr); }

WaitQueue::~WaitQueue() {
  // Whoever owns the queue keeps it alive for its waiters: they hold a reference to the owner.
  CHECK(head_ == nullptr);
}

void WaitQueue::Add(Waiter& waiter, EventMask mask, bool exclusive) {
  MutexLockNested lock(mu_);
  CHECK(waiter.queue_ == nullptr);
  waiter.queue_ = this;
  waiter.mask_ = mask | abi::kPOLLERR | abi::kPOLLHUP;
  waiter.exclusive_ = exclusive;
  waiter.prev_ = tail_;
  waiter.next_ = nullptr;
  if (tail_ != nullptr) tail_->next_ = &waiter;
  tail_ = &waiter;
  if (head_ == nullptr) head_ = &waiter;
  size_hint_.fetch_add(1, std::memory_order_seq_cst);
}

void WaitQueue::Remove(Waiter& waiter) {
  MutexLockNested lock(mu_);
  if (waiter.queue_ != this) return;
  (waiter.prev_ != nullptr ? waiter.prev_->next_ : head_) = waiter.next_;
  (waiter.next_ != nullptr ? waiter.next_->prev_ : tail_) = waiter.prev_;
  waiter.queue_ = nullptr;
  waiter.prev_ = waiter.next_ = nullptr;
  size_hint_.fetch_sub(1, std::memory_order_seq_cst);
}

void WaitQueue::Notify(EventMask mask) {
  if (empty()) return;
  MutexLockNested lock(mu_);
  Waiter* first_exclusive = nullptr;
  for (Waiter* w = head_; w != nullptr; w = w->next_) {
    const EventMask fired = mask & w->mask_;
    if (fired == 0) continue;
    if (w->exclusive_) {
      if (first_exclusive == nullptr) first_exclusive = w;
      continue;
    }
    w->OnEvent(fired);
  }
  if (first_exclusive != nullptr) first_exclusive->OnEvent(mask & first_exclusive->mask_);
}

}  // namespace ringwall::wait
