// remap_file_pages(2).
#include <sys/mman.h>

#include "tests/lib/guest.h"

namespace {

using namespace tests;

// Three pages that begin with their number.
ScopedFd NumberedPages() {
  std::string bytes;
  for (const char c : {'0', '1', '2'}) bytes += std::string(4096, c);
  return TempFile(bytes);
}

long Remap(char* at, size_t size, size_t page, int prot = 0) { return Call(SYS_remap_file_pages, at, size, prot, page, 0); }

TEST(RemapFilePages, ShowsAnotherPage) {
  const ScopedFd file = NumberedPages();
  const Mapping map(3 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file.get());
  EXPECT_THAT(Remap(map.get(), kPage, 2), Succeeds());
  EXPECT_EQ(map.get()[0], '2');
  EXPECT_EQ(map.get()[kPage], '1');
  EXPECT_EQ(map.get()[2 * kPage], '2');
  map.get()[0] = 'x';
  EXPECT_EQ(map.get()[2 * kPage], 'x');
}

TEST(RemapFilePages, AnonymousSharedMemoryToo) {
  const Mapping map(2 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  map.get()[0] = 'a';
  map.get()[kPage] = 'b';
  EXPECT_THAT(Remap(map.get(), kPage, 1), Succeeds());
  EXPECT_EQ(map.get()[0], 'b');
}

TEST(RemapFilePages, OnlySharedMappings) {
  const ScopedFd file = NumberedPages();
  const Mapping map(3 * kPage, PROT_READ, MAP_PRIVATE, file.get());
  EXPECT_THAT(Remap(map.get(), kPage, 1), FailsWith(EINVAL));
  EXPECT_THAT(Remap(BadAddress(), kPage, 1), FailsWith(EINVAL));
}

TEST(RemapFilePages, ArgumentsAreChecked) {
  const ScopedFd file = NumberedPages();
  const Mapping map(3 * kPage, PROT_READ, MAP_SHARED, file.get());
  EXPECT_THAT(Remap(map.get(), kPage, 1, PROT_READ), FailsWith(EINVAL));
  EXPECT_THAT(Remap(map.get(), 0, 1), FailsWith(EINVAL));
  EXPECT_THAT(Remap(map.get(), kPage, ~0UL), FailsWith(EINVAL));
}

}  // namespace
