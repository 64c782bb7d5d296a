// AF_UNIX for the registry of families (unix(7)).
#pragma once

#include "base/ref/ref.h"
#include "sentry/socket/socket.h"

namespace ringwall::socket {

// A family with its own abstract names. At boot: RegisterFamily(abi::kAF_UNIX, MakeUnixFamily()).
Ref<Family> MakeUnixFamily();

}  // namespace ringwall::socket
