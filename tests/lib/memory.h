// Mappings that end with their scope, and buffers that end at an unmapped page.
#pragma once

#include <string.h>
#include <sys/mman.h>

#include "tests/lib/call.h"

namespace tests {

inline constexpr long kPage = 4096;

class Mapping {
 public:
  Mapping(size_t length, int protection = PROT_READ | PROT_WRITE, int flags = MAP_PRIVATE | MAP_ANONYMOUS, int fd = -1, long offset = 0)
      : length_(length), address_(mmap(nullptr, length, protection, flags, fd, offset)) {
    EXPECT_NE(address_, MAP_FAILED) << strerror(errno);
  }
  ~Mapping() {
    if (address_ != MAP_FAILED) munmap(address_, length_);
  }
  Mapping(const Mapping&) = delete;
  char* get() const { return static_cast<char*>(address_); }
  char* operator+(long offset) const { return get() + offset; }
  size_t length() const { return length_; }

 private:
  size_t length_;
  void* address_;
};

// One writable page followed by a page that cannot be touched: At(n) is the address whose last good byte is n-1 further.
class PageBorder {
 public:
  PageBorder() : pages_(2 * kPage) { mprotect(pages_ + kPage, kPage, PROT_NONE); }
  char* At(size_t room) const { return pages_ + (kPage - static_cast<long>(room)); }

 private:
  Mapping pages_;
};

// Is the page of this address mapped? By mincore(2), which says ENOMEM for a hole.
inline bool IsMapped(const void* address) {
  unsigned char seen;
  const auto page = reinterpret_cast<unsigned long>(address) & ~(static_cast<unsigned long>(kPage) - 1);
  return Call(SYS_mincore, page, kPage, &seen) == 0;
}

}  // namespace tests
