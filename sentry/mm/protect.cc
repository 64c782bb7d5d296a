// mprotect(2).
#include <utility>

#include "sentry/mm/memory_manager.h"
#include "sentry/mm/page.h"

namespace ringwall::mm {

Result<void> MemoryManager::Mprotect(uint64_t address, uint64_t length, platform::Prot prot, bool grows_down, const MemoryLimits& limits,
                                     platform::GuestThread* via) {
  if (!IsPageAligned(address)) return Errno::kEINVAL;
  if (length == 0) return {};
  const uint64_t rounded = PageUp(length);
  if (rounded == 0 || address + rounded <= address) return Errno::kENOMEM;
  Range range{address, address + rounded};

  Dead dead;
  MutexLock lock(mu_);
  const Vma* first = vmas_.FindAtOrAbove(range.start);
  if (first == nullptr) return Errno::kENOMEM;
  if (grows_down) {
    // The whole area below `end`, wherever the stack has grown to (PROT_GROWSDOWN).
    if (first->start >= range.end) return Errno::kENOMEM;
    if (!first->grows_down) return Errno::kEINVAL;
    range.start = first->start;
  } else if (first->start > range.start) {
    return Errno::kENOMEM;
  }
  if (vmas_.SplitsOf(range.start, range.end) + vmas_.size() > kMaxMapCount) return Errno::kENOMEM;

  // Areas are changed one after the other until one can't be: what came before it stays changed.
  std::vector<Vma> pieces = vmas_.Pieces(range.start, range.end);
  Result<void> refused;
  uint64_t stop = range.start;
  for (const Vma& piece : pieces) {
    if (piece.start != stop) break;
    if ((prot.read && !piece.max_prot.read) || (prot.write && !piece.max_prot.write) || (prot.exec && !piece.max_prot.exec)) {
      refused = Errno::kEACCES;
      break;
    }
    if (piece.sealed) {
      refused = Errno::kEPERM;
      break;
    }
    if (prot.write && !piece.prot.write && !piece.shared && !piece.grows_down) {
      refused = MayGrowLocked(0, false, limits);
      if (refused.ok()) refused = MayGrowLocked(piece.length(), true, {.data = limits.data});
      if (!refused.ok()) break;
    }
    stop = piece.end;
  }
  if (refused.ok() && stop < range.end) refused = Errno::kENOMEM;
  if (stop > range.start) {
    const platform::MemoryOp op{
        .kind = platform::MemoryOp::Kind::kProtect, .address = range.start, .length = stop - range.start, .prot = prot};
    if (const Result<void> applied = ApplyLocked(absl::MakeConstSpan(&op, 1), via); !applied.ok()) {
      // The host may have got half way. Putting the old protections back only joins what it has just split.
      for (const Vma& piece : pieces) {
        if (piece.start >= stop) break;
        const platform::MemoryOp undo{
            .kind = platform::MemoryOp::Kind::kProtect, .address = piece.start, .length = piece.length(), .prot = piece.prot};
        (void)ApplyLocked(absl::MakeConstSpan(&undo, 1), via).ok();
      }
      return applied.error();
    }
    vmas_.Update(range.start, stop, [&](Vma& vma) { vma.prot = prot; });
  }
  return refused;
}

}  // namespace ringwall::mm
