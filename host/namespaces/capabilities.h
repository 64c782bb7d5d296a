// Capabilities of this thread (capabilities(7)) and the switches that go with giving privileges up.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "base/error/result.h"

namespace ringwall::host {

// A set of CAP_* numbers.
class CapabilitySet {
 public:
  constexpr CapabilitySet() = default;
  constexpr CapabilitySet(std::initializer_list<int> capabilities) {
    for (const int c : capabilities) bits_ |= uint64_t{1} << c;
  }
  static constexpr CapabilitySet FromRaw(uint64_t bits) {
    CapabilitySet set;
    set.bits_ = bits;
    return set;
  }
  constexpr uint64_t raw() const { return bits_; }
  constexpr bool Has(int capability) const { return (bits_ >> capability & 1) != 0; }

 private:
  uint64_t bits_ = 0;
};

// What this thread has in its effective set.
Result<CapabilitySet> EffectiveCapabilities();
// Leaves this thread exactly `keep` (or the part of it that it has) in the effective and permitted sets, and nothing in the inheritable,
// ambient and bounding sets. Removing from the bounding set needs CAP_SETPCAP; without it that set is left, which no-new-privs makes
// harmless. Other threads are not changed: call it before making any.
Result<void> KeepOnlyCapabilities(CapabilitySet keep);
Result<void> DropAllCapabilities();
// PR_SET_NO_NEW_PRIVS: also needed for seccomp without CAP_SYS_ADMIN.
Result<void> SetNoNewPrivs();
// PR_SET_DUMPABLE: false keeps core dumps and ptrace of the same user away.
Result<void> SetDumpable(bool dumpable);
// PR_SET_PDEATHSIG of this thread; the caller checks afterwards that the parent was not gone before.
Result<void> SetParentDeathSignal(int signo);
// PR_SET_CHILD_SUBREAPER.
Result<void> SetChildSubreaper();

}  // namespace ringwall::host
