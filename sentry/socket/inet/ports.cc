// The rules of sharing a port, and of finding its owner.
#include "sentry/socket/inet/ports.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "sentry/context/random.h"
#include "sentry/time/clock.h"

namespace ringwall::socket::inet {

namespace {

constexpr int64_t kTimeWaitNs = 60 * time::kNsPerSecond;
// net.ipv4.tcp_max_tw_buckets: beyond it connections are forgotten at once, as on Linux.
constexpr size_t kMaxTimeWaits = 4096;

bool IsDual(const Name& name, int32_t family, bool v6_only) { return family == abi::kAF_INET6 && !v6_only && name.ip == IpAddress(); }

// Could a packet be for both? A dual wildcard covers IPv4 as well (ipv6(7), IPV6_V6ONLY).
bool Overlap(const Name& a, bool a_dual, const Name& b, bool b_dual) {
  if (a_dual || b_dual) return true;
  if (a.ip.is_v4() != b.ip.is_v4()) return false;
  return a.ip == b.ip || a.ip.is_any() || b.ip.is_any();
}

bool SameDevice(uint32_t a, uint32_t b) { return a == 0 || b == 0 || a == b; }

}  // namespace

// The rule of bind(2). `share` is false while an ephemeral port is looked for: one that is nobody's, if there is one.
bool PortTable::ConflictsLocked(const PortOwner& owner, const Binding& binding, bool share) {
  const auto it = ports_.find(binding.local.port);
  if (it == ports_.end()) return false;
  DropExpiredLocked(it->second, time::MonotonicNs());
  if (!share && !it->second.empty()) return true;
  const bool dual = IsDual(binding.local, binding.family, binding.v6_only);
  for (const auto& [other, held] : it->second.owners) {
    if (other == &owner || !SameDevice(binding.device, held.device)) continue;
    if (owner.reuse_address() && other->reuse_address() && (datagrams_ || !other->listening())) continue;
    if (owner.reuse_port() && other->reuse_port() && binding.user == held.user) continue;
    if (Overlap(binding.local, dual, held.local, IsDual(held.local, held.family, held.v6_only))) return true;
  }
  return std::any_of(it->second.waiting.begin(), it->second.waiting.end(), [&](const Waiting& w) {
    if (owner.reuse_address() && w.reuse_address) return false;
    if (owner.reuse_port() && w.reuse_port) return false;
    return Overlap(binding.local, dual, w.tuple.local, false);
  });
}

void PortTable::InsertLocked(PortOwner& owner, Binding binding) {
  Port& port = ports_[binding.local.port];
  binding.order = next_order_++;
  if (!port.owners.try_emplace(&owner, binding).second) return;
  owner.AddRef();
  port.by_bind += binding.by_bind;
}

void PortTable::DropExpiredLocked(Port& port, int64_t now_ns) {
  const auto gone = std::remove_if(port.waiting.begin(), port.waiting.end(), [&](const Waiting& w) { return w.until_ns <= now_ns; });
  time_waits_ -= static_cast<size_t>(port.waiting.end() - gone);
  port.waiting.erase(gone, port.waiting.end());
}

// The first port that `fits`, from a random one on; 0: none.
template <typename Try>
uint16_t PortTable::EphemeralLocked(Try fits) {
  constexpr uint32_t kCount = kLastEphemeral - kFirstEphemeral + 1;
  const auto first = static_cast<uint32_t>(RandomU64() % kCount);
  for (uint32_t i = 0; i < kCount; ++i) {
    const auto port = static_cast<uint16_t>(kFirstEphemeral + (first + i) % kCount);
    if (fits(port)) return port;
  }
  return 0;
}

Result<uint16_t> PortTable::Bind(PortOwner& owner, Binding binding) {
  binding.by_bind = true;
  MutexLock lock(mu_);
  if (binding.local.port != 0) {
    if (ConflictsLocked(owner, binding, true)) return Errno::kEADDRINUSE;
  } else {
    for (const bool share : {false, true}) {
      binding.local.port = EphemeralLocked([&](uint16_t port) {
        mu_.AssertHeld();
        binding.local.port = port;
        return !ConflictsLocked(owner, binding, share);
      });
      if (binding.local.port != 0) break;
    }
    if (binding.local.port == 0) return Errno::kEADDRINUSE;
  }
  InsertLocked(owner, binding);
  return binding.local.port;
}

Result<uint16_t> PortTable::BindForConnect(PortOwner& owner, Binding binding, const Name& peer) {
  MutexLock lock(mu_);
  const uint16_t port = EphemeralLocked([&](uint16_t candidate) {
    mu_.AssertHeld();
    const auto it = ports_.find(candidate);
    if (it != ports_.end() && it->second.by_bind != 0) return false;
    Name local = binding.local;
    local.port = candidate;
    return !tuples_.contains(Tuple{local, peer});
  });
  if (port == 0) return Errno::kEADDRNOTAVAIL;
  binding.local.port = port;
  tuples_.insert(Tuple{binding.local, peer});
  InsertLocked(owner, binding);
  return port;
}

void PortTable::Adopt(PortOwner& owner, Binding binding) {
  MutexLock lock(mu_);
  InsertLocked(owner, binding);
}

Result<void> PortTable::StartListening(PortOwner& owner, uint16_t number) {
  MutexLock lock(mu_);
  const auto it = ports_.find(number);
  if (it == ports_.end()) return Errno::kEINVAL;
  Port& port = it->second;
  const auto held = port.owners.find(&owner);
  if (held == port.owners.end()) return Errno::kEINVAL;
  if (held->second.listener) return {};
  if (ConflictsLocked(owner, held->second, true)) return Errno::kEADDRINUSE;
  held->second.listener = true;
  port.listeners.push_back(&owner);
  return {};
}

void PortTable::StopListening(PortOwner& owner, uint16_t number) {
  MutexLock lock(mu_);
  const auto it = ports_.find(number);
  if (it == ports_.end()) return;
  std::erase(it->second.listeners, &owner);
  if (const auto held = it->second.owners.find(&owner); held != it->second.owners.end()) held->second.listener = false;
}

void PortTable::SetLocal(PortOwner& owner, uint16_t number, const IpAddress& ip) {
  MutexLock lock(mu_);
  const auto it = ports_.find(number);
  if (it == ports_.end()) return;
  if (const auto held = it->second.owners.find(&owner); held != it->second.owners.end()) held->second.local.ip = ip;
}

void PortTable::Unbind(PortOwner& owner, uint16_t number) {
  RefPtr<PortOwner> dropped;  // the table's reference, outside the lock
  MutexLock lock(mu_);
  const auto it = ports_.find(number);
  if (it == ports_.end()) return;
  const auto held = it->second.owners.find(&owner);
  if (held == it->second.owners.end()) return;
  it->second.by_bind -= held->second.by_bind;
  it->second.owners.erase(held);
  std::erase(it->second.listeners, &owner);
  if (it->second.empty()) ports_.erase(it);
  dropped = RefPtr<PortOwner>(Ref<PortOwner>(&owner, Ref<PortOwner>::AdoptTag{}));
}

bool PortTable::AddTuple(const Tuple& tuple) {
  MutexLock lock(mu_);
  return tuples_.insert(tuple).second;
}

void PortTable::RemoveTuple(const Tuple& tuple) {
  MutexLock lock(mu_);
  tuples_.erase(tuple);
}

void PortTable::AddTimeWait(const Tuple& tuple, int32_t family, bool reuse_address, bool reuse_port, uint32_t user) {
  const int64_t now_ns = time::MonotonicNs();
  MutexLock lock(mu_);
  if (time_waits_ >= kMaxTimeWaits) {
    for (auto& [number, port] : ports_) DropExpiredLocked(port, now_ns);
    absl::erase_if(ports_, [](const auto& entry) { return entry.second.empty(); });
    if (time_waits_ >= kMaxTimeWaits) return;
  }
  ports_[tuple.local.port].waiting.push_back({.tuple = tuple,
                                              .family = family,
                                              .reuse_address = reuse_address,
                                              .reuse_port = reuse_port,
                                              .user = user,
                                              .until_ns = now_ns + kTimeWaitNs});
  ++time_waits_;
}

void PortTable::RemoveTimeWait(const Tuple& tuple) {
  MutexLock lock(mu_);
  const auto it = ports_.find(tuple.local.port);
  if (it == ports_.end()) return;
  std::vector<Waiting>& waiting = it->second.waiting;
  const auto gone = std::remove_if(waiting.begin(), waiting.end(), [&](const Waiting& w) { return w.tuple == tuple; });
  time_waits_ -= static_cast<size_t>(waiting.end() - gone);
  waiting.erase(gone, waiting.end());
  if (it->second.empty()) ports_.erase(it);
}

RefPtr<PortOwner> PortTable::FindListener(const Name& to, uint32_t device, const Name& from) const {
  MutexLock lock(mu_);
  const auto it = ports_.find(to.port);
  if (it == ports_.end()) return nullptr;
  int best_score = 0;
  std::vector<PortOwner*> best;
  for (PortOwner* listener : it->second.listeners) {
    const auto held = it->second.owners.find(listener);
    if (held == it->second.owners.end() || !listener->listening()) continue;
    const Binding& binding = held->second;
    if (!SameDevice(binding.device, device)) continue;
    if (!Overlap(binding.local, IsDual(binding.local, binding.family, binding.v6_only), to, false)) continue;
    // An exact address before the wildcard of its own family before a dual one (ip(7)).
    const int score =
        1 + (binding.local.ip == to.ip ? 4 : 0) + (binding.device != 0 ? 2 : 0) + (binding.local.ip.is_v4() == to.ip.is_v4() ? 1 : 0);
    if (score > best_score) best.clear();
    best_score = std::max(best_score, score);
    if (score == best_score) best.push_back(listener);
  }
  if (best.empty()) return nullptr;
  // More than one only with SO_REUSEPORT: by the client's name.
  return RefPtr<PortOwner>::Share(best[absl::Hash<Name>{}(from) % best.size()]);
}

RefPtr<PortOwner> PortTable::FindBest(uint16_t number, const Name& from, const Score& score) const {
  MutexLock lock(mu_);
  const auto it = ports_.find(number);
  if (it == ports_.end()) return nullptr;
  int best_score = 0;
  uint64_t best_order = 0;
  PortOwner* best = nullptr;
  std::vector<PortOwner*> group;
  for (const auto& [owner, binding] : it->second.owners) {
    const int value = score(*owner, binding);
    if (value == 0 || value < best_score) continue;
    if (value > best_score) group.clear();
    if (value > best_score || binding.order > best_order) {
      best = owner;
      best_order = binding.order;
    }
    best_score = value;
    if (owner->reuse_port()) group.push_back(owner);
  }
  if (best != nullptr && best->reuse_port() && group.size() > 1) {
    std::sort(group.begin(), group.end());
    best = group[absl::Hash<Name>{}(from) % group.size()];
  }
  return RefPtr<PortOwner>::Share(best);
}

std::vector<Ref<PortOwner>> PortTable::FindAll(uint16_t number, const Score& wanted) const {
  std::vector<Ref<PortOwner>> found;
  MutexLock lock(mu_);
  const auto it = ports_.find(number);
  if (it == ports_.end()) return found;
  for (const auto& [owner, binding] : it->second.owners) {
    if (wanted(*owner, binding) != 0) found.emplace_back(*owner);
  }
  return found;
}

std::vector<Ref<PortOwner>> PortTable::Owners() const {
  std::vector<std::pair<uint64_t, Ref<PortOwner>>> ordered;
  {
    MutexLock lock(mu_);
    for (const auto& [number, port] : ports_) {
      for (const auto& [owner, binding] : port.owners) ordered.emplace_back(binding.order, Ref<PortOwner>(*owner));
    }
  }
  std::sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Ref<PortOwner>> owners;
  owners.reserve(ordered.size());
  for (auto& [order, owner] : ordered) owners.push_back(std::move(owner));
  return owners;
}

std::vector<PortTable::Waiting> PortTable::TimeWaits() const {
  const int64_t now_ns = time::MonotonicNs();
  std::vector<Waiting> all;
  MutexLock lock(mu_);
  for (const auto& [number, port] : ports_) {
    std::copy_if(port.waiting.begin(), port.waiting.end(), std::back_inserter(all), [&](const Waiting& w) { return w.until_ns > now_ns; });
  }
  return all;
}

}  // namespace ringwall::socket::inet
