// State of one end: poll(2) readiness, shutdown(2), close(2), and what the other end hears of it.
#include "sentry/socket/unix/endpoint.h"

#include <algorithm>
#include <utility>

#include "abi/poll.h"
#include "absl/strings/str_format.h"
#include "sentry/cred/credentials.h"

namespace ringwall::socket::unix_domain {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM, kOut = abi::kPOLLOUT | abi::kPOLLWRNORM | abi::kPOLLWRBAND;
constexpr wait::EventMask kAll = kIn | kOut | abi::kPOLLRDHUP | abi::kPOLLHUP | abi::kPOLLERR;
constexpr size_t kMaxDatagrams = 10;  // net.unix.max_dgram_qlen

}  // namespace

Identity IdentityOf(Context& ctx) {
  const cred::Credentials& creds = ctx.creds();
  return {.known = true, .ids = {.pid = ctx.tgid(), .uid = creds.euid, .gid = creds.egid}, .groups = creds.groups};
}

void Endpoint::Join(Context& ctx, Endpoint& one, Endpoint& two) {
  for (auto [end, other] : {std::pair(&one, &two), std::pair(&two, &one)}) {
    MutexLock lock(end->mu_);
    end->peer_ = RefPtr<Endpoint>::Share(other);
    end->state_ = State::kConnected;
    end->peer_identity_ = IdentityOf(ctx);
  }
  one.MarkAccepted();
  two.MarkAccepted();
}

void Endpoint::Gate::Open() { queue_.Notify(kOut); }

bool Endpoint::FullLocked() const { return state_ == State::kListening ? pending_.size() > backlog_ : inbox_.size() > kMaxDatagrams; }

bool Endpoint::HasRoom() const {
  MutexLock lock(mu_);
  return closed_ || receive_shut_ || !FullLocked();
}

wait::EventMask Endpoint::Readiness(wait::EventMask mask) {
  wait::EventMask ready = 0;
  RefPtr<Endpoint> peer;
  bool can_send;
  {
    MutexLock lock(mu_);
    if (static_cast<int32_t>(error_) != 0) ready |= abi::kPOLLERR;
    if (receive_shut_) ready |= kIn | abi::kPOLLRDHUP;
    if (receive_shut_ && send_shut_) ready |= abi::kPOLLHUP;
    if (!inbox_.empty() || !pending_.empty()) ready |= kIn;
    if (connection_oriented() && (state_ == State::kIdle || state_ == State::kConnecting)) ready |= abi::kPOLLHUP;
    can_send = state_ != State::kListening && writable();
    if (!connection_oriented()) peer = peer_;
  }
  if (can_send && peer && peer.get() != this && (mask & kOut) != 0) {
    // A full receiver stops only those it is not connected to itself; it tells us when it has room.
    MutexLock lock(peer->mu_);
    if (!peer->closed_ && peer->peer_.get() != this && peer->FullLocked()) {
      can_send = false;
      peer->relays_.try_emplace(this, Ref<Endpoint>(*this));
    }
  }
  if (can_send) ready |= kOut;
  return ready & (mask | abi::kPOLLERR | abi::kPOLLHUP);
}

void Endpoint::Uncharge(size_t amount) {
  charged_.fetch_sub(amount);
  if (writable()) queue_.Notify(kOut);
}

void Endpoint::SetSendLimit(uint32_t limit) {
  send_limit_.store(limit, std::memory_order_relaxed);
  if (writable()) queue_.Notify(kOut);
}

void Endpoint::Wake(Relays relays) {
  for (const auto& [endpoint, ref] : relays) ref->queue_.Notify(kOut);
}

void Endpoint::RemoveRelay(Endpoint& sender) {
  RefPtr<Endpoint> removed;  // dies outside the lock
  MutexLock lock(mu_);
  const auto it = relays_.find(&sender);
  if (it == relays_.end()) return;
  removed = std::move(it->second);
  relays_.erase(it);
}

Result<void> Endpoint::Shutdown(int32_t how) {
  if (how != abi::kSHUT_RD && how != abi::kSHUT_WR && how != abi::kSHUT_RDWR) return Errno::kEINVAL;
  const bool reading = how != abi::kSHUT_WR, writing = how != abi::kSHUT_RD;
  RefPtr<Endpoint> peer;
  Relays relays;
  {
    MutexLock lock(mu_);
    receive_shut_ = receive_shut_ || reading;
    send_shut_ = send_shut_ || writing;
    if (connection_oriented()) peer = peer_;
    if (reading) relays.swap(relays_);
  }
  if (peer) peer->OnPeerShutdown(writing, reading);
  queue_.Notify(kAll);
  gate_.Open();
  Wake(std::move(relays));
  return {};
}

