// mmap(2) and munmap(2): where a mapping goes, what it may cost, and how it is undone.
#include <algorithm>
#include <utility>

#include "sentry/mm/memory_manager.h"
#include "sentry/mm/page.h"
#include "sentry/mm/shared_anonymous.h"

namespace ringwall::mm {
namespace {

// MAP_32BIT: the range that Linux searches.
constexpr uint64_t kBelow4gStart = 0x40000000, kBelow4gEnd = 0x80000000;

}  // namespace

Vma AreaFor(const MmapRequest& r, uint64_t address, uint64_t length, const RefPtr<Mappable>& file, const RefPtr<SharedWriter>& writer) {
  Vma vma{.start = address, .end = address + length, .prot = r.prot, .max_prot = r.max_prot, .shared = r.shared};
  vma.grows_down = r.grows_down;
  vma.no_reserve = r.no_reserve;
  vma.locked = r.locked;
  vma.file = file;
  vma.writer = writer;
  vma.offset = file ? r.offset : address;
  vma.name = r.name;
  return vma;
}

// Before the lock. The writer is counted before the descriptor is asked for: a seal that comes in between finds the count (EBUSY), one that
// was there before makes HostFile fail.
Result<MemoryManager::Backing> MemoryManager::BackingFor(const MmapRequest& r, uint64_t length) {
  Backing backing;
  if (r.file) {
    backing.file = r.file;
    const bool may_write = r.shared && r.max_prot.write;
    if (may_write) backing.writer = MakeRef<SharedWriter>(r.file.ToRef());
    backing.host = TRY(r.file->HostFile(may_write));
  } else if (r.shared) {
    const Ref<SharedAnonymous> memory = TRY(SharedAnonymous::Create(length));
    backing.file = memory;
    backing.host = TRY(memory->HostFile(true));
  }
  return backing;
}

uint64_t MemoryManager::FindRoomLocked(uint64_t length) const {
  constexpr uint64_t kBottom = platform::AddressSpace::kMinAddress;
  if (const uint64_t found = vmas_.FindGapTopDown(length, kBottom, mmap_base_)) return found;
  // Nothing left below the base: anywhere, from a third of the space upwards, as Linux's legacy layout.
  return vmas_.FindGapBottomUp(length, PageDown(space_->end() / 3), space_->end());
}

Result<uint64_t> MemoryManager::PlaceLocked(const MmapRequest& r, uint64_t length) const {
  constexpr uint64_t kMin = platform::AddressSpace::kMinAddress;
  if (r.fixed || r.fixed_no_replace) {
    if (!IsPageAligned(r.address)) return Errno::kEINVAL;
    if (r.address > space_->end() - length) return Errno::kENOMEM;
    if (r.address < kMin) return Errno::kEPERM;
    if (r.fixed_no_replace && !vmas_.Free(r.address, r.address + length)) return Errno::kEEXIST;
    return r.address;
  }
  uint64_t hint = PageDown(r.address);
  if (hint != 0) hint = std::max(hint, kMin);
  const uint64_t limit = r.below_4g ? std::min(kBelow4gEnd, space_->end()) : space_->end();
  if (hint != 0 && length <= limit && hint <= limit - length && vmas_.Free(hint, hint + length)) {
    const Vma* next = vmas_.FindAtOrAbove(hint + length);
    if (next == nullptr || !next->grows_down || next->start - (hint + length) >= kStackGuardGap) return hint;
  }
  const uint64_t found = r.below_4g ? vmas_.FindGapBottomUp(length, kBelow4gStart, limit) : FindRoomLocked(length);
  if (found == 0) return Errno::kENOMEM;
  return found;
}

Result<uint64_t> MemoryManager::Mmap(const MmapRequest& r, const MemoryLimits& limits, platform::GuestThread* via) {
  if (r.length == 0) return Errno::kEINVAL;
  const uint64_t length = PageUp(r.length);
  if (length == 0 || !MayMap(length)) return Errno::kENOMEM;
  if (!IsPageAligned(r.offset)) return Errno::kEINVAL;
  if (r.offset > uint64_t{INT64_MAX} - length) return Errno::kEOVERFLOW;
  if (r.locked && !limits.may_lock_all && limits.locked == 0) return Errno::kEPERM;
  // Sized by a guest: shared anonymous memory must fit its limit before a memfd of that size exists.
  if (limits.address_space != ~uint64_t{0} && length > limits.address_space) return Errno::kENOMEM;

  const Backing backing = TRY(BackingFor(r, length));
  Dead dead;
  MutexLock lock(mu_);
  if (vmas_.size() >= kMaxMapCount) return Errno::kENOMEM;
  const uint64_t address = TRY(PlaceLocked(r, length));
  Vma area = AreaFor(r, address, length, backing.file, backing.writer);
  area.locked |= lock_future_;
  if (area.locked) TRY(MayLockLocked(length, limits));

  uint64_t replaced = 0, replaced_data = 0;
  const bool replaces = r.fixed && !vmas_.Free(address, address + length);
  if (replaces) {
    if (SealedLocked({address, address + length})) return Errno::kEPERM;
    for (const Vma& piece : vmas_.Pieces(address, address + length)) {
      replaced += piece.length();
      if (piece.IsData()) replaced_data += piece.length();
    }
    if (vmas_.size() + vmas_.SplitsOf(address, address + length) > kMaxMapCount) return Errno::kENOMEM;
  }
  TRY(MayGrowLocked(length - replaced, false, limits));
  if (area.IsData()) TRY(MayGrowLocked(length > replaced_data ? length - replaced_data : 0, true, limits));

  platform::MemoryOp op = MapOp(area, backing.host.get());
  op.grows_down = r.grows_down;
  op.populate = r.populate || area.locked;
  const Result<void> mapped = ApplyLocked(absl::MakeConstSpan(&op, 1), via);
  if (!mapped.ok()) {
    // Short of memory, the host may have given up the old mapping before it failed. Make that certain.
    if (replaces && mapped == Errno::kENOMEM) (void)UnmapLocked({address, address + length}, via, dead).ok();
    return mapped.error();
  }
  if (replaces) Bury(dead, vmas_.Remove(address, address + length));
  InsertLocked(std::move(area));
  return address;
}

Result<void> MemoryManager::UnmapLocked(const Range& range, platform::GuestThread* via, Dead& dead) {
  if (SealedLocked(range)) return Errno::kEPERM;  // mseal(2): all of it stays
  // A hole in the middle of a VMA makes one more.
  if (vmas_.SplitsOf(range.start, range.end) == 2 && vmas_.size() >= kMaxMapCount) {
    const Vma* first = vmas_.Find(range.start);
    if (first != nullptr && first->end > range.end) return Errno::kENOMEM;
  }
  const platform::MemoryOp op = UnmapOp(range);
  TRY(ApplyLocked(absl::MakeConstSpan(&op, 1), via));
  Bury(dead, vmas_.Remove(range.start, range.end));
  return {};
}

Result<void> MemoryManager::Munmap(uint64_t address, uint64_t length, platform::GuestThread* via) {
  if (!IsPageAligned(address) || length == 0 || length > space_->end() || address > space_->end() - length) return Errno::kEINVAL;
  Range range{address, address + PageUp(length)};
  range.end = std::min(range.end, space_->end());
  // Nothing of ours is below; the host need not be asked.
  range.start = std::max(range.start, platform::AddressSpace::kMinAddress);
  if (range.start >= range.end) return {};
  Dead dead;
  MutexLock lock(mu_);
  return UnmapLocked(range, via, dead);
}

}  // namespace ringwall::mm
