// Address space: mapping and first touches.
#include <sys/mman.h>

#include "bench/syscall/bench.h"

namespace ringwall::bench {
namespace {

constexpr size_t kPage = 4096;

char* MapAnonymous(size_t size) {
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  BENCH_REQUIRE(at != MAP_FAILED);
  return static_cast<char*>(at);
}

void MapTouchUnmap(uint64_t count) {
  constexpr size_t kSize = 64 * 1024;
  while (count-- != 0) {
    volatile char* at = MapAnonymous(kSize);
    for (size_t i = 0; i < kSize; i += kPage) at[i] = 1;
    munmap(const_cast<char*>(at), kSize);
  }
}

// One operation is one fault; 16 MiB at a time without huge pages, so that mapping is noise.
void PageFault(uint64_t count) {
  constexpr size_t kPages = 4096;
  while (count != 0) {
    const size_t pages = count < kPages ? static_cast<size_t>(count) : kPages;
    volatile char* at = MapAnonymous(kPages * kPage);
    madvise(const_cast<char*>(at), kPages * kPage, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < pages; ++i) at[i * kPage] = 1;
    munmap(const_cast<char*>(at), kPages * kPage);
    count -= pages;
  }
}

BENCHMARK_OP(mmap_touch_munmap_64k, Nothing, MapTouchUnmap, Nothing);
BENCHMARK_OP(page_fault_4k, Nothing, PageFault, Nothing);

}  // namespace
}  // namespace ringwall::bench
