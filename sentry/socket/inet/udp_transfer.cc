// Datagrams from one socket of this machine to another (udp(7)). Bytes are copied in before, and out after, any lock is held.
#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "abi/poll.h"
#include "sentry/socket/inet/udp_endpoint.h"

namespace ringwall::socket::inet {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM;
constexpr Errno kNoError = static_cast<Errno>(0);
constexpr size_t kMaxPacket = 65535, kUdpHeader = 8, kIpv4Header = 20;
constexpr uint32_t kMaxSegments = 128;

size_t MaxPayload(const Name& to) { return kMaxPacket - kUdpHeader - (to.ip.is_v4() ? kIpv4Header : 0); }

}  // namespace

// What Linux's buffers for a datagram of this size take, so that as many fit into SO_RCVBUF.
uint64_t UdpEndpoint::CostOf(const Datagram& datagram) {
  constexpr uint64_t kBook = 256, kTail = 384, kPage = 4096;
  const uint64_t size = datagram.length + kTail;
  return kBook + (size <= kPage ? std::bit_ceil(std::max<uint64_t>(size, 512)) : (size + kPage - 1) / kPage * kPage);
}

// ---- sending ----

Result<void> UdpEndpoint::CheckSend() {
  MutexLock lock(mu_);
  if (error_ != kNoError) return std::exchange(error_, kNoError);
  if (send_shut_) return Errno::kEPIPE;
  return {};
}

Result<Name> UdpEndpoint::Destination(const Address& to) const {
  if (!to.empty()) {
    const Name name = TRY(ParsePeer(to, true));
    if (name.port == 0) return Errno::kEINVAL;
    return name;
  }
  MutexLock lock(mu_);
  if (!connected_) return Errno::kEDESTADDRREQ;
  return peer_;
}

Result<Route> UdpEndpoint::RouteFor(const Name& to, const SendOptions& options) const {
  IpAddress local;
  {
    MutexLock lock(mu_);
    local = local_.ip;
  }
  if (options.source) local = *options.source;
  const bool chosen = device() != 0 || options.multicast_interface != 0 || local.is_loopback();
  const Route route = TRY(Network::RouteTo(to.ip, chosen));
  if (!local.is_any() && local.is_v4() != route.destination.is_v4()) return Errno::kENETUNREACH;
  if (route.kind == Route::Kind::kBroadcast && !options.broadcast) return Errno::kEACCES;
  return route;
}

Result<size_t> UdpEndpoint::Send(Context& ctx, mm::IoSource& source, const Address& to, const SendOptions& options) {
  const size_t length = source.remaining();
  if (length > kMaxPacket) return Errno::kEMSGSIZE;
  if ((options.flags & abi::kMSG_OOB) != 0) return Errno::kEOPNOTSUPP;
  const Name name = TRY(Destination(to));
  TRY(RouteFor(name, options));
  TRY(AutoBind());
  TRY(CheckSend());
  if (length > MaxPayload(name)) return Errno::kEMSGSIZE;
  if (options.segment != 0 && length > options.segment * kMaxSegments) return Errno::kEINVAL;

  RefPtr<Payload> payload;
  if (length != 0) {
    payload = MakeRef<Payload>(length);
    const size_t copied = TRY(source.Take({payload->data(), length}));
    if (copied != length) return Errno::kEFAULT;
  }
  const bool hold = (options.flags & abi::kMSG_MORE) != 0 || options_.Get<abi::kSOL_UDP, abi::kUDP_CORK>() != 0;
  std::optional<Corked> whole;
  {
    MutexLock lock(mu_);
    if (hold || corked_) {
      if (!corked_) corked_ = Corked{.to = name, .options = options, .bytes = {}};
      if (corked_->bytes.size() + length > MaxPayload(corked_->to)) return Errno::kEMSGSIZE;
      if (length != 0) corked_->bytes.insert(corked_->bytes.end(), payload->data(), payload->data() + length);
      if (hold) return length;
      whole = std::exchange(corked_, std::nullopt);
    }
  }
  if (!whole) {
    TRY(Transmit(ctx, std::move(payload), static_cast<uint32_t>(length), name, options));
    return length;
  }
  Ref<Payload> joined = MakeRef<Payload>(std::max<size_t>(whole->bytes.size(), 1));
  if (!whole->bytes.empty()) std::memcpy(joined->data(), whole->bytes.data(), whole->bytes.size());
  TRY(Transmit(ctx, std::move(joined), static_cast<uint32_t>(whole->bytes.size()), whole->to, whole->options));
  return length;
}

