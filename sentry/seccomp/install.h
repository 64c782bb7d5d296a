// Installing filters (seccomp(2)) and handing them down.
#pragma once

#include <cstdint>

#include "base/bpf/program.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/seccomp/listener.h"

namespace ringwall::task {
class Task;
}

namespace ringwall::seccomp {

// SECCOMP_SET_MODE_STRICT: EINVAL once there are filters.
Result<void> SetStrict(task::Task& task);
// SECCOMP_SET_MODE_FILTER: EINVAL in strict mode, EBUSY for a second listener, ENOMEM. With SECCOMP_FILTER_FLAG_TSYNC the number of a
// thread that has other filters, or ESRCH with TSYNC_ESRCH; else 0. `listener` becomes the new filter's.
Result<int32_t> InstallFilter(task::Task& task, bpf::Program program, uint32_t flags, RefPtr<Listener> listener);
// fork(2): the child, published and not yet started, has what its creator has.
void Inherit(task::Task& parent, task::Task& child);
// The task ends: its question is withdrawn, its filters are no longer used.
void OnTaskGone(task::Task& task);

}  // namespace ringwall::seccomp
