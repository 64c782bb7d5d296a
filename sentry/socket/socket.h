// Socket: the file behind socket(2), whatever its family. Handlers decode sockaddrs, msghdrs and control messages; families see kernel
// types.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "abi/socket.h"
#include "absl/types/span.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/socket/address.h"
#include "sentry/vfs/file.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::vfs {
struct WalkStart;
}

namespace ringwall::socket {

// Where unix paths start; what else a family needs of the calling process. Null start: no path can be used (ENOENT).
struct Caller {
  const vfs::WalkStart* start = nullptr;
  uint32_t umask = 022;
};

// What to park on after EAGAIN when it is not the socket itself: a full listener's or receiver's queue. Null object: the socket, with
// POLLIN for receiving and accepting, POLLOUT for sending and connecting.
struct BlockOn {
  wait::Waitable* object = nullptr;
  wait::EventMask mask = 0;
  RefPtr<RefCounted> keep_alive;
};

// A control message that is not about files or credentials (cmsg(3)): what it means is its family's business.
struct ControlMessage {
  int32_t level = 0, type = 0;
  std::vector<std::byte> data;
};
template <typename T>
ControlMessage MakeControl(int32_t level, int32_t type, const T& value) {
  ControlMessage made{.level = level, .type = type, .data = std::vector<std::byte>(sizeof(T))};
  std::memcpy(made.data.data(), &value, sizeof(T));
  return made;
}

// Control messages of sendmsg(2), decoded: SCM_RIGHTS became files, at most SCM_MAX_FD (EINVAL in the handler).
struct SendControl {
  std::vector<Ref<vfs::File>> files;
  std::vector<ControlMessage> others;  // bounded by net.core.optmem_max
  bool has_credentials = false;
  abi::Ucred credentials;  // SCM_CREDENTIALS as the caller wrote them; the family checks that it may
};
struct SendRequest {
  uint32_t flags = 0;  // MSG_*; MSG_DONTWAIT and MSG_NOSIGNAL are the handler's
  Address to;          // empty: the connected peer
  SendControl control;
  Caller caller;
};

// What recvmsg(2) has to tell besides the bytes.
struct ReceiveResult {
  Address from;                       // empty: none (connected streams, unnamed senders)
  std::vector<Ref<vfs::File>> files;  // SCM_RIGHTS: the handler installs them (MSG_CMSG_CLOEXEC) or sets MSG_CTRUNC
  bool has_credentials = false;
  abi::Ucred credentials;
  std::vector<ControlMessage> control;  // the rest, in the order in which it is written
  uint32_t flags = 0;                   // MSG_TRUNC, MSG_EOR, MSG_CTRUNC
};

// What SO_TIMESTAMP and its kin ask for: which of the four control messages a datagram's arrival is told with.
enum class Timestamps : uint8_t { kNone, kMicroOld, kMicroNew, kNanoOld, kNanoNew };

class Socket : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kSocket;
  int32_t family() const { return family_; }
  int32_t type() const { return type_; }  // SOCK_STREAM, ... without flags
  int32_t protocol() const { return protocol_; }
  uint64_t inode() const;  // its number in sockfs, as "socket:[N]" and /proc/net show it

  virtual Result<void> Bind(Context& ctx, const Address& address, const Caller& caller) = 0;
  virtual Result<void> Listen(Context& ctx, int32_t backlog) = 0;
  // EAGAIN: would block (see `block`); the handler parks, or gives EAGAIN (unix) or EINPROGRESS (inet) when the socket is non-blocking.
  virtual Result<void> Connect(Context& ctx, const Address& address, const Caller& caller, BlockOn& block) = 0;
  // The new socket, not yet non-blocking; `peer` gets the connecting side's name. EAGAIN, EINVAL when not listening.
  virtual Result<Ref<Socket>> Accept(Context& ctx, Address& peer) = 0;
  virtual Result<void> Shutdown(Context& ctx, int32_t how) = 0;
  virtual Result<Address> LocalName(Context& ctx) = 0;
  virtual Result<Address> PeerName(Context& ctx) = 0;  // ENOTCONN

  // Bytes taken; EAGAIN when not even a part fits. Files of `request.control` go with the first byte: after a partial send the handler
  // clears them before it goes on. EPIPE: the handler sends SIGPIPE for stream kinds unless MSG_NOSIGNAL.
  virtual Result<size_t> SendMsg(Context& ctx, mm::IoSource& source, SendRequest& request, BlockOn& block) = 0;
  // Bytes stored (the real length of a datagram with MSG_TRUNC); 0 = end. MSG_PEEK leaves them. For MSG_WAITALL the handler asks again.
  virtual Result<size_t> ReceiveMsg(Context& ctx, mm::IoSink& sink, uint32_t flags, ReceiveResult& result) = 0;

