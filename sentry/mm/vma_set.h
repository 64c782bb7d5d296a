// VmaSet: the VMAs of one address space, sorted, disjoint, merged where Linux would merge. Pure bookkeeping: no host, no locks.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/ref/ref.h"
#include "platform/platform.h"
#include "sentry/mm/mappable.h"

namespace ringwall::mm {

// One shared mapping that may be written, however many VMAs it is split into: tells its file when the last part goes.
class SharedWriter final : public RefCounted {
 public:
  explicit SharedWriter(Ref<Mappable> file) : file_(std::move(file)) { file_->SharedWritableChanged(1); }

 private:
  ~SharedWriter() override { file_->SharedWritableChanged(-1); }
  const Ref<Mappable> file_;
};

struct Vma {
  uint64_t start = 0;  // page-aligned
  uint64_t end = 0;    // exclusive
  platform::Prot prot{};
  platform::Prot max_prot{true, true, true};
  bool shared = false;
  bool grows_down = false;
  bool no_reserve = false;
  bool locked = false;
  bool dont_fork = false;
  bool wipe_on_fork = false;
  bool dont_dump = false;
  bool sealed = false;  // mseal(2)
  RefPtr<Mappable> file;
  // Bytes into file at `start`. For private anonymous memory the address it was first mapped at, as Linux's vm_pgoff: parts that mremap
  // brought together stay apart, here and in the host. MemoryManager::Vmas() shows 0 then.
  uint64_t offset = 0;
  std::string name;  // "[heap]", "[stack]", "[vdso]", "[anon:x]" or empty
  RefPtr<SharedWriter> writer;

  uint64_t length() const { return end - start; }
  bool anonymous() const { return !file; }
  // Counts against RLIMIT_DATA: private, writable, no stack (setrlimit(2)).
  bool IsData() const { return prot.write && !shared && !grows_down; }
  // Everything but the range and offset agrees, and offsets continue: `next` may be merged behind this.
  bool CanMerge(const Vma& next) const;
};

class VmaSet {
 public:
  // The VMA that contains address, or null.
  const Vma* Find(uint64_t address) const;
  // The first VMA that ends above address, or null.
  const Vma* FindAtOrAbove(uint64_t address) const;
  // Inserts; the range must be free. Merges with its neighbours.
  void Insert(Vma vma);
  // Removes [start, end), splitting VMAs at the edges. Returns the removed parts in order.
  std::vector<Vma> Remove(uint64_t start, uint64_t end);
  // True when every page of [start, end) is mapped.
  bool Covers(uint64_t start, uint64_t end) const;
  // True when no page of [start, end) is mapped.
  bool Free(uint64_t start, uint64_t end) const;
  // Pieces of VMAs inside [start, end), cut to it.
  std::vector<Vma> Pieces(uint64_t start, uint64_t end) const;
  // How many more VMAs there are after [start, end) has been cut out of its surroundings: 0, 1 or 2.
  size_t SplitsOf(uint64_t start, uint64_t end) const;
  // Applies change to each piece (splitting), then merges again.
  template <typename F>
  void Update(uint64_t start, uint64_t end, F change) {
    std::vector<Vma> parts = Remove(start, end);
    for (Vma& part : parts) {
      change(part);
      Insert(std::move(part));
    }
  }
  // Highest free range of length below `top` (mmap's default, top-down), or lowest at/above `bottom` when bottom_up; keeps Linux's guard
  // gap below grows_down areas. 0 when there is none.
  uint64_t FindGapTopDown(uint64_t length, uint64_t bottom, uint64_t top) const;
  uint64_t FindGapBottomUp(uint64_t length, uint64_t bottom, uint64_t top) const;
  size_t size() const { return by_start_.size(); }
  uint64_t TotalBytes() const { return total_bytes_; }
  const std::map<uint64_t, Vma>& areas() const { return by_start_; }

 private:
  using Areas = std::map<uint64_t, Vma>;

  Areas::iterator Link(Vma vma);
  Vma Unlink(Areas::iterator it);
  void SetEnd(Areas::iterator it, uint64_t end);
  // The free range in front of a VMA, short of its guard gap.
  std::pair<uint64_t, uint64_t> GapBefore(Areas::const_iterator it) const;
  void AddGap(Areas::const_iterator it);
  void DropGap(Areas::const_iterator it);

  Areas by_start_;
  uint64_t total_bytes_ = 0;
  // The gaps in front of VMAs, by size class (log2 of pages) and end: the highest gap that fits is found without walking 65,000 VMAs.
  std::map<std::pair<uint32_t, uint64_t>, uint64_t> gaps_;  // (class, end) -> start
  std::array<uint32_t, 64> gaps_of_class_{};
};

// Linux's stack_guard_gap: 256 pages.
inline constexpr uint64_t kStackGuardGap = 256 * 4096;
// vm.max_map_count.
inline constexpr size_t kMaxMapCount = 65530;

}  // namespace ringwall::mm
