// Access past page protections, as ptrace(2) has it (Linux's FOLL_FORCE): a debugger reads PROT_NONE pages and puts breakpoints into
// read-only code. The pages are opened for the copy and closed again; private ones only, so that nobody else sees the change.
#include <algorithm>

#include "sentry/mm/memory_manager.h"
#include "sentry/mm/page.h"

namespace ringwall::mm {

size_t MemoryManager::ForcePage(uint64_t address, bool write, platform::GuestThread* via, absl::FunctionRef<size_t()> copy) {
  const uint64_t page = address & ~(kPageSize - 1);
  const auto protect = [&](platform::Prot prot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const platform::MemoryOp op{.kind = platform::MemoryOp::Kind::kProtect, .address = page, .length = kPageSize, .prot = prot};
    return ApplyLocked(absl::MakeConstSpan(&op, 1), via).ok();
  };
  {
    MutexLock lock(mu_);
    const Vma* vma = vmas_.Find(page);
    if (vma == nullptr || vma->shared) return 0;
    if (write ? !vma->max_prot.write : !vma->max_prot.read) return 0;
    // What other threads may do with the page meanwhile they may do still.
    if (!protect({.read = true, .write = vma->prot.write || write, .exec = vma->prot.exec})) return 0;
  }
  const size_t moved = copy();
  // Somebody may have changed or unmapped the area during the copy: what it is now counts.
  MutexLock lock(mu_);
  if (const Vma* vma = vmas_.Find(page)) (void)protect(vma->prot);
  return moved;
}

size_t MemoryManager::ReadForced(uint64_t address, absl::Span<std::byte> to, platform::GuestThread* via) {
  UserMemory memory(space_.get(), via);
  size_t done = 0;
  while (done < to.size()) {
    const uint64_t at = address + done;
    const size_t n = std::min<size_t>(to.size() - done, kPageSize - (at & (kPageSize - 1)));
    size_t got = memory.ReadSome(at, to.subspan(done, n));
    if (got < n && at < space_->end()) {
      got += ForcePage(at + got, /*write=*/false, via, [&] { return memory.ReadSome(at + got, to.subspan(done + got, n - got)); });
    }
    done += got;
    if (got < n) break;
  }
  return done;
}

size_t MemoryManager::WriteForced(uint64_t address, absl::Span<const std::byte> from, platform::GuestThread* via) {
  UserMemory memory(space_.get(), via);
  size_t done = 0;
  while (done < from.size()) {
    const uint64_t at = address + done;
    const size_t n = std::min<size_t>(from.size() - done, kPageSize - (at & (kPageSize - 1)));
    size_t got = memory.WriteSome(at, from.subspan(done, n));
    if (got < n && at < space_->end()) {
      got += ForcePage(at + got, /*write=*/true, via, [&] { return memory.WriteSome(at + got, from.subspan(done + got, n - got)); });
    }
    done += got;
    if (got < n) break;
  }
  return done;
}

}  // namespace ringwall::mm
