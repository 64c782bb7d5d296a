// Memory files: memfds of the host.
#include "sentry/mm/memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "host/calls/memfd.h"
#include "host/memory/mapping.h"

namespace ringwall::mm {

Result<Ref<SharedFd>> CreateMemoryFile(std::string_view name, uint64_t size) {
  if (size > static_cast<uint64_t>(INT64_MAX)) return Errno::kEFBIG;
  const std::string label(name.substr(0, 200));
  UniqueFd fd(memfd_create(label.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return ErrnoFromHost(errno);
  if (size != 0 && ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return ErrnoFromHost(errno);
  return MakeRef<SharedFd>(std::move(fd));
}

Result<void> ResizeMemoryFile(const SharedFd& file, uint64_t size) {
  if (size > static_cast<uint64_t>(INT64_MAX)) return Errno::kEFBIG;
  if (ftruncate(file.get(), static_cast<off_t>(size)) != 0) return ErrnoFromHost(errno);
  return {};
}

Result<void> ReadMemoryFile(const SharedFd& file, uint64_t offset, absl::Span<std::byte> to) {
  while (!to.empty()) {
    const ssize_t n = pread(file.get(), to.data(), to.size(), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoFromHost(errno);
    }
    if (n == 0) {
      std::fill(to.begin(), to.end(), std::byte{0});
      return {};
    }
    to.remove_prefix(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

Result<void> WriteMemoryFile(const SharedFd& file, uint64_t offset, absl::Span<const std::byte> from) {
  while (!from.empty()) {
    const ssize_t n = pwrite(file.get(), from.data(), from.size(), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoFromHost(errno);
    }
    if (n == 0) return Errno::kENOSPC;
    from.remove_prefix(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

Result<void> PunchMemoryFile(const SharedFd& file, uint64_t offset, uint64_t length) {
  if (length == 0) return {};
  if (fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(length)) != 0) {
    return ErrnoFromHost(errno);
  }
  return {};
}

Result<void> AllocateMemoryFile(const SharedFd& file, uint64_t offset, uint64_t length) {
  if (length == 0) return {};
  while (fallocate(file.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(length)) != 0) {
    if (errno != EINTR) return ErrnoFromHost(errno);
  }
  return {};
}

Result<uint64_t> MemoryFileAllocated(const SharedFd& file) {
  struct stat st;
  if (fstat(file.get(), &st) != 0) return ErrnoFromHost(errno);
  return static_cast<uint64_t>(st.st_blocks) * 512;
}

// The position is the descriptor's and nobody uses it, so that seeking moves nothing that matters.
Result<uint64_t> MemoryFileNextData(const SharedFd& file, uint64_t offset) {
  const off_t at = lseek(file.get(), static_cast<off_t>(offset), SEEK_DATA);
  if (at < 0) return ErrnoFromHost(errno);
  return static_cast<uint64_t>(at);
}

Result<uint64_t> MemoryFileNextHole(const SharedFd& file, uint64_t offset) {
  const off_t at = lseek(file.get(), static_cast<off_t>(offset), SEEK_HOLE);
  if (at < 0) return ErrnoFromHost(errno);
  return static_cast<uint64_t>(at);
}

Result<void> SyncMappedFile(const SharedFd& file, bool data_only) {
  while ((data_only ? fdatasync(file.get()) : fsync(file.get())) != 0) {
    if (errno != EINTR) return ErrnoFromHost(errno);
  }
  return {};
}

Result<std::shared_ptr<std::byte>> MapMemoryFile(const SharedFd& file, size_t size) {
  host::Mapping mapping = TRY(host::Mapping::Shared(file.get(), 0, size, PROT_READ | PROT_WRITE));
  const auto keep = std::make_shared<host::Mapping>(std::move(mapping));
  return std::shared_ptr<std::byte>(keep, keep->data());
}

Result<void> SealMemoryFile(const SharedFd& file) {
  return host::AddSeals(file.get(), F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

}  // namespace ringwall::mm
