// Who uses which port of one protocol: conflicts, ephemeral ports, TIME_WAIT, and who gets what comes in (bind(2), ip(7), socket(7)).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/socket/inet/name.h"

namespace ringwall::socket::inet {

// Who may hold a port. What conflicts look at can change at any time, so it is asked for, not copied.
class PortOwner : public RefCounted {
 public:
  bool reuse_address() const { return reuse_address_.load(std::memory_order_relaxed); }
  bool reuse_port() const { return reuse_port_.load(std::memory_order_relaxed); }
  bool listening() const { return listening_.load(std::memory_order_acquire); }
  void SetReuseAddress(bool on) { reuse_address_.store(on, std::memory_order_relaxed); }
  void SetReusePort(bool on) { reuse_port_.store(on, std::memory_order_relaxed); }

 protected:
  void SetListening(bool on) { listening_.store(on, std::memory_order_release); }

 private:
  std::atomic<bool> reuse_address_{false}, reuse_port_{false}, listening_{false};
};

// How an owner holds its port.
struct Binding {
  Name local;
  int32_t family = 0;
  bool v6_only = false;
  uint32_t device = 0;    // SO_BINDTODEVICE; 0: any
  uint32_t user = 0;      // SO_REUSEPORT is for one user's sockets
  bool by_bind = false;   // else chosen by connect(2): others may share the port for other destinations
  bool listener = false;  // takes connections. Of accepted ones the table knows too, but they take none.
  uint64_t order = 0;     // of binding
};

class PortTable {
 public:
  // For datagrams two sockets with SO_REUSEADDR always share; for streams not with a listener.
  explicit PortTable(bool datagrams) : datagrams_(datagrams) {}

  // Port 0 asks for an ephemeral one. EADDRINUSE.
  Result<uint16_t> Bind(PortOwner& owner, Binding binding);
  // connect(2) without bind(2): an ephemeral port that makes the tuple unique. EADDRNOTAVAIL.
  Result<uint16_t> BindForConnect(PortOwner& owner, Binding binding, const Name& peer);
  // An accepted connection: shares its listener's port without being asked.
  void Adopt(PortOwner& owner, Binding binding);
  // listen(2): what bind(2) let pass may be too much now. EADDRINUSE.
  Result<void> StartListening(PortOwner& owner, uint16_t port);
  void StopListening(PortOwner& owner, uint16_t port);
  // The address became known (connect(2) on a wildcard), or unknown again.
  void SetLocal(PortOwner& owner, uint16_t port, const IpAddress& ip);
  void Unbind(PortOwner& owner, uint16_t port);

  // False: the connection exists already.
  bool AddTuple(const Tuple& tuple);
  void RemoveTuple(const Tuple& tuple);

  // A connection whose port stays taken for a while after both ends are gone (tcp(7), TIME_WAIT).
  void AddTimeWait(const Tuple& tuple, int32_t family, bool reuse_address, bool reuse_port, uint32_t user);
  void RemoveTimeWait(const Tuple& tuple);

  // The listener for a connection from `from` to `to`.
  RefPtr<PortOwner> FindListener(const Name& to, uint32_t device, const Name& from) const;
  // Whoever `score` ranks highest among the owners of a port, 0 being none; the latest of equals, but one of a SO_REUSEPORT group by the
  // sender's name.
  using Score = std::function<int(PortOwner&, const Binding&)>;
  RefPtr<PortOwner> FindBest(uint16_t port, const Name& from, const Score& score) const;
  // All that `wanted` says yes to.
  std::vector<Ref<PortOwner>> FindAll(uint16_t port, const Score& wanted) const;

  struct Waiting {
    Tuple tuple;
    int32_t family = 0;
    bool reuse_address = false, reuse_port = false;
    uint32_t user = 0;
    int64_t until_ns = 0;
  };
  std::vector<Ref<PortOwner>> Owners() const;
  std::vector<Waiting> TimeWaits() const;

  static constexpr uint16_t kFirstEphemeral = 32768, kLastEphemeral = 60999;  // net.ipv4.ip_local_port_range

 private:
  struct Port {
    absl::flat_hash_map<PortOwner*, Binding> owners;
    std::vector<PortOwner*> listeners;
    std::vector<Waiting> waiting;
    uint32_t by_bind = 0;
    bool empty() const { return owners.empty() && waiting.empty(); }
  };
  bool ConflictsLocked(const PortOwner& owner, const Binding& binding, bool share) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void InsertLocked(PortOwner& owner, Binding binding) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DropExpiredLocked(Port& port, int64_t now_ns) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  template <typename Try>
  uint16_t EphemeralLocked(Try fits) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const bool datagrams_;
  mutable Mutex<LockRank::kSocketAddress> mu_;
  // Each owner has a reference as long as it holds a port.
  absl::flat_hash_map<uint16_t, Port> ports_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_set<Tuple> tuples_ ABSL_GUARDED_BY(mu_);
  size_t time_waits_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t next_order_ ABSL_GUARDED_BY(mu_) = 1;
};

}  // namespace ringwall::socket::inet
