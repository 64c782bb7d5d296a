// The tables of /proc/net that are about inet sockets and lo (proc_pid_net(5)).
#pragma once

#include <string>
#include <string_view>

#include "base/error/result.h"
#include "sentry/socket/inet/network.h"

namespace ringwall::socket::inet {

// ENOENT when `name` is none of this family's.
Result<std::string> TableText(Network& network, int32_t family, std::string_view name);

}  // namespace ringwall::socket::inet
