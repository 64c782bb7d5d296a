// passwd(5): where a user of the container is at home.
#pragma once

#include <cstdint>
#include <string>

#include "sentry/context/context.h"
#include "sentry/kernel/kernel.h"

namespace ringwall::boot {

// The home directory of `uid` in the container's /etc/passwd; "/" when the file does not tell.
std::string HomeOf(Context& ctx, const kernel::Kernel& kernel, uint32_t uid);

}  // namespace ringwall::boot
