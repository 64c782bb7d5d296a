// Routes of a machine whose only interface is lo: 127.0.0.0/8 and ::1.
#include "sentry/socket/inet/network.h"

namespace ringwall::socket::inet {

Result<Route> Network::RouteTo(const IpAddress& destination, bool via_loopback) {
  if (destination.is_any()) {
    // The wildcard stands for this machine.
    const IpAddress here = destination.is_v4() ? IpAddress::LoopbackV4() : IpAddress::LoopbackV6();
    return Route{.kind = Route::Kind::kLocal, .destination = here, .source = here};
  }
  if (!destination.is_v4()) {
    if (!destination.is_loopback()) return Errno::kENETUNREACH;
    return Route{.kind = Route::Kind::kLocal, .destination = destination, .source = destination};
  }
  Route route{.kind = Route::Kind::kLocal, .destination = destination, .source = IpAddress::LoopbackV4()};
  if (destination.is_broadcast() || destination.is_multicast()) {
    route.kind = destination.is_multicast() ? Route::Kind::kMulticast : Route::Kind::kBroadcast;
    // No route leads there, but an interface may have been chosen.
    if (!destination.is_loopback() && !via_loopback) return Errno::kENETUNREACH;
    return route;
  }
  if (!destination.is_loopback()) return Errno::kENETUNREACH;
  return route;
}

Result<void> Network::CheckLocal(const Name& name, bool any_address, bool stream) {
  const IpAddress& ip = name.ip;
  if (ip.is_any() || ip.is_loopback()) return {};
  if (ip.is_v4()) {
    if (any_address || ip.is_multicast() || ip.is_broadcast()) return {};
    return Errno::kEADDRNOTAVAIL;
  }
  if (ip.is_multicast() && stream) return Errno::kEINVAL;
  if (ip.has_scope() && name.scope == 0) return Errno::kEINVAL;
  if (ip.has_scope()) TRY(CheckInterface(static_cast<int32_t>(name.scope)));
  if (any_address || ip.is_multicast()) return {};
  return Errno::kEADDRNOTAVAIL;
}

Result<uint32_t> Network::CheckInterface(int32_t index) {
  if (index == 0 || index == static_cast<int32_t>(kLoopbackIndex)) return static_cast<uint32_t>(index);
  return Errno::kENODEV;
}

void Network::JoinGroup(const IpAddress& group) {
  MutexLock lock(groups_mu_);
  ++groups_[group];
}

void Network::LeaveGroup(const IpAddress& group) {
  MutexLock lock(groups_mu_);
  const auto it = groups_.find(group);
  if (it != groups_.end() && --it->second == 0) groups_.erase(it);
}

bool Network::HasMembers(const IpAddress& group) const {
  constexpr uint32_t kAllHosts = 0xe0000001;
  if (group.is_v4() && group.v4() == kAllHosts) return true;
  MutexLock lock(groups_mu_);
  return groups_.contains(group);
}

}  // namespace ringwall::socket::inet
