// Randomness: a thin layer over the host's getrandom(2); large requests pass through, small ones come from a thread's own block.
#include "sentry/context/random.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log/check.h"

namespace ringwall {
namespace {

void FromHost(std::byte* out, size_t size) {
  while (size != 0) {
    const ssize_t n = ::getrandom(out, size, 0);
    if (n < 0) {
      if (errno == EINTR) continue;
      HostFatal("getrandom", errno);
    }
    out += n;
    size -= static_cast<size_t>(n);
  }
}

// Small requests are served from here, so that ASLR and AT_RANDOM cost no host call each. Every byte is used once and wiped.
struct Block {
  std::byte bytes[512];
  size_t used = sizeof(bytes);
};
thread_local Block block;

}  // namespace

void RandomBytes(absl::Span<std::byte> out) {
  if (out.size() > 64) return FromHost(out.data(), out.size());
  if (sizeof(block.bytes) - block.used < out.size()) {
    FromHost(block.bytes, sizeof(block.bytes));
    block.used = 0;
  }
  std::memcpy(out.data(), block.bytes + block.used, out.size());
  std::memset(block.bytes + block.used, 0, out.size());
  block.used += out.size();
}

uint64_t RandomU64() {
  uint64_t value;
  RandomBytes(absl::Span<std::byte>(reinterpret_cast<std::byte*>(&value), sizeof(value)));
  return value;
}

}  // namespace ringwall
