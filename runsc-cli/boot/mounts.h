// The container's mount tree, built from its configuration inside the sentry.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "gofer/client/client.h"
#include "runsc-cli/boot/boot_config.h"
#include "sentry/context/context.h"
#include "sentry/kernel/kernel.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/mount.h"

namespace ringwall::boot {

// Opens the container's terminal: what /dev/console is. Empty without one.
using ConsoleOpener = std::function<Result<Ref<vfs::File>>(Context&, const vfs::Path& path, uint32_t flags)>;

// Makes every mount of config.mounts (missing destinations are created) and the default devices, then masks and protects paths, and gives
// the tree to the kernel. Errors name the mount.
absl::Status BuildMounts(Context& ctx, const BootConfig& config, const Ref<gofer::GoferClient>& gofer, kernel::Kernel& kernel,
                         ConsoleOpener console);

}  // namespace ringwall::boot
