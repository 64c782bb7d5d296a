// Handlers of the ipc family: one declaration per call; the definitions are in the file named after their man page.
#pragma once

#include "syscalls/core/args.h"

namespace ringwall::syscalls {}  // namespace ringwall::syscalls
