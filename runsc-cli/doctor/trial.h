// The proof of the pudding: a whole sandbox that runs true(1).
#pragma once

#include "runsc-cli/doctor/platform_state.h"

namespace ringwall::doctor {

// `ringwall --platform=NAME do -- true`, by this same program. Sets start, its time, and the reason when it failed. Nothing where the host
// has no true(1).
void TryToStart(PlatformState* platform);

}  // namespace ringwall::doctor
