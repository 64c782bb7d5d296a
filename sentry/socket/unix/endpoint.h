// One end of a unix(7) socket: queue, peer, name. The open file holds it; so do peers and messages under way.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/context/context.h"
#include "sentry/mm/io_buffer.h"
#include "sentry/socket/socket.h"
#include "sentry/socket/unix/message.h"
#include "sentry/socket/unix/name.h"
#include "sentry/vfs/dentry.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::socket::unix_domain {

// SO_PEERCRED and SO_PEERGROUPS: who connected or listened.
struct Identity {
  bool known = false;
  abi::Ucred ids{.pid = 0, .uid = ~0u, .gid = ~0u};
  std::vector<uint32_t> groups;
};
Identity IdentityOf(Context& ctx);

class Endpoint final : public RefCounted {
 public:
  // `net`: the number of the network namespace that it was made in; abstract names are that namespace's.
  Endpoint(Ref<AbstractNames> names, int32_t type, uint64_t net) : type_(type), net_(net), names_(std::move(names)) {}
  // socketpair(2).
  static void Join(Context& ctx, Endpoint& one, Endpoint& two);
  bool connection_oriented() const { return type_ != abi::kSOCK_DGRAM; }

  // ---- connections (connect.cc) ----
  Result<void> Bind(Context& ctx, const Address& address, const Caller& caller);
  Result<void> Listen(Context& ctx, int32_t backlog);
  Result<void> Connect(Context& ctx, const Address& address, const Caller& caller, BlockOn& block);
  Result<Ref<Endpoint>> Accept(Address& peer);
  Result<void> Shutdown(int32_t how);
  // The last descriptor is gone; `accepted` is false for a connection that nobody took from the queue.
  void Close(bool accepted);

  // ---- bytes (transfer.cc) ----
  Result<size_t> SendStream(Context& ctx, mm::IoSource& source, const SendRequest& request);
  Result<size_t> SendDatagram(Context& ctx, mm::IoSource& source, const SendRequest& request, BlockOn& block);
  Result<size_t> ReceiveStream(mm::IoSink& sink, uint32_t flags, ReceiveResult& result);
  Result<size_t> ReceiveDatagram(mm::IoSink& sink, uint32_t flags, bool nonblocking, ReceiveResult& result);
  void Uncharge(size_t amount);
  Result<int32_t> BytesReadable() const;                                         // SIOCINQ; EINVAL for a listener
  int32_t BytesUnread() const { return static_cast<int32_t>(charged_.load()); }  // SIOCOUTQ

  // ---- state ----
  Address LocalName() const;
  Result<Address> PeerName() const;
  bool named() const;
  Identity peer_identity() const;
  bool listening() const;
  Errno TakeError();
  wait::EventMask Readiness(wait::EventMask mask);
  wait::WaitQueue& queue() { return queue_; }
  void SetSendLimit(uint32_t limit);
  bool pass_credentials() const { return pass_credentials_.load(std::memory_order_relaxed); }
  void SetPassCredentials(bool on) { pass_credentials_.store(on, std::memory_order_relaxed); }
  // Its line of /proc/net/unix; the file with this inode number lists it until Close.
  void List(uint64_t inode);
  std::string TableLine(uint64_t inode) const;
  void MarkAccepted() { accepted_.store(true, std::memory_order_relaxed); }

 private:
  enum class State : uint8_t { kIdle, kConnecting, kConnected, kListening };
  // Who waits until this end's queue has room: senders, and clients of a full listener.
  class Gate final : public wait::Waitable {
   public:
    explicit Gate(Endpoint& owner) : owner_(owner) {}
    wait::EventMask Readiness(wait::EventMask mask) override { return owner_.HasRoom() ? mask : 0; }
    void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override { queue_.Add(waiter, mask, exclusive); }
    void RemoveWaiter(wait::Waiter& waiter) override { queue_.Remove(waiter); }
    void Open();

