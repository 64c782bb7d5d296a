// Notification: one thread tells another once that something has happened.
#pragma once

#include <atomic>

namespace ringwall {

class Notification {
 public:
  Notification() = default;
  Notification(const Notification&) = delete;
  Notification& operator=(const Notification&) = delete;

  bool HasBeenNotified() const { return done_.load(std::memory_order_acquire); }
  void WaitForNotification() const { done_.wait(false, std::memory_order_acquire); }
  // Once.
  void Notify() {
    done_.store(true, std::memory_order_release);
    done_.notify_all();
  }

 private:
  std::atomic<bool> done_{false};
};

}  // namespace ringwall
