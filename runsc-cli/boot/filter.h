// The sentry's own seccomp policy.
#pragma once

#include <vector>

#include "base/error/result.h"
#include "host/seccomp/rule.h"

namespace ringwall::boot {

struct SentryFilterOptions {
  int gofer = -1;  // descriptors, by number at the time of lock-down; -1 = absent
  int listener = -1;
  std::vector<host::Rule> platform;  // what the platform calls, with its own reasons
};

host::Policy MakeSentryPolicy(const SentryFilterOptions& options);

// No-new-privs are set already. All threads. EINVAL when the policy does not compile (logged).
Result<void> LockDown(const SentryFilterOptions& options);

}  // namespace ringwall::boot
