// The container's mount tree, built from its configuration inside the sentry.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "base/ref/ref.h"
#include "gofer/client/client.h"
#include "runsc-cli/boot/boot_config.h"
#include "sentry/context/context.h"
#include "sentry/kernel/kernel.h"
#include "sentry/vfs/mount.h"

namespace ringwall::boot {

// Makes every mount of config.mounts (missing destinations are created), then masks and protects paths, and gives the tree to the kernel.
// Errors name the mount.
absl::Status BuildMounts(Context& ctx, const BootConfig& config, const Ref<gofer::GoferClient>& gofer, kernel::Kernel& kernel);

}  // namespace ringwall::boot
