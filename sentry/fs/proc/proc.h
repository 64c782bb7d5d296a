// proc(5): processes and kernel state as files.
#pragma once

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/context/context.h"
#include "sentry/ns/pid_namespace.h"
#include "sentry/vfs/inode.h"

namespace ringwall::kernel {
class Kernel;
}
namespace ringwall::task {
class ThreadGroup;
}
namespace ringwall::vfs {
class File;
}

namespace ringwall::proc {

// One instance shows one pid namespace; null is the initial one. `kernel` outlives it.
Result<Ref<vfs::FileSystem>> Create(Context& ctx, kernel::Kernel& kernel, RefPtr<ns::PidNamespace> view = nullptr);

// The process that an open /proc/PID stands for, as pidfd_send_signal(2) takes one for a pidfd. Null: it is another file.
RefPtr<task::ThreadGroup> ProcessOf(const vfs::File& file);

}  // namespace ringwall::proc
