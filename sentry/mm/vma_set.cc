// VMA bookkeeping: insert with merge, remove with split, and the search for free address space (mmap(2)'s choice of an address).
#include "sentry/mm/vma_set.h"

#include <algorithm>
#include <bit>

#include "base/log/check.h"

namespace ringwall::mm {
namespace {

uint32_t ClassOf(uint64_t bytes) { return static_cast<uint32_t>(std::bit_width(bytes / platform::kPageSize)) - 1; }

}  // namespace

bool Vma::CanMerge(const Vma& next) const {
  // The offset of shared anonymous and file mappings must continue; private anonymous memory carries its first address as offset.
  return end == next.start && prot == next.prot && max_prot == next.max_prot && shared == next.shared && grows_down == next.grows_down &&
         no_reserve == next.no_reserve && locked == next.locked && dont_fork == next.dont_fork && wipe_on_fork == next.wipe_on_fork &&
         dont_dump == next.dont_dump && sealed == next.sealed && file == next.file && writer == next.writer &&
         offset + length() == next.offset && name == next.name;
}

const Vma* VmaSet::FindAtOrAbove(uint64_t address) const {
  auto it = by_start_.upper_bound(address);
  if (it != by_start_.begin()) {
    const Vma& before = std::prev(it)->second;
    if (before.end > address) return &before;
  }
  return it == by_start_.end() ? nullptr : &it->second;
}

const Vma* VmaSet::Find(uint64_t address) const {
  const Vma* vma = FindAtOrAbove(address);
  return vma != nullptr && vma->start <= address ? vma : nullptr;
}

std::pair<uint64_t, uint64_t> VmaSet::GapBefore(Areas::const_iterator it) const {
  const uint64_t start = it == by_start_.begin() ? 0 : std::prev(it)->second.end;
  uint64_t end = it->second.start;
  if (it->second.grows_down) end = end - start > kStackGuardGap ? end - kStackGuardGap : start;
  return {start, end};
}

void VmaSet::AddGap(Areas::const_iterator it) {
  if (it == by_start_.end()) return;
  const auto [start, end] = GapBefore(it);
  if (start == end) return;
  gaps_.emplace(std::pair(ClassOf(end - start), end), start);
  ++gaps_of_class_[ClassOf(end - start)];
}

void VmaSet::DropGap(Areas::const_iterator it) {
  if (it == by_start_.end()) return;
  const auto [start, end] = GapBefore(it);
  if (start == end) return;
  gaps_.erase(std::pair(ClassOf(end - start), end));
  --gaps_of_class_[ClassOf(end - start)];
}

VmaSet::Areas::iterator VmaSet::Link(Vma vma) {
  auto next = by_start_.lower_bound(vma.start);
  DropGap(next);
  total_bytes_ += vma.length();
  const uint64_t start = vma.start;
  const auto it = by_start_.emplace_hint(next, start, std::move(vma));
  AddGap(it);
  AddGap(next);
  return it;
}

Vma VmaSet::Unlink(Areas::iterator it) {
  const auto next = std::next(it);
  DropGap(it);
  DropGap(next);
  Vma vma = std::move(it->second);
  total_bytes_ -= vma.length();
  by_start_.erase(it);
  AddGap(next);
  return vma;
}

void VmaSet::SetEnd(Areas::iterator it, uint64_t end) {
  const auto next = std::next(it);
  DropGap(next);
  total_bytes_ += end - it->second.end;
  it->second.end = end;
  AddGap(next);
}

void VmaSet::Insert(Vma vma) {
  CHECK(vma.start < vma.end);
  auto next = by_start_.lower_bound(vma.start);
  CHECK(next == by_start_.end() || next->second.start >= vma.end);
  if (next != by_start_.end() && vma.CanMerge(next->second)) {
    // The references of the merged-away part are never the last ones: its neighbour holds the same.
    const uint64_t end = next->second.end;
    Unlink(next);
    vma.end = end;
    next = by_start_.lower_bound(vma.start);
  }
  if (next != by_start_.begin()) {
    const auto before = std::prev(next);
    CHECK(before->second.end <= vma.start);
    if (before->second.CanMerge(vma)) {
      SetEnd(before, vma.end);
      return;
    }
  }
  Link(std::move(vma));
}

std::vector<Vma> VmaSet::Remove(uint64_t start, uint64_t end) {
  std::vector<Vma> removed;
  auto it = by_start_.upper_bound(start);
  if (it != by_start_.begin() && std::prev(it)->second.end > start) --it;
  while (it != by_start_.end() && it->second.start < end) {
    const auto next = std::next(it);
    if (it->second.start < start) {
      // Keep the head in place; cut the rest off.
      Vma tail = it->second;
      tail.offset += start - tail.start;
      tail.start = start;
      SetEnd(it, start);
      if (tail.end > end) {
        Vma rest = tail;
        rest.offset += end - rest.start;
        rest.start = end;
        Link(std::move(rest));
        tail.end = end;
      }
      removed.push_back(std::move(tail));
    } else {
      Vma part = Unlink(it);
      if (part.end > end) {
        Vma rest = part;
        rest.offset += end - rest.start;
        rest.start = end;
        Link(std::move(rest));
        part.end = end;
      }
      removed.push_back(std::move(part));
    }
    it = next;
  }
  return removed;
}

bool VmaSet::Covers(uint64_t start, uint64_t end) const {
  const Vma* vma = Find(start);
  if (vma == nullptr) return false;
  auto it = by_start_.find(vma->start);
  while (it->second.end < end) {
    const auto next = std::next(it);
    if (next == by_start_.end() || next->second.start != it->second.end) return false;
    it = next;
  }
  return true;
}

bool VmaSet::Free(uint64_t start, uint64_t end) const {
  const Vma* vma = FindAtOrAbove(start);
  return vma == nullptr || vma->start >= end;
}

std::vector<Vma> VmaSet::Pieces(uint64_t start, uint64_t end) const {
  std::vector<Vma> pieces;
  const Vma* first = FindAtOrAbove(start);
  if (first == nullptr) return pieces;
  for (auto it = by_start_.find(first->start); it != by_start_.end() && it->second.start < end; ++it) {
    Vma piece = it->second;
    if (piece.start < start) {
      piece.offset += start - piece.start;
      piece.start = start;
    }
    piece.end = std::min(piece.end, end);
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

size_t VmaSet::SplitsOf(uint64_t start, uint64_t end) const {
  const Vma* first = Find(start);
  const Vma* last = Find(end - 1);
  return size_t{first != nullptr && first->start < start} + size_t{last != nullptr && last->end > end};
}

uint64_t VmaSet::FindGapTopDown(uint64_t length, uint64_t bottom, uint64_t top) const {
  if (length == 0 || length > top || top - length < bottom) return 0;
  const auto fits = [&](uint64_t start, uint64_t end) {
    start = std::max(start, bottom);
    return start < end && end - start >= length;
  };
  // The gap that `top` cuts, if any: the highest there is.
  const auto above = by_start_.lower_bound(top);
  uint64_t cut_start = 0;
  if (above != by_start_.begin()) cut_start = std::prev(above)->second.end;
  if (cut_start < top) {
    const uint64_t cut_end = above == by_start_.end() ? top : std::min(top, GapBefore(above).second);
    if (fits(cut_start, cut_end)) return cut_end - length;
  }
  // Below: the classes whose every gap is large enough, then the one class where that is to be seen.
  const uint32_t wanted = ClassOf(length);
  uint64_t best = 0;
  for (uint32_t c = wanted + 1; c < gaps_of_class_.size(); ++c) {
    if (gaps_of_class_[c] == 0) continue;
    auto it = gaps_.upper_bound({c, top});
    if (it == gaps_.begin()) continue;
    --it;
    if (it->first.first == c && it->first.second > best && fits(it->second, it->first.second)) best = it->first.second;
  }
  if (gaps_of_class_[wanted] != 0) {
    for (auto it = gaps_.upper_bound({wanted, top}); it != gaps_.begin();) {
      --it;
      if (it->first.first != wanted || it->first.second <= best) break;
      if (fits(it->second, it->first.second)) {
        best = it->first.second;
        break;
      }
    }
  }
  return best == 0 ? 0 : best - length;
}

uint64_t VmaSet::FindGapBottomUp(uint64_t length, uint64_t bottom, uint64_t top) const {
  if (length == 0 || length > top) return 0;
  uint64_t start = bottom;
  const Vma* first = FindAtOrAbove(bottom);
  auto it = first == nullptr ? by_start_.end() : by_start_.find(first->start);
  for (; start <= top - length; ++it) {
    if (it == by_start_.end()) return start;
    const auto [gap_start, gap_end] = GapBefore(it);
    start = std::max(start, gap_start);
    if (start < gap_end && gap_end - start >= length) return start <= top - length ? start : 0;
    start = std::max(start, it->second.end);
  }
  return 0;
}

}  // namespace ringwall::mm
