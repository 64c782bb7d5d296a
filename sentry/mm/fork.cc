// fork(2) of an address space. The platform has copied (or is about to copy) the memory; this copies what is known about it.
#include <utility>

#include "sentry/mm/memory_manager.h"
#include "sentry/mm/page.h"

namespace ringwall::mm {

Ref<MemoryManager> MemoryManager::CopyLocked(Ref<platform::AddressSpace> space, std::vector<platform::MemoryOp>& ops, Dead& dead) const {
  Ref<MemoryManager> child(new MemoryManager(std::move(space), *this), Ref<MemoryManager>::AdoptTag{});
  // Nobody else knows the child yet; its lock is taken for the thread-safety analysis. Rule: parent before child.
  MutexLockNested child_lock(child->mu_);
  child->layout_ = layout_;
  child->has_seals_ = has_seals_;
  child->executable_ = executable_;
  child->peak_bytes_ = peak_bytes_;
  child->vmas_ = vmas_;
  // Locks are not inherited (mlock(2)), MADV_DONTFORK areas are left out, MADV_WIPEONFORK areas start from zero.
  for (const auto& [start, vma] : vmas_.areas()) {
    if (vma.dont_fork) {
      ops.push_back(UnmapOp({vma.start, vma.end}));
      Bury(dead, child->vmas_.Remove(vma.start, vma.end));
      continue;
    }
    if (RefPtr<Mappable> file = vma.file ? vma.file->ForChild() : nullptr) {
      child->vmas_.Update(vma.start, vma.end, [&](Vma& part) {
        // The parent's stays alive in the parent's own area.
        part.file = file;
        if (part.writer) part.writer = MakeRef<SharedWriter>(file.ToRef());
      });
    }
    if (vma.wipe_on_fork) ops.push_back(MapOp(vma, nullptr));
    if (vma.locked) child->vmas_.Update(vma.start, vma.end, [](Vma& part) { part.locked = false; });
  }
  return child;
}

Result<Ref<MemoryManager>> MemoryManager::Fork(Ref<platform::AddressSpace> child_space, platform::GuestThread* child_thread) {
  std::vector<platform::MemoryOp> ops;
  Dead dead;
  RefPtr<MemoryManager> child;
  {
    MutexLock lock(mu_);
    child = CopyLocked(child_space, ops, dead);
  }
  child->dumpable.store(dumpable.load(std::memory_order_relaxed), std::memory_order_relaxed);
  child->membarrier_registered.store(membarrier_registered.load(std::memory_order_relaxed), std::memory_order_relaxed);
  if (!ops.empty()) TRY(child_space->Apply(ops, child_thread));
  return std::move(child).ToRef();
}

Result<Ref<MemoryManager>> MemoryManager::ForkAround(absl::FunctionRef<Result<platform::GuestThread*>()> host_fork) {
  std::vector<platform::MemoryOp> ops;
  Dead dead;
  RefPtr<MemoryManager> child;
  platform::GuestThread* thread = nullptr;
  {
    MutexLock lock(mu_);
    thread = TRY(host_fork());
    child = CopyLocked(Ref<platform::AddressSpace>(thread->address_space()), ops, dead);
  }
  child->dumpable.store(dumpable.load(std::memory_order_relaxed), std::memory_order_relaxed);
  child->membarrier_registered.store(membarrier_registered.load(std::memory_order_relaxed), std::memory_order_relaxed);
  if (!ops.empty()) TRY(child->space_->Apply(ops, thread));
  return std::move(child).ToRef();
}

}  // namespace ringwall::mm
