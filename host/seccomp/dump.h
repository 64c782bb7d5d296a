// Policies as text, for people and for golden tests.
#pragma once

#include <string>

#include "host/seccomp/rule.h"

namespace ringwall::host {

// One line a rule, sorted by call: name, constraints, action, reason.
std::string DumpPolicy(const Policy& policy);

}  // namespace ringwall::host