   private:
    Endpoint& owner_;
    wait::WaitQueue queue_;
  };
  using Relays = absl::flat_hash_map<Endpoint*, Ref<Endpoint>>;

  ~Endpoint() override = default;
  Result<Ref<Endpoint>> Find(Context& ctx, const Address& address, const Caller& caller) const;
  Result<void> BindPath(Context& ctx, const Name& name, const Caller& caller);
  Result<void> AutoBind();
  Result<void> AutoBindIfNeeded();
  bool StartBinding();
  void FinishBinding(const Name* name, vfs::Path place);  // null: it failed
  Result<void> ConnectStream(Context& ctx, const Address& address, const Caller& caller, BlockOn& block);
  Result<void> ConnectDatagram(Context& ctx, const Address& address, const Caller& caller);
  void SetPeer(RefPtr<Endpoint> peer);
  // EPERM: a connected datagram socket takes messages of its peer only.
  bool Takes(const Endpoint& sender) const;
  void OnPeerClosed(bool reset);
  void OnPeerShutdown(bool no_more_to_read, bool no_more_to_write);
  void OnDatagramPeerLeft(const Endpoint& former);
  void RemoveRelay(Endpoint& sender);
  static void Wake(Relays relays);
  bool HasRoom() const;
  bool FullLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool writable() const { return charged_.load() * 4 <= send_limit_.load(std::memory_order_relaxed); }

  Result<Charge> Reserve(size_t bytes);
  Result<Message> MakeMessage(Context& ctx, mm::IoSource& source, size_t length, const SendRequest& request, const Endpoint& to);
  Result<size_t> SendPart(Context& ctx, mm::IoSource& source, const SendRequest& request, Endpoint& to);
  Result<void> DeliverDatagram(Endpoint& to, Message& message, BlockOn& block);
  void PutBack(std::vector<Message> rest);
  std::vector<Message> CollectLocked(size_t max, bool peek, ReceiveResult& result) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const int32_t type_;
  const uint64_t net_;
  const Ref<AbstractNames> names_;
  wait::WaitQueue queue_;
  Gate gate_{*this};
  std::atomic<size_t> charged_{0};
  std::atomic<uint32_t> send_limit_{212992};
  std::atomic<bool> pass_credentials_{false};
  std::atomic<bool> accepted_{false};  // has a file
  std::atomic<uint64_t> inode_{0};     // of that file

  // One end's lock at a time; where two are needed, a listener's comes before that of who connects to it.
  mutable Mutex<LockRank::kSocket> mu_;
  State state_ ABSL_GUARDED_BY(mu_) = State::kIdle;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  bool send_shut_ ABSL_GUARDED_BY(mu_) = false;
  bool receive_shut_ ABSL_GUARDED_BY(mu_) = false;
  bool binding_ ABSL_GUARDED_BY(mu_) = false;
  bool named_ ABSL_GUARDED_BY(mu_) = false;
  bool owns_name_ ABSL_GUARDED_BY(mu_) = false;  // not inherited from a listener
  Errno error_ ABSL_GUARDED_BY(mu_) = static_cast<Errno>(0);
  RefPtr<Endpoint> peer_ ABSL_GUARDED_BY(mu_);
  Name name_ ABSL_GUARDED_BY(mu_);
  vfs::Path place_ ABSL_GUARDED_BY(mu_);        // where the name is a path: keeps the inode
  Identity own_identity_ ABSL_GUARDED_BY(mu_);  // of a listener
  Identity peer_identity_ ABSL_GUARDED_BY(mu_);
  std::deque<Message> inbox_ ABSL_GUARDED_BY(mu_);
  std::deque<Ref<Endpoint>> pending_ ABSL_GUARDED_BY(mu_);  // connections to accept
  uint32_t backlog_ ABSL_GUARDED_BY(mu_) = 0;
  Relays relays_ ABSL_GUARDED_BY(mu_);  // connected senders whose POLLOUT waits for room here
};

}  // namespace ringwall::socket::unix_domain
