// What /proc/PID/{maps,status,statm} and futex(2) ask of an address space.
#include <utility>

#include "sentry/mm/memory_manager.h"
#include "sentry/mm/page.h"

namespace ringwall::mm {

std::vector<Vma> MemoryManager::Vmas() const {
  std::vector<Vma> all;
  MutexLock lock(mu_);
  all.reserve(vmas_.size());
  for (const auto& [start, vma] : vmas_.areas()) {
    all.push_back(vma);
    if (vma.anonymous()) all.back().offset = 0;
  }
  return all;
}

std::unique_ptr<Vma> MemoryManager::FindVma(uint64_t address) const {
  auto copy = std::make_unique<Vma>();
  MutexLock lock(mu_);
  const Vma* vma = vmas_.Find(address);
  if (vma == nullptr) return nullptr;
  *copy = *vma;
  if (copy->anonymous()) copy->offset = 0;
  return copy;
}

uint64_t MemoryManager::DataBytesLocked() const {
  uint64_t bytes = 0;
  for (const auto& [start, vma] : vmas_.areas()) bytes += vma.IsData() ? vma.length() : 0;
  return bytes;
}

MemoryUsage MemoryManager::Usage() const {
  MemoryUsage usage;
  {
    MutexLock lock(mu_);
    usage.total_bytes = vmas_.TotalBytes();
    usage.peak_bytes = peak_bytes_;
    for (const auto& [start, vma] : vmas_.areas()) {
      const uint64_t n = vma.length();
      if (vma.IsData()) usage.data_bytes += n;
      if (vma.grows_down) usage.stack_bytes += n;
      if (vma.prot.exec && !vma.prot.write) usage.exec_bytes += n;
      if (vma.locked) usage.locked_bytes += n;
      if (vma.shared) usage.shared_bytes += n;
    }
  }
  usage.resident_bytes = space_->ResidentBytes();
  return usage;
}

Result<MemoryManager::FutexKey> MemoryManager::KeyFor(uint64_t address, bool process_private) const {
  if (address >= space_->end()) return Errno::kEFAULT;
  const FutexKey own{.object = reinterpret_cast<uint64_t>(this), .offset = address};
  if (process_private) return own;
  RefPtr<Mappable> file;
  uint64_t offset = 0;
  {
    MutexLock lock(mu_);
    const Vma* vma = vmas_.Find(address);
    if (vma == nullptr || (!vma->prot.read && !vma->prot.write && !vma->prot.exec)) return Errno::kEFAULT;
    if (!vma->shared || !vma->file) return own;
    file = vma->file;
    offset = vma->offset + (address - vma->start);
  }
  const Mappable::Identity identity = file->identity();
  // No pointer of ours has the top bit: private and shared keys can't be equal.
  return FutexKey{.object = identity.dev | uint64_t{1} << 63, .ino = identity.ino, .offset = offset};
}

}  // namespace ringwall::mm
