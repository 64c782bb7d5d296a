// AF_NETLINK for the registry of families (netlink(7)).
#pragma once

#include "base/ref/ref.h"
#include "sentry/socket/inet/network.h"
#include "sentry/socket/socket.h"

namespace ringwall::socket {

Ref<Family> MakeNetlinkFamily(Ref<inet::Network> network);

}  // namespace ringwall::socket
