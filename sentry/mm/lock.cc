// mlock(2), munlock(2), mlockall(2): accounting. Differs from Linux: pages are brought in, but the host may still swap them out.
#include <utility>

#include "abi/mman.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/mm/page.h"

namespace ringwall::mm {

uint64_t MemoryManager::LockedBytesLocked() const {
  uint64_t bytes = 0;
  for (const auto& [start, vma] : vmas_.areas()) bytes += vma.locked ? vma.length() : 0;
  return bytes;
}

Result<void> MemoryManager::Mlock(uint64_t address, uint64_t length, bool on_fault, const MemoryLimits& limits,
                                  platform::GuestThread* via) {
  if (!limits.may_lock_all && limits.locked == 0) return Errno::kEPERM;
  const uint64_t start = PageDown(address);
  const uint64_t rounded = PageUpOr(length > ~uint64_t{0} - (address - start) ? ~uint64_t{0} : length + (address - start), 0);
  // A length that wraps to nothing asks for nothing.
  if (rounded == 0) return {};
  if (start + rounded < start) return Errno::kEINVAL;

  MutexLock lock(mu_);
  const std::vector<Vma> pieces = vmas_.Pieces(start, start + rounded);
  if (!limits.may_lock_all && limits.locked != ~uint64_t{0}) {
    // What is locked already counts once. ENOMEM here, EAGAIN from mmap (mlock(2), ERRORS).
    uint64_t again = 0;
    for (const Vma& piece : pieces) again += piece.locked ? piece.length() : 0;
    if (!MayLockLocked(rounded - again, limits).ok()) return Errno::kENOMEM;
  }
  if (vmas_.size() + vmas_.SplitsOf(start, start + rounded) > kMaxMapCount) return Errno::kENOMEM;
  uint64_t covered = start;
  std::vector<platform::MemoryOp> ops;
  for (const Vma& piece : pieces) {
    if (piece.start != covered) break;
    covered = piece.end;
    if (piece.prot.read || piece.prot.write) {
      const int32_t advice = piece.prot.write && !piece.shared ? abi::kMADV_POPULATE_WRITE : abi::kMADV_POPULATE_READ;
      ops.push_back({.kind = platform::MemoryOp::Kind::kAdvise, .address = piece.start, .length = piece.length(), .advice = advice});
    }
  }
  if (covered > start) {
    vmas_.Update(start, covered, [](Vma& vma) { vma.locked = true; });
    // On an old host the pages come in when they are touched. What lies behind the end of a file cannot.
    if (!on_fault && !ops.empty() && ApplyLocked(ops, via) == Errno::kEFAULT) return Errno::kENOMEM;
  }
  if (covered != start + rounded) return Errno::kENOMEM;
  return {};
}

Result<void> MemoryManager::Munlock(uint64_t address, uint64_t length) {
  const uint64_t start = PageDown(address);
  const uint64_t rounded = PageUpOr(length > ~uint64_t{0} - (address - start) ? ~uint64_t{0} : length + (address - start), 0);
  // A length that wraps to nothing asks for nothing.
  if (rounded == 0) return {};
  if (start + rounded < start) return Errno::kEINVAL;
  MutexLock lock(mu_);
  if (vmas_.size() + vmas_.SplitsOf(start, start + rounded) > kMaxMapCount) return Errno::kENOMEM;
  uint64_t covered = start;
  for (const Vma& piece : vmas_.Pieces(start, start + rounded)) {
    if (piece.start != covered) break;
    covered = piece.end;
  }
  if (covered > start) vmas_.Update(start, covered, [](Vma& vma) { vma.locked = false; });
  if (covered != start + rounded) return Errno::kENOMEM;
  return {};
}

Result<void> MemoryManager::MlockAll(uint32_t flags, const MemoryLimits& limits) {
  constexpr uint32_t kAll = abi::kMCL_CURRENT | abi::kMCL_FUTURE | abi::kMCL_ONFAULT;
  if ((flags & ~kAll) != 0 || flags == abi::kMCL_ONFAULT) return Errno::kEINVAL;
  if (flags != 0 && !limits.may_lock_all && limits.locked == 0) return Errno::kEPERM;
  MutexLock lock(mu_);
  const bool current = (flags & abi::kMCL_CURRENT) != 0;
  if (current && !limits.may_lock_all && limits.locked != ~uint64_t{0} && vmas_.TotalBytes() > PageDown(limits.locked))
    return Errno::kENOMEM;
  lock_future_ = (flags & abi::kMCL_FUTURE) != 0;
  if (flags == 0 || current) {
    vmas_.Update(0, space_->end(), [&](Vma& vma) { vma.locked = current; });
  }
  return {};
}

}  // namespace ringwall::mm