void Endpoint::OnPeerShutdown(bool no_more_to_read, bool no_more_to_write) {
  {
    MutexLock lock(mu_);
    receive_shut_ = receive_shut_ || no_more_to_read;
    send_shut_ = send_shut_ || no_more_to_write;
  }
  queue_.Notify(kAll);
}

void Endpoint::OnPeerClosed(bool reset) {
  {
    MutexLock lock(mu_);
    receive_shut_ = send_shut_ = true;
    if (reset) error_ = Errno::kECONNRESET;
  }
  queue_.Notify(kAll);
}

void Endpoint::List(uint64_t inode) {
  inode_.store(inode, std::memory_order_relaxed);
  names_->List(inode, *this);
}

std::string Endpoint::TableLine(uint64_t inode) const {
  constexpr uint32_t kAccepting = 0x10000, kUnconnected = 1, kConnected = 3;
  MutexLock lock(mu_);
  std::string name;
  if (named_) name = " " + name_.text;
  std::replace(name.begin(), name.end(), '\0', '@');
  return absl::StrFormat("0000000000000000: %08X 00000000 %08X %04X %02X %5u%s\n", state_ == State::kConnected ? 3 : 2,
                         state_ == State::kListening ? kAccepting : 0, type_, state_ == State::kConnected ? kConnected : kUnconnected,
                         inode, name);
}

void Endpoint::Close(bool accepted) {
  if (const uint64_t inode = inode_.exchange(0, std::memory_order_relaxed); inode != 0) names_->Unlist(inode);
  std::deque<Message> unread;
  std::deque<Ref<Endpoint>> pending;
  RefPtr<Endpoint> peer;
  Relays relays;
  vfs::Path place;
  Name name;
  bool owned;
  {
    MutexLock lock(mu_);
    if (closed_) return;
    closed_ = receive_shut_ = send_shut_ = true;
    unread.swap(inbox_);
    pending.swap(pending_);
    relays.swap(relays_);
    peer = std::move(peer_);
    place = std::exchange(place_, {});
    owned = std::exchange(owns_name_, false);
    name = name_;  // stays readable for the peer and the receivers of our messages
  }
  if (owned && name.abstract) names_->Remove({net_, type_}, name.text);
  if (place) {
    // The name itself stays in the directory: connecting to it is refused from now on.
    const RefPtr<RefCounted> attached = place.inode().attachment();
    if (attached.get() == this) place.inode().SetAttachment(nullptr);
  }
  for (const Ref<Endpoint>& connection : pending) connection->Close(false);
  if (peer && connection_oriented()) peer->OnPeerClosed(!unread.empty() || !accepted);
  if (peer && !connection_oriented()) peer->RemoveRelay(*this);
  gate_.Open();
  Wake(std::move(relays));
}

Address Endpoint::LocalName() const {
  MutexLock lock(mu_);
  return named_ ? AddressOf(name_) : UnnamedAddress();
}

Result<Address> Endpoint::PeerName() const {
  RefPtr<Endpoint> peer;
  {
    MutexLock lock(mu_);
    peer = peer_;
  }
  if (!peer) return Errno::kENOTCONN;
  return peer->LocalName();
}

bool Endpoint::named() const {
  MutexLock lock(mu_);
  return named_;
}

bool Endpoint::listening() const {
  MutexLock lock(mu_);
  return state_ == State::kListening;
}

Identity Endpoint::peer_identity() const {
  MutexLock lock(mu_);
  return peer_identity_;
}

Errno Endpoint::TakeError() {
  MutexLock lock(mu_);
  return std::exchange(error_, static_cast<Errno>(0));
}

Result<int32_t> Endpoint::BytesReadable() const {
  MutexLock lock(mu_);
  if (state_ == State::kListening) return Errno::kEINVAL;
  size_t bytes = 0;
  for (const Message& message : inbox_) {
    bytes += message.length;
    if (!connection_oriented()) break;  // the next datagram's
  }
  return static_cast<int32_t>(bytes);
}

}  // namespace ringwall::socket::unix_domain
