// Bitmap: searching and growing.
#include "base/container/bitmap.h"

#include <algorithm>
#include <bit>

namespace ringwall {

bool Bitmap::Set(uint32_t n) {
  if (n >= limit_) return false;
  const size_t index = n / 64;
  // Doubling, so that numbers handed out one after the other cost O(1) each.
  if (index >= words_.size()) words_.resize(std::max(index + 1, std::min<size_t>(words_.size() * 2, (size_t{limit_} + 63) / 64)));
  const uint64_t bit = uint64_t{1} << (n % 64);
  if ((words_[index] & bit) != 0) return false;
  words_[index] |= bit;
  ++count_;
  while (full_words_ < words_.size() && words_[full_words_] == ~uint64_t{0}) ++full_words_;
  return true;
}

bool Bitmap::Clear(uint32_t n) {
  if (!Test(n)) return false;
  words_[n / 64] &= ~(uint64_t{1} << (n % 64));
  --count_;
  full_words_ = std::min(full_words_, n / 64);
  return true;
}

std::optional<uint32_t> Bitmap::FindClear(uint32_t from, uint32_t end) const {
  end = std::min(end, limit_);
  if (from >= end) return std::nullopt;
  size_t index = from / 64;
  uint64_t skip = (uint64_t{1} << (from % 64)) - 1;
  if (index < full_words_) {
    index = full_words_;
    skip = 0;
  }
  for (; index < words_.size(); ++index, skip = 0) {
    const uint64_t clear = ~words_[index] & ~skip;
    if (clear == 0) continue;
    const uint64_t n = uint64_t{index} * 64 + static_cast<uint64_t>(std::countr_zero(clear));
    if (n >= end) return std::nullopt;
    return static_cast<uint32_t>(n);
  }
  const uint64_t n = std::max<uint64_t>(uint64_t{words_.size()} * 64, from);
  if (n >= end) return std::nullopt;
  return static_cast<uint32_t>(n);
}

std::optional<uint32_t> Bitmap::Allocate(uint32_t from, uint32_t end) {
  const std::optional<uint32_t> n = FindClear(from, end);
  if (n) Set(*n);
  return n;
}

std::optional<uint32_t> Bitmap::NextSet(uint32_t from) const {
  uint64_t skip = (uint64_t{1} << (from % 64)) - 1;
  for (size_t index = from / 64; index < words_.size(); ++index, skip = 0) {
    const uint64_t set = words_[index] & ~skip;
    if (set != 0) return static_cast<uint32_t>(uint64_t{index} * 64 + static_cast<uint64_t>(std::countr_zero(set)));
  }
  return std::nullopt;
}

}  // namespace ringwall
