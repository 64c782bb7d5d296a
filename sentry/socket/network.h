// The families that share one network: AF_INET, AF_INET6, and AF_NETLINK, which tells about it.
#pragma once

namespace ringwall::socket {

// At boot: a network whose only interface is lo.
void RegisterNetworkFamilies();

}  // namespace ringwall::socket
