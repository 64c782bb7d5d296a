// RunSentry: the one place where kernel, system calls, file systems and platform meet.
#pragma once

#include "runsc-cli/boot/startup.h"

namespace ringwall::boot {

int RunSentry(BootContext context);

}  // namespace ringwall::boot
