// Destroys chains of objects without recursion: a guest can make a directory tree as deep as it likes, and each directory owns its parent
// (dentries) or its children (inodes), so plain nested destructors would let it choose the depth of our stack.
#pragma once

#include <utility>
#include <vector>

#include "base/ref/ref.h"

namespace ringwall::vfs {

class FlatDelete {
 public:
  using Destroy = void (*)(const RefCounted*);
  // Runs destroy(object), or queues it when this thread is already inside Run.
  static void Run(const RefCounted* object, Destroy destroy) {
    thread_local std::vector<std::pair<const RefCounted*, Destroy>> queue;
    thread_local bool running = false;
    if (running) {
      queue.emplace_back(object, destroy);
      return;
    }
    running = true;
    destroy(object);
    while (!queue.empty()) {
      const auto [next, next_destroy] = queue.back();
      queue.pop_back();
      next_destroy(next);
    }
    running = false;
    if (queue.capacity() > 1024) std::vector<std::pair<const RefCounted*, Destroy>>().swap(queue);
  }
};

}  // namespace ringwall::vfs
