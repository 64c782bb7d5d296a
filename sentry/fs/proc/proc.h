// proc(5): processes and kernel state as files.
#pragma once

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/context/context.h"
#include "sentry/vfs/inode.h"

namespace ringwall::kernel {
class Kernel;
}

namespace ringwall::proc {

// One instance shows the kernel's one pid namespace. `kernel` outlives it.
Result<Ref<vfs::FileSystem>> Create(Context& ctx, kernel::Kernel& kernel);

}  // namespace ringwall::proc
