// The filters that a sandbox installs in its usual shape, for the table of precompiled ones (tools/gen/gen_filters.cc).
#pragma once

#include <string>
#include <vector>

#include "host/seccomp/rule.h"

namespace ringwall::boot {

// As the real one, with every optional descriptor; "" = without a platform's share.
host::Policy UsualSentryPolicy(const std::string& platform);
// Platforms of this build that have a share in the sentry's filter.
std::vector<std::string> PlatformsWithRules();

// Sentry with and without a control socket on every platform, and the gofer. The names say which.
std::vector<host::Policy> UsualPolicies();

}  // namespace ringwall::boot
