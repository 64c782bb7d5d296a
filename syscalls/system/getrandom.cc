// getrandom(2).
#include <algorithm>
#include <array>

#include "abi/random.h"
#include "sentry/context/random.h"
#include "syscalls/system/system.h"

namespace ringwall::syscalls {

Result<int64_t> SysGetrandom(Task& task, UserBuffer buffer, ByteCount count, RawFlags flags) {
  constexpr uint32_t kBoth = abi::kGRND_RANDOM | abi::kGRND_INSECURE;
  if ((flags.value & ~(abi::kGRND_NONBLOCK | kBoth)) != 0 || (flags.value & kBoth) == kBoth) return Errno::kEINVAL;
  const uint64_t total = std::min<uint64_t>(count.value, INT32_MAX);
  std::array<std::byte, 4096> block;
  uint64_t done = 0;
  while (done < total) {
    const size_t n = std::min<uint64_t>(block.size(), total - done);
    RandomBytes(absl::Span<std::byte>(block.data(), n));
    const size_t moved = task.memory().WriteSome(buffer.address + done, absl::Span<const std::byte>(block.data(), n));
    done += moved;
    if (moved < n) {
      if (done == 0) return Errno::kEFAULT;
      break;
    }
    // Requests over a page may be cut short by a signal (getrandom(2)).
    if (task.SignalPending()) break;
  }
  return static_cast<int64_t>(done);
}

}  // namespace ringwall::syscalls
