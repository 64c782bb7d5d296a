// bind(2), listen(2), connect(2), accept(2) of unix(7) sockets.
#include <utility>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/stat.h"
#include "absl/strings/str_format.h"
#include "sentry/context/random.h"
#include "sentry/socket/unix/endpoint.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/path_walk.h"
#include "sentry/vfs/permission.h"

namespace ringwall::socket::unix_domain {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM, kOut = abi::kPOLLOUT | abi::kPOLLWRNORM;
constexpr uint32_t kAutoNames = 1 << 20;  // five hexadecimal digits (unix(7), autobind)

}  // namespace

bool Endpoint::StartBinding() {
  MutexLock lock(mu_);
  if (named_ || binding_) return false;
  return binding_ = true;
}

void Endpoint::FinishBinding(const Name* name, vfs::Path place) {
  MutexLock lock(mu_);
  binding_ = false;
  if (name == nullptr) return;
  named_ = owns_name_ = true;
  name_ = *name;
  place_ = std::move(place);
}

Result<void> Endpoint::BindPath(Context& ctx, const Name& name, const Caller& caller) {
  if (caller.start == nullptr) return Errno::kENOENT;
  Result<vfs::Path> made = vfs::Mknod(ctx, *caller.start, name.text, abi::kS_IFSOCK | 0777, 0, caller.umask);
  if (!made.ok()) return made.error() == Errno::kEEXIST ? Errno::kEADDRINUSE : made.error();
  made->inode().SetAttachment(RefPtr<RefCounted>::Share(this));
  FinishBinding(&name, std::move(made).value());
  return {};
}

Result<void> Endpoint::Bind(Context& ctx, const Address& address, const Caller& caller) {
  // The family alone asks for a name of the kernel's choice.
  if (address.size() == sizeof(uint16_t) && address.family() == abi::kAF_UNIX) return AutoBind();
  const Name name = TRY(ParseName(address));
  if (!StartBinding()) return Errno::kEINVAL;
  Result<void> bound = Errno::kEADDRINUSE;
  if (!name.abstract) {
    bound = BindPath(ctx, name, caller);
  } else if (names_->Insert({net_, type_}, name.text, *this)) {
    FinishBinding(&name, {});
    return {};
  }
  if (!bound.ok()) FinishBinding(nullptr, {});
  return bound;
}

Result<void> Endpoint::AutoBind() {
  if (!StartBinding()) return {};
  const auto first = static_cast<uint32_t>(RandomU64());
  for (uint32_t i = 0; i < kAutoNames; ++i) {
    Name name{.abstract = true, .text = std::string(1, '\0') + absl::StrFormat("%05x", (first + i) % kAutoNames)};
    if (!names_->Insert({net_, type_}, name.text, *this)) continue;
    FinishBinding(&name, {});
    return {};
  }
  FinishBinding(nullptr, {});
  return Errno::kENOSPC;
}

// Whoever wants credentials with its messages has a name to answer to (unix(7), SO_PASSCRED).
Result<void> Endpoint::AutoBindIfNeeded() {
  if (!pass_credentials() || named()) return {};
  return AutoBind();
}

Result<void> Endpoint::Listen(Context& ctx, int32_t backlog) {
  if (!connection_oriented()) return Errno::kEOPNOTSUPP;
  Identity identity = IdentityOf(ctx);
  {
    MutexLock lock(mu_);
    if (!named_ || (state_ != State::kIdle && state_ != State::kListening)) return Errno::kEINVAL;
    state_ = State::kListening;
    backlog_ = std::min(static_cast<uint32_t>(backlog), static_cast<uint32_t>(abi::kSOMAXCONN));
    std::swap(own_identity_, identity);
  }
  gate_.Open();
  return {};
}

Result<Ref<Endpoint>> Endpoint::Find(Context& ctx, const Address& address, const Caller& caller) const {
  const Name name = TRY(ParseName(address));
  if (name.abstract) {
    RefPtr<Endpoint> found = names_->Find({net_, type_}, name.text);
    if (!found) return Errno::kECONNREFUSED;
    return std::move(found).ToRef();
  }
  if (caller.start == nullptr) return Errno::kENOENT;
  const vfs::Path place = TRY(vfs::Walk(ctx, *caller.start, name.text, {}));
  TRY(vfs::CheckAccess(ctx, place.inode(), abi::kW_OK));
  if (place.inode().type() != abi::kS_IFSOCK) return Errno::kECONNREFUSED;
  // Nothing but an Endpoint is ever attached to an inode of type S_IFSOCK.
  const RefPtr<RefCounted> attached = place.inode().attachment();
  if (!attached) return Errno::kECONNREFUSED;
  auto* found = static_cast<Endpoint*>(attached.get());
  if (found->type_ != type_) return Errno::kEPROTOTYPE;
  return Ref<Endpoint>(*found);
}

