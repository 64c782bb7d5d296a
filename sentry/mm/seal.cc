// mseal(2): areas that keep their place, pages and protection until the process ends or executes.
#include "sentry/mm/memory_manager.h"
#include "sentry/mm/page.h"

namespace ringwall::mm {

Result<void> MemoryManager::Mseal(uint64_t address, uint64_t length) {
  if (!IsPageAligned(address)) return Errno::kEINVAL;
  const uint64_t rounded = PageUp(length);
  if ((length != 0 && rounded == 0) || address + rounded < address) return Errno::kEINVAL;
  if (rounded == 0) return {};
  const Range range{address, address + rounded};
  MutexLock lock(mu_);
  if (!vmas_.Covers(range.start, range.end)) return Errno::kENOMEM;
  if (vmas_.size() + vmas_.SplitsOf(range.start, range.end) > kMaxMapCount) return Errno::kENOMEM;
  has_seals_ = true;
  vmas_.Update(range.start, range.end, [](Vma& vma) { vma.sealed = true; });
  return {};
}

bool MemoryManager::SealedLocked(const Range& range) const {
  if (!has_seals_) return false;
  const auto& areas = vmas_.areas();
  const Vma* first = vmas_.FindAtOrAbove(range.start);
  if (first == nullptr) return false;
  for (auto it = areas.find(first->start); it != areas.end() && it->second.start < range.end; ++it) {
    if (it->second.sealed) return true;
  }
  return false;
}

}  // namespace ringwall::mm