Result<void> UdpEndpoint::Uncork(Context& ctx) {
  std::optional<Corked> whole;
  {
    MutexLock lock(mu_);
    whole = std::exchange(corked_, std::nullopt);
  }
  if (!whole) return {};
  Ref<Payload> joined = MakeRef<Payload>(std::max<size_t>(whole->bytes.size(), 1));
  if (!whole->bytes.empty()) std::memcpy(joined->data(), whole->bytes.data(), whole->bytes.size());
  return Transmit(ctx, std::move(joined), static_cast<uint32_t>(whole->bytes.size()), whole->to, whole->options);
}

Result<void> UdpEndpoint::Transmit(Context& ctx, RefPtr<Payload> payload, uint32_t length, const Name& to, const SendOptions& options) {
  const Route route = TRY(RouteFor(to, options));
  Datagram datagram;
  datagram.payload = std::move(payload);
  datagram.length = length;
  datagram.to = to;
  datagram.to.ip = route.destination;
  {
    MutexLock lock(mu_);
    datagram.from = local_;
  }
  if (datagram.from.ip.is_any() || datagram.from.ip.is_multicast()) datagram.from.ip = route.source;
  if (options.source) datagram.from.ip = *options.source;
  const bool v4 = to.ip.is_v4(), multicast = route.kind == Route::Kind::kMulticast;
  if (v4) {
    datagram.ttl = multicast ? options_.Get<abi::kSOL_IP, abi::kIP_MULTICAST_TTL>() : options_.Get<abi::kSOL_IP, abi::kIP_TTL>();
    datagram.traffic_class = options_.Get<abi::kSOL_IP, abi::kIP_TOS>();
  } else {
    datagram.ttl = options_.Get<abi::kSOL_IPV6, abi::kIPV6_UNICAST_HOPS>();
    datagram.traffic_class = options_.Get<abi::kSOL_IPV6, abi::kIPV6_TCLASS>();
  }
  datagram.ttl = options.ttl.value_or(datagram.ttl);
  datagram.traffic_class = options.traffic_class.value_or(datagram.traffic_class);
  const uint32_t piece = options.segment != 0 ? options.segment : std::max<uint32_t>(length, 1);
  for (uint32_t done = 0; done < std::max<uint32_t>(length, 1); done += piece) {
    Datagram part = datagram;
    part.length = std::min(piece, length - done);
    if (part.length < length) {
      // Memory of its own: a small piece must not keep all the others'.
      part.payload = MakeRef<Payload>(part.length);
      std::memcpy(part.payload->data(), datagram.payload->data() + done, part.length);
    }
    TRY(TransmitOne(ctx, std::move(part), route));
  }
  return {};
}

Result<void> UdpEndpoint::TransmitOne(Context& ctx, Datagram datagram, const Route& route) {
  datagram.arrived = ctx.Now();
  network_->Count(datagram.length + kUdpHeader + kIpv4Header);
  if (route.kind == Route::Kind::kLocal) {
    const RefPtr<PortOwner> found = ports_.FindBest(datagram.to.port, datagram.from, [&](PortOwner& owner, const Binding& binding) {
      return static_cast<UdpEndpoint&>(owner).ScoreFor(binding, datagram);
    });
    if (!found) {
      OnUnreachable(datagram);
      return {};
    }
    static_cast<UdpEndpoint&>(*found).Deliver(datagram);
    return {};
  }
  const bool multicast = route.kind == Route::Kind::kMulticast;
  if (multicast && !network_->HasMembers(datagram.to.ip)) return {};
  const auto receivers = ports_.FindAll(datagram.to.port, [&](PortOwner& owner, const Binding& binding) {
    auto& endpoint = static_cast<UdpEndpoint&>(owner);
    return endpoint.ScoreFor(binding, datagram) != 0 && (!multicast || endpoint.WantsGroup(binding, datagram)) ? 1 : 0;
  });
  for (const Ref<PortOwner>& receiver : receivers) static_cast<UdpEndpoint&>(*receiver).Deliver(datagram);
  return {};
}

// ---- receiving ----

