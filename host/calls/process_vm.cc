// process_vm_readv(2): one call moves all pieces or stops between two of them, never inside one. A range is therefore cut at its page
// borders when the whole of it does not go.
#include "host/calls/process_vm.h"

#include <errno.h>
#include <sys/uio.h>

#include <algorithm>

namespace ringwall::host {
namespace {

constexpr uint64_t kPageSize = 4096;
constexpr size_t kMaxPieces = 512;

template <typename Call>
Result<size_t> Transfer(Call call, pid_t pid, uint64_t address, std::byte* local, size_t size) {
  size_t done = 0;
  while (done < size) {
    // One remote piece a page, so that the host reports the bytes in front of a bad page.
    iovec remote[kMaxPieces];
    size_t pieces = 0;
    size_t length = 0;
    while (pieces < kMaxPieces && done + length < size) {
      const uint64_t at = address + done + length;
      const size_t piece = static_cast<size_t>(std::min<uint64_t>(size - done - length, kPageSize - at % kPageSize));
      remote[pieces++] = {reinterpret_cast<void*>(at), piece};
      length += piece;
    }
    const iovec here = {local + done, length};
    const ssize_t n = call(pid, &here, 1, remote, pieces, 0);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EFAULT) return done;
      return ErrnoFromHost(errno);
    }
    done += static_cast<size_t>(n);
    if (static_cast<size_t>(n) < length) return done;
  }
  return done;
}

}  // namespace

Result<size_t> ProcessRead(pid_t pid, uint64_t address, std::span<std::byte> to) {
  return Transfer(::process_vm_readv, pid, address, to.data(), to.size());
}

Result<size_t> ProcessWrite(pid_t pid, uint64_t address, std::span<const std::byte> from) {
  return Transfer(::process_vm_writev, pid, address, const_cast<std::byte*>(from.data()), from.size());
}

}  // namespace ringwall::host
