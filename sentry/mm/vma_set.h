// VmaSet: the VMAs of one address space, sorted, disjoint, merged where Linux would merge. Pure bookkeeping: no host, no locks.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/ref/ref.h"
#include "platform/platform.h"
#include "sentry/mm/mappable.h"

namespace ringwall::mm {

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
  RefPtr<Mappable> file;
  uint64_t offset = 0;  // bytes into file at `start`
  std::string name;     // "[heap]", "[stack]", "[vdso]", "[anon:x]" or empty

  uint64_t length() const { return end - start; }
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
  // Pieces of VMAs inside [start, end), cut to it.
  std::vector<Vma> Pieces(uint64_t start, uint64_t end) const;
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
  std::map<uint64_t, Vma> by_start_;
  uint64_t total_bytes_ = 0;
};

// Linux's stack_guard_gap: 256 pages.
inline constexpr uint64_t kStackGuardGap = 256 * 4096;
// vm.max_map_count.
inline constexpr size_t kMaxMapCount = 65530;

}  // namespace ringwall::mm