int UdpEndpoint::ScoreFor(const Binding& binding, const Datagram& datagram) const {
  const bool v4 = datagram.to.ip.is_v4();
  const bool dual = binding.local.ip == IpAddress() && !binding.v6_only;
  const bool wildcard = binding.local.ip.is_any();
  if (binding.local.ip.is_v4() != v4 && !dual) return 0;
  if (!wildcard && !(binding.local.ip == datagram.to.ip)) return 0;
  if (binding.device != 0 && binding.device != kLoopbackIndex) return 0;
  int score = 1 + (v4 == (family_ == abi::kAF_INET) ? 1 : 0) + (wildcard ? 0 : 4) + (binding.device != 0 ? 4 : 0);
  MutexLock lock(mu_);
  if (gone_) return 0;
  if (connected_) {
    if (peer_.ip != datagram.from.ip || (peer_.port != 0 && peer_.port != datagram.from.port)) return 0;
    score += 8;
  }
  return score;
}

// ip(7), IP_MULTICAST_ALL: also groups that others have joined.
bool UdpEndpoint::WantsGroup(const Binding& binding, const Datagram& datagram) const {
  if (binding.local.ip == datagram.to.ip) return true;
  if (options_.Get<abi::kSOL_IP, abi::kIP_MULTICAST_ALL>() != 0) return true;
  MutexLock lock(mu_);
  return std::find(groups_.begin(), groups_.end(), datagram.to.ip) != groups_.end();
}

void UdpEndpoint::Deliver(const Datagram& datagram) {
  const uint64_t cost = CostOf(datagram);
  {
    MutexLock lock(mu_);
    if (gone_) return;
    // One always fits (socket(7), SO_RCVBUF); more than the buffer holds is lost without a word.
    if (charge_ != 0 && charge_ + cost > receive_buffer_.load(std::memory_order_relaxed)) {
      ++drops_;
      return;
    }
    charge_ += cost;
    inbox_.push_back(datagram);
    inbox_.back().dropped_before = drops_;
  }
  events_->waiters.Notify(kIn);
}

void UdpEndpoint::OnUnreachable(const Datagram& datagram) {
  const bool v4 = datagram.to.ip.is_v4();
  const bool queued = v4 ? options_.Get<abi::kSOL_IP, abi::kIP_RECVERR>() != 0 : options_.Get<abi::kSOL_IPV6, abi::kIPV6_RECVERR>() != 0;
  {
    MutexLock lock(mu_);
    if (!connected_ && !queued) return;
    error_ = Errno::kECONNREFUSED;
    const uint64_t cost = CostOf(datagram);
    if (queued && (charge_ == 0 || charge_ + cost <= receive_buffer_.load(std::memory_order_relaxed))) {
      charge_ += cost;
      Objection objection{.datagram = datagram, .error = {}};
      objection.error.ee_errno = static_cast<uint32_t>(Errno::kECONNREFUSED);
      objection.error.ee_origin = v4 ? abi::kSO_EE_ORIGIN_ICMP : abi::kSO_EE_ORIGIN_ICMP6;
      objection.error.ee_type = v4 ? abi::kICMP_DEST_UNREACH : abi::kICMPV6_DEST_UNREACH;
      objection.error.ee_code = v4 ? abi::kICMP_PORT_UNREACH : abi::kICMPV6_PORT_UNREACH;
      objections_.push_back(std::move(objection));
    }
  }
  events_->waiters.Notify(abi::kPOLLERR | kIn);
}

Result<std::optional<Datagram>> UdpEndpoint::Take(bool peek, bool nonblocking) {
  std::optional<Datagram> taken;
  MutexLock lock(mu_);
  if (error_ != kNoError) return std::exchange(error_, kNoError);
  if (inbox_.empty()) {
    // Only who would wait learns of the end.
    if (receive_shut_ && !nonblocking) return taken;
    return Errno::kEAGAIN;
  }
  if (peek) {
    taken = inbox_.front();
    return taken;
  }
  charge_ -= CostOf(inbox_.front());
  taken = std::move(inbox_.front());
  inbox_.pop_front();
  return taken;
}

Result<Objection> UdpEndpoint::TakeObjection(bool peek) {
  MutexLock lock(mu_);
  if (objections_.empty()) return Errno::kEAGAIN;
  Objection objection = objections_.front();
  if (!peek) {
    charge_ -= CostOf(objection.datagram);
    objections_.pop_front();
    // What the socket still has to say is the next one's.
    error_ = objections_.empty() ? kNoError : static_cast<Errno>(objections_.front().error.ee_errno);
  }
  return objection;
}

}  // namespace ringwall::socket::inet
