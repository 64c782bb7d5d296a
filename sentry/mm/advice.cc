// madvise(2), msync(2), mincore(2), prctl(PR_SET_VMA_ANON_NAME).
#include <algorithm>
#include <utility>

#include "abi/mman.h"
#include "sentry/mm/memory_file.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/mm/page.h"

namespace ringwall::mm {
namespace {

// What an advice does: known values only.
enum class Effect : uint8_t { kInvalid, kHint, kHost, kFlag };

Effect EffectOf(int32_t advice) {
  switch (advice) {
    case abi::kMADV_NORMAL:
    case abi::kMADV_RANDOM:
    case abi::kMADV_SEQUENTIAL: return Effect::kHint;
    case abi::kMADV_WILLNEED:
    case abi::kMADV_DONTNEED:
    case abi::kMADV_DONTNEED_LOCKED:
    case abi::kMADV_FREE:
    case abi::kMADV_REMOVE:
    case abi::kMADV_HUGEPAGE:
    case abi::kMADV_NOHUGEPAGE:
    case abi::kMADV_COLD:
    case abi::kMADV_PAGEOUT:
    case abi::kMADV_POPULATE_READ:
    case abi::kMADV_POPULATE_WRITE: return Effect::kHost;
    case abi::kMADV_DONTFORK:
    case abi::kMADV_DOFORK:
    case abi::kMADV_WIPEONFORK:
    case abi::kMADV_KEEPONFORK:
    case abi::kMADV_DONTDUMP:
    case abi::kMADV_DODUMP: return Effect::kFlag;
    default: return Effect::kInvalid;  // as a Linux without KSM, memory failure injection and guard pages
  }
}

// What mseal(2) keeps others from doing with memory that they may only read: advice that throws its contents away.
bool Discards(int32_t advice) {
  return advice == abi::kMADV_FREE || advice == abi::kMADV_DONTNEED || advice == abi::kMADV_DONTNEED_LOCKED ||
         advice == abi::kMADV_REMOVE || advice == abi::kMADV_DONTFORK || advice == abi::kMADV_WIPEONFORK;
}

Result<void> Check(const Vma& vma, int32_t advice) {
  if (vma.sealed && Discards(advice) && !vma.prot.write && !vma.shared) return Errno::kEPERM;
  switch (advice) {
    case abi::kMADV_DONTNEED:
    case abi::kMADV_COLD:
    case abi::kMADV_PAGEOUT:
      if (vma.locked) return Errno::kEINVAL;
      return {};
    case abi::kMADV_FREE:
      if (vma.locked || !vma.anonymous()) return Errno::kEINVAL;
      return {};
    case abi::kMADV_REMOVE:
      if (vma.locked || vma.anonymous()) return Errno::kEINVAL;
      if (!vma.shared || !vma.prot.write) return Errno::kEACCES;
      return {};
    case abi::kMADV_WIPEONFORK:
      if (!vma.anonymous()) return Errno::kEINVAL;
      return {};
    default: return {};
  }
}

void SetFlag(Vma& vma, int32_t advice) {
  switch (advice) {
    case abi::kMADV_DONTFORK: vma.dont_fork = true; break;
    case abi::kMADV_DOFORK: vma.dont_fork = false; break;
    case abi::kMADV_WIPEONFORK: vma.wipe_on_fork = true; break;
    case abi::kMADV_KEEPONFORK: vma.wipe_on_fork = false; break;
    case abi::kMADV_DONTDUMP: vma.dont_dump = true; break;
    case abi::kMADV_DODUMP: vma.dont_dump = false; break;
    default: break;
  }
}

// The host answers EINVAL where it was built without huge pages or is too old for the advice; hints must not fail then.
bool IsOnlyAHint(int32_t advice) {
  return advice == abi::kMADV_HUGEPAGE || advice == abi::kMADV_NOHUGEPAGE || advice == abi::kMADV_COLD || advice == abi::kMADV_PAGEOUT ||
         advice == abi::kMADV_WILLNEED;
}

}  // namespace

Result<void> MemoryManager::Madvise(uint64_t address, uint64_t length, int32_t advice, platform::GuestThread* via) {
  const Effect effect = EffectOf(advice);
  if (effect == Effect::kInvalid || !IsPageAligned(address)) return Errno::kEINVAL;
  const uint64_t rounded = PageUp(length);
  if ((length != 0 && rounded == 0) || address + rounded < address) return Errno::kEINVAL;
  if (rounded == 0) return {};
  const Range range{address, address + rounded};

  // Parts go one after the other; a hole makes the call fail in the end, after all mapped parts have been advised.
  MutexLock lock(mu_);
  if (effect == Effect::kFlag && vmas_.size() + vmas_.SplitsOf(range.start, range.end) > kMaxMapCount) return Errno::kENOMEM;
  Result<void> result;
  uint64_t covered = range.start;
  std::vector<platform::MemoryOp> ops;
  std::vector<Vma> pieces = vmas_.Pieces(range.start, range.end);
  uint64_t stop = range.end;
  for (const Vma& piece : pieces) {
    if (piece.start != covered) result = Errno::kENOMEM;
    if (const Result<void> allowed = Check(piece, advice); !allowed.ok()) {
      result = allowed.error();
      stop = piece.start;
      break;
    }
    covered = piece.end;
    if (effect != Effect::kHost) continue;
    if (!ops.empty() && ops.back().address + ops.back().length == piece.start) {
      ops.back().length += piece.length();
    } else {
      ops.push_back({.kind = platform::MemoryOp::Kind::kAdvise, .address = piece.start, .length = piece.length(), .advice = advice});
    }
  }
  if (stop == range.end && covered != range.end) result = Errno::kENOMEM;
  if (!ops.empty()) {
    const Result<void> applied = ApplyLocked(ops, via);
    if (!applied.ok() && !(IsOnlyAHint(advice) && applied == Errno::kEINVAL)) return applied.error();
  }
  if (effect == Effect::kFlag && stop > range.start) {
    vmas_.Update(range.start, stop, [&](Vma& vma) { SetFlag(vma, advice); });
  }
  return result;
}

Result<void> MemoryManager::Msync(uint64_t address, uint64_t length, int32_t flags, platform::GuestThread*) {
  constexpr uint32_t kAll = abi::kMS_ASYNC | abi::kMS_INVALIDATE | abi::kMS_SYNC;
  const uint32_t f = static_cast<uint32_t>(flags);
  if ((f & ~kAll) != 0 || !IsPageAligned(address)) return Errno::kEINVAL;
  if ((f & abi::kMS_ASYNC) != 0 && (f & abi::kMS_SYNC) != 0) return Errno::kEINVAL;
  const uint64_t rounded = PageUp(length);
  if (rounded == 0) return {};
  if (address + rounded < address) return Errno::kENOMEM;

  std::vector<Vma> pieces;
  {
    MutexLock lock(mu_);
    pieces = vmas_.Pieces(address, address + rounded);
  }
  Result<void> result;
  uint64_t covered = address;
  for (const Vma& piece : pieces) {
    if (piece.start != covered) result = Errno::kENOMEM;
    covered = piece.end;
    if ((f & abi::kMS_INVALIDATE) != 0 && piece.locked) return Errno::kEBUSY;
    if ((f & abi::kMS_SYNC) == 0 || !piece.file || !piece.shared) continue;
    // The host's page cache is what the guest has written to; only its way to the disk is left.
    const Ref<SharedFd> host = TRY(piece.file->HostFile(piece.writer.get() != nullptr));
    TRY(SyncMappedFile(*host, true));
  }
  if (covered != address + rounded) result = Errno::kENOMEM;
  return result;
}

Result<void> MemoryManager::Mincore(uint64_t address, uint64_t length, uint64_t vector, platform::GuestThread* via) {
  if (!IsPageAligned(address)) return Errno::kEINVAL;
  if (address >= space_->end() || length > space_->end() - address) return Errno::kENOMEM;
  uint64_t pages = PageUp(length) / kPageSize;
  if (pages > space_->end() || vector > space_->end() - pages) return Errno::kEFAULT;
  UserMemory memory(space_.get(), via);
  // A page of answers at a time, as Linux: what was written before an error stays.
  uint8_t answers[4096];
  while (pages != 0) {
    const uint64_t count = std::min<uint64_t>(pages, sizeof(answers));
    {
      MutexLock lock(mu_);
      if (!vmas_.Covers(address, address + count * kPageSize)) return Errno::kENOMEM;
      TRY(space_->Resident(address, absl::MakeSpan(answers, count), via));
    }
    TRY(memory.Write(vector, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(answers), count)));
    address += count * kPageSize;
    vector += count;
    pages -= count;
  }
  return {};
}

Result<void> MemoryManager::NameAnonymous(uint64_t address, uint64_t length, const std::string& name) {
  if (!IsPageAligned(address)) return Errno::kEINVAL;
  const uint64_t rounded = PageUp(length);
  if ((length != 0 && rounded == 0) || address + rounded < address) return Errno::kEINVAL;
  if (rounded == 0) return {};
  const std::string label = name.empty() ? "" : "[anon:" + name + "]";
  MutexLock lock(mu_);
  if (vmas_.size() + vmas_.SplitsOf(address, address + rounded) > kMaxMapCount) return Errno::kENOMEM;
  for (const Vma& piece : vmas_.Pieces(address, address + rounded)) {
    if (!piece.anonymous()) return Errno::kEBADF;
    if (piece.name == "[stack]" || piece.name == "[heap]") continue;  // these keep their names in /proc/PID/maps
    vmas_.Update(piece.start, piece.end, [&](Vma& vma) { vma.name = label; });
  }
  if (!vmas_.Covers(address, address + rounded)) return Errno::kENOMEM;
  return {};
}

}  // namespace ringwall::mm
