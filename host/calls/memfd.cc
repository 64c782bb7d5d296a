// memfd_create(2), ftruncate(2), F_ADD_SEALS of fcntl(2).
#include "host/calls/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace ringwall::host {
namespace {

Result<UniqueFd> Create(const char* name, uint64_t size, unsigned flags) {
  if (size > INT64_MAX) return Errno::kEFBIG;
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | flags));
  if (!fd) return ErrnoFromHost(errno);
  if (size != 0 && ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return ErrnoFromHost(errno);
  return fd;
}

}  // namespace

Result<UniqueFd> CreateMemfd(const char* name, uint64_t size) { return Create(name, size, 0); }
Result<UniqueFd> CreateSealableMemfd(const char* name, uint64_t size) { return Create(name, size, MFD_ALLOW_SEALING); }

Result<void> AddSeals(int fd, unsigned seals) {
  if (::fcntl(fd, F_ADD_SEALS, seals) != 0) return ErrnoFromHost(errno);
  return {};
}

}  // namespace ringwall::host
