// One network, three families.
#include "sentry/socket/network.h"

#include "sentry/socket/inet/family.h"
#include "sentry/socket/netlink/family.h"

namespace ringwall::socket {

void RegisterNetworkFamilies() {
  const Ref<inet::Network> network = MakeRef<inet::Network>();
  RegisterFamily(abi::kAF_INET, MakeInetFamily(network, abi::kAF_INET));
  RegisterFamily(abi::kAF_INET6, MakeInetFamily(network, abi::kAF_INET6));
  RegisterFamily(abi::kAF_NETLINK, MakeNetlinkFamily(network));
}

}  // namespace ringwall::socket
