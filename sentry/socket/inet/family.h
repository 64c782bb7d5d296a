// AF_INET and AF_INET6 for the registry of families (ip(7), ipv6(7)).
#pragma once

#include "base/ref/ref.h"
#include "sentry/socket/inet/network.h"
#include "sentry/socket/socket.h"

namespace ringwall::socket {

// `family` is AF_INET or AF_INET6.
Ref<Family> MakeInetFamily(Ref<inet::Network> network, int32_t family);

}  // namespace ringwall::socket
