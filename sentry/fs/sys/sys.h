// sysfs(5): what the sandbox shows of the machine. Read-only.
#pragma once

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/context/context.h"
#include "sentry/vfs/inode.h"

namespace ringwall::sys {

Result<Ref<vfs::FileSystem>> Create(Context& ctx);

}  // namespace ringwall::sys
