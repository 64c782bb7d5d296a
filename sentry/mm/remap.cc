// mremap(2): shrink, grow in place, move, move to a fixed place, leave an empty mapping behind, duplicate a shared one.
#include <algorithm>
#include <utility>

#include "abi/mman.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/mm/page.h"

namespace ringwall::mm {
namespace {

// Moves `length` bytes at `from` to `to`, where they become new_length long. The host may keep in several areas what is one here: pages
// that were moved and pages that were mapped beside them later don't join. Its mremap(2) takes one area at a time and says EFAULT to more:
// then the halves move alone.
template <typename Apply>
Result<void> MoveInPieces(uint64_t from, uint64_t length, uint64_t to, uint64_t new_length, const Apply& apply) {
  platform::MemoryOp op{.kind = platform::MemoryOp::Kind::kMove, .address = to, .length = new_length};
  op.from = from;
  op.from_length = length;
  Result<void> moved = apply(op);
  if (moved.ok() || moved.error() != Errno::kEFAULT || length <= kPageSize) return moved;
  const uint64_t half = PageUp(length / 2);
  TRY(MoveInPieces(from, half, to, half, apply));
  Result<void> rest = MoveInPieces(from + half, length - half, to + half, new_length - half, apply);
  // The first half goes back, so that the call has done nothing.
  if (!rest.ok()) (void)MoveInPieces(to, half, from, half, apply).ok();
  return rest;
}

}  // namespace

Result<void> MemoryManager::MayResizeLocked(const Vma& vma, const Range& old, uint64_t new_size, const MemoryLimits& limits) const {
  if (old.start == old.end && !vma.shared) return Errno::kEINVAL;
  if (old.end > vma.end) return Errno::kEFAULT;
  if (new_size <= old.length()) return {};
  if (vma.file && vma.offset + (old.start - vma.start) > uint64_t{INT64_MAX} - new_size) return Errno::kEINVAL;
  const uint64_t more = new_size - old.length();
  if (vma.locked) TRY(MayLockLocked(more, limits));
  TRY(MayGrowLocked(more, false, limits));
  if (vma.IsData()) TRY(MayGrowLocked(more, true, limits));
  return {};
}

Result<uint64_t> MemoryManager::Mremap(uint64_t old_address, uint64_t old_size, uint64_t new_size, uint32_t flags, uint64_t new_address,
                                       const MemoryLimits& limits, platform::GuestThread* via) {
  const bool may_move = (flags & abi::kMREMAP_MAYMOVE) != 0, fixed = (flags & abi::kMREMAP_FIXED) != 0;
  const bool dont_unmap = (flags & abi::kMREMAP_DONTUNMAP) != 0;
  if ((flags & ~uint32_t{abi::kMREMAP_MAYMOVE | abi::kMREMAP_FIXED | abi::kMREMAP_DONTUNMAP}) != 0) return Errno::kEINVAL;
  if ((fixed || dont_unmap) && !may_move) return Errno::kEINVAL;
  if (dont_unmap && old_size != new_size) return Errno::kEINVAL;
  if (!IsPageAligned(old_address)) return Errno::kEINVAL;
  old_size = PageUpOr(old_size, ~uint64_t{0});
  new_size = PageUpOr(new_size, ~uint64_t{0});
  if (new_size == 0 || new_size > space_->end()) return Errno::kEINVAL;
  if (fixed) {
    if (!IsPageAligned(new_address) || new_address > space_->end() - new_size) return Errno::kEINVAL;
    if (old_address < new_address + new_size && new_address < old_address + old_size) return Errno::kEINVAL;
  }
  if (!MayMap(new_size)) return Errno::kENOMEM;
  if (old_address >= space_->end() || old_size > space_->end() - old_address) return Errno::kEFAULT;
  const Range old{old_address, old_address + old_size};

  // A file's descriptor is asked for without the lock; whoever changes the mapping meanwhile has raced, and gets EFAULT.
  RefPtr<Mappable> file;
  RefPtr<SharedFd> host;
  bool writer = false;
  {
    MutexLock lock(mu_);
    const Vma* vma = vmas_.Find(old_address);
    if (vma == nullptr) return Errno::kEFAULT;
    file = vma->file;
    writer = vma->writer.get() != nullptr;
  }
  if (file) host = TRY(file->HostFile(writer));

  Dead dead;
  Vma vma;  // outlives the lock: it may hold the last reference to the file
  MutexLock lock(mu_);
  {
    const Vma* found = vmas_.Find(old_address);
    if (found == nullptr || !(found->file == file)) return Errno::kEFAULT;
    if (found->sealed) return Errno::kEPERM;
    vma = *found;
  }
  if (fixed || dont_unmap) return MremapToLocked(vma, old, new_size, flags, new_address, host.get(), limits, via, dead);

  if (old_size >= new_size) {
    if (old_size > new_size) TRY(UnmapLocked({old.start + new_size, old.end}, via, dead));
    return old.start;
  }
  TRY(MayResizeLocked(vma, old, new_size, limits));

  // In place, when the area ends here and there is room behind it.
  if (old_size != 0 && old.end == vma.end && new_size <= space_->end() - old.start && vmas_.Free(old.end, old.start + new_size)) {
    Vma more = vma;
    more.start = old.end;
    more.end = old.start + new_size;
    more.offset = vma.offset + vma.length();
    platform::MemoryOp op = MapOp(more, host.get());
    op.populate = more.locked;
    TRY(ApplyLocked(absl::MakeConstSpan(&op, 1), via));
    InsertLocked(std::move(more));
    return old.start;
  }
  if (!may_move) return Errno::kENOMEM;
  const uint64_t room = FindRoomLocked(new_size);
  if (room == 0) return Errno::kENOMEM;
  return MremapToLocked(vma, old, new_size, flags | abi::kMREMAP_FIXED, room, host.get(), limits, via, dead);
}

// Moves (or, for an empty old range and MREMAP_DONTUNMAP, copies) to new_address.
Result<uint64_t> MemoryManager::MremapToLocked(const Vma& vma, const Range& old, uint64_t new_size, uint32_t flags, uint64_t new_address,
                                               SharedFd* host, const MemoryLimits& limits, platform::GuestThread* via, Dead& dead) {
  const bool fixed = (flags & abi::kMREMAP_FIXED) != 0, dont_unmap = (flags & abi::kMREMAP_DONTUNMAP) != 0;
  Range from = old;
  if (fixed) {
    if (!IsPageAligned(new_address) || new_size > space_->end() || new_address > space_->end() - new_size) return Errno::kEINVAL;
    if (old.start < new_address + new_size && new_address < old.end) return Errno::kEINVAL;
    if (new_address < platform::AddressSpace::kMinAddress) return Errno::kEPERM;
  }
  // Cutting both ranges out may cost a few areas (mremap(2), ENOMEM).
  if (vmas_.size() + 4 > kMaxMapCount) return Errno::kENOMEM;
  if (fixed) {
    if (!vmas_.Free(new_address, new_address + new_size)) TRY(UnmapLocked({new_address, new_address + new_size}, via, dead));
    if (from.length() > new_size) {
      TRY(UnmapLocked({from.start + new_size, from.end}, via, dead));
      from.end = from.start + new_size;
    }
  }
  // Differs from Linux: a private file mapping can't leave an unpopulated twin behind.
  if (dont_unmap && vma.file && !vma.shared) return Errno::kEINVAL;
  TRY(MayResizeLocked(vma, from, new_size, limits));
  if (dont_unmap) TRY(MayGrowLocked(new_size, vma.IsData(), limits));
  if (!fixed) {
    // DONTUNMAP: the address is a hint.
    const uint64_t hint = PageDown(new_address);
    const bool usable = hint >= platform::AddressSpace::kMinAddress && new_size <= space_->end() && hint <= space_->end() - new_size &&
                        vmas_.Free(hint, hint + new_size);
    new_address = usable ? hint : FindRoomLocked(new_size);
    if (new_address == 0) return Errno::kENOMEM;
  }

  Vma moved = vma;
  moved.start = new_address;
  moved.end = new_address + new_size;
  moved.offset = vma.offset + (from.start - vma.start);
  if (from.start == from.end || (dont_unmap && vma.shared)) {
    // A second view of the same pages.
    const platform::MemoryOp op = MapOp(moved, host);
    TRY(ApplyLocked(absl::MakeConstSpan(&op, 1), via));
    InsertLocked(std::move(moved));
    return new_address;
  }
  Vma left = vma;
  left.start = from.start;
  left.end = from.end;
  left.offset = from.start;
  left.locked = false;
  TRY(MoveInPieces(from.start, from.length(), new_address, new_size, [&](const platform::MemoryOp& op) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return ApplyLocked(absl::MakeConstSpan(&op, 1), via);
  }));
  Bury(dead, vmas_.Remove(from.start, from.end));
  InsertLocked(std::move(moved));
  if (dont_unmap) {
    // The pages have moved. Without their old range back the call has failed, as a munmap of it would look.
    const platform::MemoryOp op = MapOp(left, nullptr);
    TRY(ApplyLocked(absl::MakeConstSpan(&op, 1), via));
    InsertLocked(std::move(left));
  }
  return new_address;
}

}  // namespace ringwall::mm
