// Host calls of a sanitizer's runtime after lock-down. Builds with a sanitizer only: the policies themselves, their golden dumps and the
// precompiled filters know nothing of them.
#pragma once

#ifdef RINGWALL_SANITIZED
#include "host/seccomp/rule.h"

namespace ringwall::host {

// `policy`, and what the runtime asks for beyond it.
Policy WithSanitizerRules(Policy policy);

}  // namespace ringwall::host
#endif
