// The descriptor of a seccomp listener (seccomp_unotify(2)).
#pragma once

#include "base/ref/ref.h"
#include "sentry/seccomp/listener.h"
#include "sentry/vfs/file.h"

namespace ringwall::syscalls {

// Closes the listener with its last reference.
Ref<vfs::File> MakeListenerFile(Context& ctx, Ref<seccomp::Listener> listener);

}  // namespace ringwall::syscalls
