// brk(2): the heap. The kernel's form never fails: it returns where the break is.
#include <utility>

#include "sentry/mm/memory_manager.h"
#include "sentry/mm/page.h"

namespace ringwall::mm {

uint64_t MemoryManager::Brk(uint64_t address, const MemoryLimits& limits, platform::GuestThread* via) {
  Dead dead;
  MutexLock lock(mu_);
  const uint64_t old = layout_.brk;
  if (address < layout_.start_brk || address >= space_->end()) return old;
  // RLIMIT_DATA counts initialised data too (setrlimit(2)).
  if (limits.data != ~uint64_t{0}) {
    const uint64_t data = layout_.end_data - layout_.start_data;
    if (data > limits.data || address - layout_.start_brk > limits.data - data) return old;
  }
  const uint64_t old_end = PageUp(old), new_end = PageUp(address);
  if (new_end < old_end) {
    if (!UnmapLocked({new_end, old_end}, via, dead).ok()) return old;
  } else if (new_end > old_end) {
    const uint64_t length = new_end - old_end;
    if (new_end > space_->end() || vmas_.size() >= kMaxMapCount) return old;
    // One page stays free, and the guard gap below a stack.
    if (!vmas_.Free(old_end, new_end + kPageSize)) return old;
    const Vma* next = vmas_.FindAtOrAbove(new_end);
    if (next != nullptr && next->grows_down && next->start - new_end < kStackGuardGap) return old;
    if (!MayGrowLocked(length, false, limits).ok() || !MayGrowLocked(length, true, {.data = limits.data}).ok()) return old;
    if (lock_future_ && !MayLockLocked(length, limits).ok()) return old;
    Vma heap{.start = old_end, .end = new_end, .prot = {.read = true, .write = true}};
    heap.offset = old_end;
    heap.name = "[heap]";
    heap.locked = lock_future_;
    platform::MemoryOp op = MapOp(heap, nullptr);
    op.populate = heap.locked;
    if (!ApplyLocked(absl::MakeConstSpan(&op, 1), via).ok()) return old;
    InsertLocked(std::move(heap));
  }
  layout_.brk = address;
  return address;
}

}  // namespace ringwall::mm
