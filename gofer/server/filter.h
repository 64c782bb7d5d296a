// What the gofer may still do once it serves: its capabilities and its system calls.
#pragma once

#include "base/error/result.h"
#include "host/namespaces/capabilities.h"
#include "host/seccomp/rule.h"

namespace ringwall::gofer {

struct ConfinementOptions {
  int socket = -1;        // the only socket that may be read and written
  int proc_self_fd = -1;  // the only directory that links are followed from
  bool allow_connect = false;
};

// Every host call that the gofer makes while it serves, with its reason.
host::Policy MakeGoferPolicy(const ConfinementOptions& options);
// The few capabilities that it keeps.
host::CapabilitySet GoferCapabilities();

// Drops every capability but those (also from the bounding set), sets no_new_privs and enters the policy. Another host call is
// reported by name and ends the process. On failure nothing may be served.
Result<void> EnterConfinement(const ConfinementOptions& options);

}  // namespace ringwall::gofer
