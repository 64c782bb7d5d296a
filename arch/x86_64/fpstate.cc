// What the host CPU keeps in an XSAVE area, from cpuid leaf 0xD and XCR0.
#include "arch/x86_64/fpstate.h"

#include <cpuid.h>
#include <string.h>

#include <algorithm>

#include "arch/x86_64/xsave.h"

namespace ringwall::arch {
namespace {

struct Layout {
  uint64_t features = kX87 | kSse;
  uint32_t size = kHeaderEnd;
};

uint64_t ReadXcr0() {
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

Layout Probe() {
  Layout layout;
  uint32_t a, b, c, d;
  constexpr uint32_t kOsxsave = 1u << 27;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & kOsxsave) == 0) return layout;
  const uint64_t enabled = ReadXcr0() & ~kAmx;
  for (uint32_t i = 2; i < 63; ++i) {
    const uint64_t bit = uint64_t{1} << i;
    if ((enabled & bit) == 0 || !__get_cpuid_count(0xd, i, &a, &b, &c, &d) || a == 0) continue;
    // A component that a future CPU puts beyond our buffer stays in its initial state.
    if (uint64_t{a} + b > kFpStateMaxBytes) continue;
    layout.features |= bit;
    layout.size = std::max(layout.size, a + b);
  }
  return layout;
}

const Layout& HostLayout() {
  static const Layout layout = Probe();
  return layout;
}

}  // namespace

uint32_t FpStateSize() { return HostLayout().size; }
uint64_t FpStateFeatures() { return HostLayout().features; }

FpState InitialFpState() {
  FpState state;
  state.size = FpStateSize();
  std::byte* area = state.area.data();
  const uint16_t fcw = kInitialFcw;
  const uint32_t mxcsr = kInitialMxcsr;
  const uint32_t mxcsr_mask = MxcsrMask();
  const uint64_t present = kX87 | kSse;
  memcpy(area + kFcwOffset, &fcw, sizeof(fcw));
  memcpy(area + kMxcsrOffset, &mxcsr, sizeof(mxcsr));
  memcpy(area + kMxcsrMaskOffset, &mxcsr_mask, sizeof(mxcsr_mask));
  memcpy(area + kXstateBvOffset, &present, sizeof(present));
  return state;
}

uint32_t MxcsrMask() {
  static const uint32_t mask = [] {
    alignas(16) std::byte area[kLegacyBytes] = {};
    asm volatile("fxsave %0" : "=m"(area));
    uint32_t m;
    memcpy(&m, area + kMxcsrMaskOffset, sizeof(m));
    // SDM vol. 1, 11.6.6: zero means the default.
    return m != 0 ? m : 0xffbfu;
  }();
  return mask;
}

}  // namespace ringwall::arch
