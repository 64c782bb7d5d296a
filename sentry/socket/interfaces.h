// ioctl(2) of network interfaces (netdevice(7)). There is one, lo; nothing about it can be changed.
#pragma once

#include <cstdint>

#include "base/error/result.h"
#include "sentry/context/context.h"

namespace ringwall::socket {

// Commands that sockets of every family know, and those about IPv4 addresses when `inet`. ENOTTY for all others; ENODEV for an interface
// that is not there; EPERM for changes.
Result<int64_t> InterfaceIoctl(Context& ctx, uint32_t command, uint64_t argument, bool inet);

}  // namespace ringwall::socket
