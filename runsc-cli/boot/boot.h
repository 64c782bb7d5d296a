// RunSentry: the one place where kernel, system calls, file systems and platform meet. ProbePlatforms: which platforms would work here.
#pragma once

#include <vector>

#include "runsc-cli/boot/startup.h"
#include "runsc-cli/doctor/platform_state.h"

namespace ringwall::boot {

int RunSentry(BootContext context);

// The one that `auto` prefers first. Tries the real thing, in children that it reaps; the calling process has one thread.
std::vector<doctor::PlatformState> ProbePlatforms();

}  // namespace ringwall::boot
