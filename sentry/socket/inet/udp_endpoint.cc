// State of UDP sockets: connect(2), shutdown(2), close(2), poll(2), groups.
#include "sentry/socket/inet/udp_endpoint.h"

#include <algorithm>
#include <utility>

#include "abi/poll.h"

namespace ringwall::socket::inet {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM, kOut = abi::kPOLLOUT | abi::kPOLLWRNORM | abi::kPOLLWRBAND;
constexpr wait::EventMask kAll = kIn | kOut | abi::kPOLLRDHUP | abi::kPOLLHUP | abi::kPOLLERR;
constexpr Errno kNoError = static_cast<Errno>(0);
constexpr size_t kMaxMemberships = 20;  // net.ipv4.igmp_max_memberships

}  // namespace

Result<void> UdpEndpoint::Connect(const Address& address, bool broadcast, uint32_t multicast_interface) {
  if (address.size() < sizeof(uint16_t)) return Errno::kEINVAL;
  if (address.family() == abi::kAF_UNSPEC) {
    Disconnect();
    return {};
  }
  Name to = TRY(ParsePeer(address, true));
  if (to.ip.has_scope() && to.scope == 0) return Errno::kEINVAL;
  const Route route = TRY(RouteFor(to, {.broadcast = broadcast, .multicast_interface = multicast_interface}));
  to.ip = route.destination;
  TRY(AutoBind());
  uint16_t port;
  IpAddress ip;
  {
    MutexLock lock(mu_);
    if (local_.ip.is_any()) local_.ip = route.source;
    peer_ = to;
    connected_ = true;
    port = local_.port;
    ip = local_.ip;
  }
  ports_.SetLocal(*this, port, ip);
  return {};
}

void UdpEndpoint::Disconnect() {
  bool keeps_port;
  uint16_t port;
  IpAddress ip;
  {
    MutexLock lock(mu_);
    connected_ = false;
    peer_ = {};
    error_ = kNoError;
    ip = local_.ip = bound_ip_;
    port = local_.port;
    keeps_port = by_bind_;
    if (!keeps_port && !bound_) return;
  }
  if (keeps_port) {
    ports_.SetLocal(*this, port, ip);
    return;
  }
  Unbind();
  MutexLock lock(mu_);
  if (!bound_) local_.port = 0;
}

// Tells those who wait in any case; without a peer it is an error all the same (shutdown(2)).
Result<void> UdpEndpoint::Shutdown(bool reading, bool writing) {
  bool connected;
  {
    MutexLock lock(mu_);
    receive_shut_ = receive_shut_ || reading;
    send_shut_ = send_shut_ || writing;
    connected = connected_;
  }
  events_->waiters.Notify(kAll);
  if (!connected) return Errno::kENOTCONN;
  return {};
}

void UdpEndpoint::Close() {
  std::deque<Datagram> unread;
  std::deque<Objection> untold;
  std::vector<IpAddress> groups;
  {
    MutexLock lock(mu_);
    gone_ = true;
    unread.swap(inbox_);
    untold.swap(objections_);
    groups.swap(groups_);
    corked_.reset();
  }
  for (const IpAddress& group : groups) network_->LeaveGroup(group);
  Unbind();
}

Result<Address> UdpEndpoint::PeerName() const {
  MutexLock lock(mu_);
  if (!connected_ || peer_.port == 0) return Errno::kENOTCONN;
  return AddressOf(peer_, family_);
}

wait::EventMask UdpEndpoint::Readiness(wait::EventMask mask) {
  wait::EventMask ready = kOut;
  MutexLock lock(mu_);
  if (error_ != kNoError || !objections_.empty()) ready |= abi::kPOLLERR;
  if (receive_shut_) ready |= kIn | abi::kPOLLRDHUP;
  if (receive_shut_ && send_shut_) ready |= abi::kPOLLHUP;
  if (!inbox_.empty()) ready |= kIn;
  return ready & (mask | abi::kPOLLERR | abi::kPOLLHUP);
}

Errno UdpEndpoint::TakeError() {
  MutexLock lock(mu_);
  return std::exchange(error_, kNoError);
}

size_t UdpEndpoint::NextSize() const {
  MutexLock lock(mu_);
  return inbox_.empty() ? 0 : inbox_.front().length;
}

void UdpEndpoint::SetReceiveBuffer(uint32_t bytes) { receive_buffer_.store(bytes, std::memory_order_relaxed); }

Result<void> UdpEndpoint::Join(const IpAddress& group) {
  {
    MutexLock lock(mu_);
    if (std::find(groups_.begin(), groups_.end(), group) != groups_.end()) return Errno::kEADDRINUSE;
    if (groups_.size() >= kMaxMemberships) return Errno::kENOBUFS;
    groups_.push_back(group);
  }
  network_->JoinGroup(group);
  return {};
}

Result<void> UdpEndpoint::Leave(const IpAddress& group) {
  {
    MutexLock lock(mu_);
    if (std::erase(groups_, group) == 0) return Errno::kEADDRNOTAVAIL;
  }
  network_->LeaveGroup(group);
  return {};
}

UdpEndpoint::Row UdpEndpoint::row() const {
  MutexLock lock(mu_);
  return {.local = local_, .peer = peer_, .connected = connected_, .receive = charge_, .drops = drops_};
}

}  // namespace ringwall::socket::inet
