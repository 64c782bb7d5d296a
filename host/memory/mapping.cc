// mmap(2), mprotect(2), munmap(2).
#include "host/memory/mapping.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/log/check.h"

namespace ringwall::host {
namespace {

constexpr size_t kPageMask = 4095;

Result<void*> Map(size_t* size, int prot, int flags, int fd, uint64_t offset) {
  if (*size == 0 || *size > SIZE_MAX - kPageMask) return Errno::kEINVAL;
  *size = (*size + kPageMask) & ~kPageMask;
  void* p = ::mmap(nullptr, *size, prot, flags, fd, static_cast<off_t>(offset));
  if (p == MAP_FAILED) return ErrnoFromHost(errno);
  return p;
}

}  // namespace

Result<Mapping> Mapping::Anonymous(size_t size, int prot) {
  void* const p = TRY(Map(&size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  return Mapping(p, size);
}

Result<Mapping> Mapping::Reserve(size_t size) {
  void* const p = TRY(Map(&size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  return Mapping(p, size);
}

Result<Mapping> Mapping::Shared(int fd, uint64_t offset, size_t size, int prot) {
  void* const p = TRY(Map(&size, prot, MAP_SHARED, fd, offset));
  return Mapping(p, size);
}

Result<void> Mapping::Protect(int prot) {
  if (::mprotect(data_, size_, prot) != 0) return ErrnoFromHost(errno);
  return {};
}

void Mapping::reset() {
  // munmap of a range that we mapped fails only when it would split a mapping beyond vm.max_map_count.
  if (data_ != nullptr && ::munmap(data_, size_) != 0) HostFatal("munmap", errno);
  data_ = nullptr;
  size_ = 0;
}

}  // namespace ringwall::host