Result<void> Endpoint::Connect(Context& ctx, const Address& address, const Caller& caller, BlockOn& block) {
  if (connection_oriented()) return ConnectStream(ctx, address, caller, block);
  return ConnectDatagram(ctx, address, caller);
}

Result<void> Endpoint::ConnectStream(Context& ctx, const Address& address, const Caller& caller, BlockOn& block) {
  const Ref<Endpoint> listener = TRY(Find(ctx, address, caller));
  TRY(AutoBindIfNeeded());
  {
    MutexLock lock(mu_);
    if (state_ == State::kConnected) return Errno::kEISCONN;
    if (state_ == State::kConnecting) return Errno::kEALREADY;
    if (state_ != State::kIdle) return Errno::kEINVAL;
    state_ = State::kConnecting;
  }
  const Ref<Endpoint> served = MakeRef<Endpoint>(names_, type_, listener->net_);
  served->SetPassCredentials(listener->pass_credentials());
  {
    MutexLock lock(served->mu_);
    served->state_ = State::kConnected;
    served->peer_ = RefPtr<Endpoint>::Share(this);
    served->peer_identity_ = IdentityOf(ctx);
  }
  Errno error = static_cast<Errno>(0);
  {
    MutexLock lock(listener->mu_);
    if (listener->state_ != State::kListening || listener->receive_shut_) {
      error = Errno::kECONNREFUSED;
    } else if (listener->FullLocked()) {
      error = Errno::kEAGAIN;
    } else {
      // A connecting end never is a listener, so this order has no circle.
      MutexLockNested own(mu_);
      MutexLockNested other(served->mu_);
      served->named_ = listener->named_;
      served->name_ = listener->name_;
      peer_identity_ = listener->own_identity_;
      peer_ = served;
      state_ = State::kConnected;
      listener->pending_.push_back(served);
    }
  }
  if (static_cast<int32_t>(error) == 0) {
    listener->queue_.Notify(kIn);
    queue_.Notify(kOut);
    return {};
  }
  RefPtr<Endpoint> self;  // the unused end's reference to us
  {
    MutexLock lock(served->mu_);
    self = std::move(served->peer_);
  }
  {
    MutexLock lock(mu_);
    state_ = State::kIdle;
  }
  if (error == Errno::kEAGAIN) block = {&listener->gate_, kOut, RefPtr<RefCounted>(listener)};
  return error;
}

Result<Ref<Endpoint>> Endpoint::Accept(Address& peer) {
  if (!connection_oriented()) return Errno::kEOPNOTSUPP;
  RefPtr<Endpoint> connection;
  {
    MutexLock lock(mu_);
    if (state_ != State::kListening) return Errno::kEINVAL;
    if (pending_.empty()) return receive_shut_ ? Errno::kEINVAL : Errno::kEAGAIN;
    connection = std::move(pending_.front());
    pending_.pop_front();
  }
  gate_.Open();
  connection->MarkAccepted();
  peer = connection->PeerName().value_or(UnnamedAddress());
  return std::move(connection).ToRef();
}

Result<void> Endpoint::ConnectDatagram(Context& ctx, const Address& address, const Caller& caller) {
  if (address.size() < sizeof(uint16_t)) return Errno::kEINVAL;
  if (address.family() == abi::kAF_UNSPEC) {
    SetPeer(nullptr);
    return {};
  }
  const Ref<Endpoint> other = TRY(Find(ctx, address, caller));
  TRY(AutoBindIfNeeded());
  if (!other->Takes(*this)) return Errno::kEPERM;
  SetPeer(other);
  return {};
}

bool Endpoint::Takes(const Endpoint& sender) const {
  MutexLock lock(mu_);
  return !peer_ || peer_.get() == &sender;
}

// The new peer of a datagram socket. What came from the one before is dropped, and it hears that we left.
void Endpoint::SetPeer(RefPtr<Endpoint> peer) {
  std::deque<Message> dropped;
  RefPtr<Endpoint> former;
  {
    MutexLock lock(mu_);
    if (peer_.get() == peer.get()) return;
    former = std::move(peer_);
    peer_ = std::move(peer);
    state_ = peer_ ? State::kConnected : State::kIdle;
    if (former) dropped.swap(inbox_);
  }
  if (former) {
    former->RemoveRelay(*this);
    former->OnDatagramPeerLeft(*this);
    gate_.Open();
  }
  queue_.Notify(kOut);
}

void Endpoint::OnDatagramPeerLeft(const Endpoint& former) {
  {
    MutexLock lock(mu_);
    if (closed_ || peer_.get() != &former) return;
    error_ = Errno::kECONNRESET;
  }
  queue_.Notify(abi::kPOLLERR | kIn | kOut);
}

}  // namespace ringwall::socket::unix_domain
