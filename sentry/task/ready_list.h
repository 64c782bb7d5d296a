// ReadyList: the tasks that became ready while this worker handled an event. The worker that fired an event runs the woken task's call
// itself, after its own handler, with no locks held (DESIGN section 6): no thread-to-thread wake-up.
#pragma once

#include <deque>

#include "base/ref/ref.h"

namespace ringwall::task {

class Task;

class ReadyList {
 public:
  // Becomes the calling thread's list unless it has one already (nested events do not drain).
  ReadyList();
  ~ReadyList();
  ReadyList(const ReadyList&) = delete;
  ReadyList& operator=(const ReadyList&) = delete;

  // The calling thread's list, or null when it is not inside an event.
  static ReadyList* Current();
  bool outermost() const { return outermost_; }
  void Push(Ref<Task> task);
  RefPtr<Task> Pop();

 private:
  const bool outermost_;
  std::deque<Ref<Task>> tasks_;
};

}  // namespace ringwall::task
