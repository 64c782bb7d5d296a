// The host's side of a Console: one donated terminal (or pipe, socket) descriptor.
#pragma once

#include "base/fd/unique_fd.h"
#include "base/ref/ref.h"
#include "sentry/fs/host/host_poller.h"
#include "sentry/tty/console.h"

namespace ringwall::hostfs {

// `poller` outlives the link.
Ref<tty::ConsoleLink> MakeConsoleLink(HostPoller& poller, UniqueFd fd);

}  // namespace ringwall::hostfs