  // getsockopt(2)/setsockopt(2): bytes of the option. The base knows SOL_SOCKET's common ones; ENOPROTOOPT, EINVAL, EOPNOTSUPP.
  virtual Result<std::vector<std::byte>> GetOption(Context& ctx, int32_t level, int32_t name);
  virtual Result<void> SetOption(Context& ctx, int32_t level, int32_t name, absl::Span<const std::byte> value);

  // SO_RCVTIMEO, SO_SNDTIMEO in ns; -1 = none. Handlers turn them into the deadline of a park (EAGAIN when it passes).
  int64_t receive_timeout_ns() const { return receive_timeout_ns_.load(std::memory_order_relaxed); }
  int64_t send_timeout_ns() const { return send_timeout_ns_.load(std::memory_order_relaxed); }

  // An accepted socket starts with its listener's options (accept(2), NOTES).
  void InheritOptions(const Socket& listener);

  // read(2) and write(2) are ReceiveMsg and SendMsg without flags.
  Result<size_t> Read(Context& ctx, mm::IoSink& sink) override;
  Result<size_t> Write(Context& ctx, mm::IoSource& source) override;
  Result<size_t> PRead(Context&, mm::IoSink&, uint64_t) override { return Errno::kESPIPE; }
  Result<size_t> PWrite(Context&, mm::IoSource&, uint64_t) override { return Errno::kESPIPE; }
  std::string DisplayName() const override;

 protected:
  Socket(Context& ctx, int32_t family, int32_t type, int32_t protocol);
  ~Socket() override = default;
  // SO_ERROR: the pending error, taken.
  virtual Errno TakeError() { return static_cast<Errno>(0); }
  virtual bool listening() const { return false; }
  virtual uint32_t send_buffer() const { return send_buffer_.load(std::memory_order_relaxed); }
  uint32_t receive_buffer() const { return receive_buffer_.load(std::memory_order_relaxed); }
  // Called after a buffer size changed.
  virtual void OnBufferChanged() {}
  // What the family starts with, or what it grew to. A size that SO_SNDBUF or SO_RCVBUF chose stays.
  void SetDefaultBuffers(uint32_t send, uint32_t receive);
  // Options that this kernel only remembers (SO_REUSEADDR, SO_BROADCAST, SO_OOBINLINE...).
  bool Remembers(int32_t name) const;
  uint32_t receive_low_water() const { return static_cast<uint32_t>(receive_low_water_.load(std::memory_order_relaxed)); }
  abi::Linger linger() const;
  Timestamps timestamps() const { return timestamps_.load(std::memory_order_relaxed); }

 private:
  const int32_t family_, type_, protocol_;
  std::atomic<int64_t> receive_timeout_ns_{-1}, send_timeout_ns_{-1};
  std::atomic<uint32_t> send_buffer_{212992}, receive_buffer_{212992};
  std::atomic<int32_t> receive_low_water_{1};
  std::atomic<int32_t> priority_{0}, mark_{0};
  std::atomic<uint32_t> switches_{0};  // SO_REUSEADDR and other options that only remember a bool
  std::atomic<uint64_t> linger_{0};
  std::atomic<Timestamps> timestamps_{Timestamps::kNone};
  std::atomic<bool> send_buffer_chosen_{false}, receive_buffer_chosen_{false};
};

// ---- families: who makes sockets ----
class Family : public RefCounted {
 public:
  // `type` without SOCK_ flags. ESOCKTNOSUPPORT, EPROTONOSUPPORT.
  virtual Result<Ref<Socket>> Create(Context& ctx, int32_t type, int32_t protocol) = 0;
  virtual Result<std::pair<Ref<Socket>, Ref<Socket>>> CreatePair(Context& ctx, int32_t type, int32_t protocol) {
    (void)ctx, (void)type, (void)protocol;
    return Errno::kEOPNOTSUPP;
  }
  // The text of /proc/net/`name` (proc_pid_net(5)); ENOENT when the table is another family's.
  virtual Result<std::string> Table(std::string_view name) {
    (void)name;
    return Errno::kENOENT;
  }
};
// At boot.
void RegisterFamily(int32_t family, Ref<Family> maker);
// The text of /proc/net/`name` by whichever family has it; ENOENT.
Result<std::string> Table(std::string_view name);
// socket(2), socketpair(2): `type` with SOCK_NONBLOCK applied to the file, SOCK_CLOEXEC left to the descriptor. EAFNOSUPPORT, EINVAL.
Result<Ref<Socket>> Create(Context& ctx, int32_t family, int32_t type, int32_t protocol);
Result<std::pair<Ref<Socket>, Ref<Socket>>> CreatePair(Context& ctx, int32_t family, int32_t type, int32_t protocol);

}  // namespace ringwall::socket
