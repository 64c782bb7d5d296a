// Bitmap: a growing set of small numbers with "lowest free at or above n": descriptor numbers, pids, timer ids.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace ringwall {

class Bitmap {
 public:
  // Numbers are in [0, limit); memory follows the highest number ever set, not the limit.
  explicit Bitmap(uint32_t limit) : limit_(limit) {}

  uint32_t limit() const { return limit_; }
  uint32_t count() const { return count_; }

  bool Test(uint32_t n) const { return n / 64 < words_.size() && ((words_[n / 64] >> (n % 64)) & 1) != 0; }
  // False when n is beyond the limit or was set already.
  bool Set(uint32_t n);
  // False when n was not set.
  bool Clear(uint32_t n);

  // The lowest clear number in [from, end), end <= limit; nothing is changed.
  std::optional<uint32_t> FindClear(uint32_t from, uint32_t end) const;
  // FindClear and Set in one.
  std::optional<uint32_t> Allocate(uint32_t from, uint32_t end);
  std::optional<uint32_t> Allocate(uint32_t from = 0) { return Allocate(from, limit_); }
  // The lowest set number at or above `from`.
  std::optional<uint32_t> NextSet(uint32_t from) const;

 private:
  uint32_t limit_;
  uint32_t count_ = 0;
  uint32_t full_words_ = 0;  // words below this index are known to be full: makes Allocate(0) O(1) amortised
  std::vector<uint64_t> words_;
};

}  // namespace ringwall
