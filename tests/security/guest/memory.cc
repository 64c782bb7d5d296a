// Address spaces: huge, overlapping, wrapping and endless mappings.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "tests/security/guest/guest.h"

namespace ringwall::hostile {
namespace {

constexpr uint64_t kPage = 4096;

uint64_t Address(Random& random) {
  static const uint64_t kPlaces[] = {
      0, 0x10000, 0x400000, 0x10000000, 0x7ffffffff000, 0x7fffffff0000, 0x800000000000, 0xffff800000000000, ~uint64_t{0} & ~(kPage - 1)};
  return kPlaces[random.Below(sizeof(kPlaces) / sizeof(kPlaces[0]))] + random.Below(32) * kPage - random.Below(2) * random.Below(kPage);
}
uint64_t Length(Random& random) {
  return random.Below(3) == 0 ? ~uint64_t{0} >> random.Below(40) : random.Below(64) * kPage + random.Below(2);
}

void MapAtRandom(void* argument) {
  Random random(*static_cast<uint64_t*>(argument));
  for (int i = 0; i < 300; ++i) {
    const uint64_t at = Address(random), length = Length(random);
    switch (random.Below(7)) {
      case 0:
      case 1: {
        const int flags = MAP_NORESERVE | MAP_ANONYMOUS | (random.Below(2) ? MAP_PRIVATE : MAP_SHARED) |
                          (random.Below(4) == 0 ? MAP_FIXED : 0) | (random.Below(8) == 0 ? MAP_GROWSDOWN : 0);
        const long got = syscall(SYS_mmap, at, length, random.Below(8), flags, -1, random.Below(4) == 0 ? ~uint64_t{0} << 12 : 0);
        if (got != -1 && (static_cast<uint64_t>(got) & (kPage - 1)) != 0) _exit(99);
        break;
      }
      case 2:
        // Not all: this code has to go on.
        if (length < (uint64_t{1} << 20) && at < 0x200000) syscall(SYS_munmap, at, length);
        break;
      case 3: syscall(SYS_mremap, at, length, Length(random), random.Below(8), Address(random)); break;
      case 4:
        // MADV_POPULATE_* of a huge area is a memory bomb, which is another mode.
        syscall(SYS_madvise, at, length, random.Below(length > (uint64_t{16} << 20) ? 22 : 26));
        break;
      case 5: syscall(SYS_brk, random.Below(2) ? Address(random) : random.Next()); break;
      default: syscall(SYS_msync, at, length, random.Below(8)); break;
    }
  }
}
const Mode maps("mmaps", [](int, char**) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const int status = Sacrifice(MapAtRandom, &seed, 3);
    HOSTILE_REQUIRE(status >> 8 != 99, "mmap gave an address that is not a page's");
  }
  Canary();
  return 0;
});

void UntilFull(void*) {
  const rlimit limit{256 << 20, 256 << 20};
  setrlimit(RLIMIT_AS, &limit);
  uint64_t total = 0;
  for (;;) {
    const uint64_t size = 1 << 20;
    void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) break;
    total += size;
    if (total > (uint64_t{512} << 20)) _exit(99);
    for (uint64_t i = 0; i < size; i += kPage) static_cast<volatile char*>(at)[i] = 1;
  }
  for (uint64_t grown = 0; grown < (uint64_t{512} << 20) && sbrk(1 << 16) != reinterpret_cast<void*>(-1); grown += 1 << 16) {
    if (grown > (uint64_t{300} << 20)) _exit(99);
  }
  _exit(errno == ENOMEM ? 7 : 98);
}
// Many small mappings: the list of areas is the sentry's memory.
void ManyAreas(void*) {
  for (uint64_t i = 0; i < 200'000; ++i) {
    if (mmap(nullptr, kPage, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) _exit(7);
  }
  _exit(7);
}
const Mode memory_bomb("memory-bomb", [](int, char**) {
  int status = Sacrifice(UntilFull, nullptr, 60);
  HOSTILE_REQUIRE(status == 7 << 8, "RLIMIT_AS did not end in ENOMEM: status %x", status);
  Sacrifice(ManyAreas, nullptr, 60);
  Canary();
  return 0;
});

}  // namespace
}  // namespace ringwall::hostile
