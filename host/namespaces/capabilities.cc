// capget(2), capset(2), prctl(2): by number, so that nothing allocates or reads /proc.
#include "host/namespaces/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ringwall::host {
namespace {

constexpr int kCapabilityLimit = 64;

Result<void> Prctl(int option, unsigned long argument) {
  if (::prctl(option, argument, 0, 0, 0) != 0) return ErrnoFromHost(errno);
  return {};
}

struct Sets {
  __user_cap_data_struct words[2] = {};
  uint64_t effective() const { return uint64_t{words[1].effective} << 32 | words[0].effective; }
  uint64_t permitted() const { return uint64_t{words[1].permitted} << 32 | words[0].permitted; }
};

Result<Sets> GetSets() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  Sets sets;
  if (::syscall(SYS_capget, &header, sets.words) != 0) return ErrnoFromHost(errno);
  return sets;
}

}  // namespace

Result<CapabilitySet> EffectiveCapabilities() {
  const Sets sets = TRY(GetSets());
  return CapabilitySet::FromRaw(sets.effective());
}

Result<void> KeepOnlyCapabilities(CapabilitySet keep) {
  // Kernels before 4.3 have no ambient set (EINVAL).
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) return ErrnoFromHost(errno);
  // The bounding set first: it needs CAP_SETPCAP, which is about to go.
  for (int c = 0; c < kCapabilityLimit; ++c) {
    const int held = ::prctl(PR_CAPBSET_READ, c, 0, 0, 0);
    if (held < 0) break;  // EINVAL: beyond the last capability of this kernel
    if (held == 1 && ::prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0 && errno != EPERM) return ErrnoFromHost(errno);
  }
  const Sets have = TRY(GetSets());
  const uint64_t bits = keep.raw() & have.permitted();
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct words[2] = {};
  words[0].effective = words[0].permitted = static_cast<uint32_t>(bits);
  words[1].effective = words[1].permitted = static_cast<uint32_t>(bits >> 32);
  if (::syscall(SYS_capset, &header, words) != 0) return ErrnoFromHost(errno);
  return {};
}

Result<void> DropAllCapabilities() { return KeepOnlyCapabilities({}); }
Result<void> SetNoNewPrivs() { return Prctl(PR_SET_NO_NEW_PRIVS, 1); }
Result<void> SetDumpable(bool dumpable) { return Prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0); }
Result<void> SetParentDeathSignal(int signo) { return Prctl(PR_SET_PDEATHSIG, static_cast<unsigned long>(signo)); }
Result<void> SetChildSubreaper() { return Prctl(PR_SET_CHILD_SUBREAPER, 1); }

}  // namespace ringwall::host
