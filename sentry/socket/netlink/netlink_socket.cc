// netlink(7) sockets: names, options, requests in, answers out.
#include "sentry/socket/netlink/netlink_socket.h"
#include "sentry/socket/inet/of_caller.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "abi/ioctl.h"
#include "abi/poll.h"
#include "sentry/context/random.h"
#include "sentry/cred/credentials.h"
#include "sentry/mm/user_memory.h"
#include "sentry/socket/interfaces.h"
#include "sentry/socket/netlink/family.h"
#include "sentry/socket/netlink/route.h"

namespace ringwall::socket {

namespace netlink {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM, kOut = abi::kPOLLOUT | abi::kPOLLWRNORM;
constexpr Errno kNoError = static_cast<Errno>(0);
constexpr uint64_t kOverhead = 768, kReserve = 32;
constexpr int32_t kGroups = 32;
// Port ids that no process has (netlink(7): the kernel's choice for a second socket).
constexpr uint32_t kFirstFreePort = 1u << 31;

Result<abi::SockaddrNl> Parse(const Address& address) {
  abi::SockaddrNl name;
  if (address.size() < sizeof(name)) return Errno::kEINVAL;
  std::memcpy(&name, address.bytes().data(), sizeof(name));
  if (name.nl_family != abi::kAF_NETLINK) return Errno::kEINVAL;
  return name;
}

Address Encode(uint32_t port, uint32_t groups) {
  const abi::SockaddrNl name{.nl_family = abi::kAF_NETLINK, .nl_pid = port, .nl_groups = groups};
  return std::move(Address::From({reinterpret_cast<const std::byte*>(&name), sizeof(name)})).value();
}

bool IsSwitch(int32_t name) {
  switch (name) {
    case abi::kNETLINK_PKTINFO:
    case abi::kNETLINK_BROADCAST_ERROR:
    case abi::kNETLINK_NO_ENOBUFS:
    case abi::kNETLINK_CAP_ACK:
    case abi::kNETLINK_EXT_ACK:
    case abi::kNETLINK_GET_STRICT_CHK: return true;
    default: return false;
  }
}

template <typename T>
std::vector<std::byte> OptionBytes(const T& value) {
  std::vector<std::byte> bytes(sizeof(T));
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

}  // namespace

// ---- ports ----

bool Ports::Take(int32_t protocol, uint32_t port) {
  MutexLock lock(mu_);
  return taken_.insert(static_cast<uint64_t>(protocol) << 32 | port).second;
}

uint32_t Ports::TakeAny(int32_t protocol, uint32_t process) {
  uint32_t port = process;
  while (!Take(protocol, port)) port = kFirstFreePort | static_cast<uint32_t>(RandomU64());
  return port;
}

void Ports::Return(int32_t protocol, uint32_t port) {
  MutexLock lock(mu_);
  taken_.erase(static_cast<uint64_t>(protocol) << 32 | port);
}

// ---- names ----

NetlinkSocket::~NetlinkSocket() {
  bool bound;
  {
    MutexLock lock(mu_);
    bound = bound_;
  }
  if (bound) ports_->Return(protocol(), port());
}

uint32_t NetlinkSocket::port() const {
  MutexLock lock(mu_);
  return port_;
}

Result<void> NetlinkSocket::Bind(Context& ctx, const Address& address, const Caller&) {
  const abi::SockaddrNl name = TRY(Parse(address));
  bool bound;
  {
    MutexLock lock(mu_);
    bound = bound_;
    if (bound && name.nl_pid != port_) return Errno::kEINVAL;
  }
  if (!bound && name.nl_pid != 0) {
    if (!ports_->Take(protocol(), name.nl_pid)) return Errno::kEADDRINUSE;
    bool twice;
    {
      MutexLock lock(mu_);
      twice = std::exchange(bound_, true);
      if (!twice) port_ = name.nl_pid;
    }
    if (twice) {
      ports_->Return(protocol(), name.nl_pid);
      return Errno::kEINVAL;
    }
  } else if (!bound) {
    TRY(BindIfNeeded(ctx));
  }
  MutexLock lock(mu_);
  groups_ = name.nl_groups;
  return {};
}

Result<void> NetlinkSocket::BindIfNeeded(Context& ctx) {
  {
    MutexLock lock(mu_);
    if (bound_) return {};
  }
  const uint32_t port = ports_->TakeAny(protocol(), static_cast<uint32_t>(ctx.tgid()));
  bool twice;
  {
    MutexLock lock(mu_);
    twice = std::exchange(bound_, true);
    if (!twice) port_ = port;
  }
  if (twice) ports_->Return(protocol(), port);
  return {};
}

Result<void> NetlinkSocket::Connect(Context& ctx, const Address& address, const Caller&, BlockOn&) {
  if (address.size() < sizeof(uint16_t)) return Errno::kEINVAL;
  abi::SockaddrNl name;
  if (address.family() != abi::kAF_UNSPEC) {
    name = TRY(Parse(address));
    if ((name.nl_groups != 0 || name.nl_pid != 0) && !inet::HasOverNetwork(ctx, abi::kCAP_NET_ADMIN)) return Errno::kEPERM;
    TRY(BindIfNeeded(ctx));
  }
  MutexLock lock(mu_);
  peer_port_ = name.nl_pid;
  peer_groups_ = name.nl_groups;
  return {};
}

Result<Address> NetlinkSocket::LocalName(Context&) {
  MutexLock lock(mu_);
  return Encode(port_, groups_);
}

Result<Address> NetlinkSocket::PeerName(Context&) {
  MutexLock lock(mu_);
  return Encode(peer_port_, peer_groups_);
}

// ---- requests ----

Result<size_t> NetlinkSocket::SendMsg(Context& ctx, mm::IoSource& source, SendRequest& request, BlockOn&) {
  if ((request.flags & abi::kMSG_OOB) != 0) return Errno::kEOPNOTSUPP;
  uint32_t to, groups;
  {
    MutexLock lock(mu_);
    to = peer_port_;
    groups = peer_groups_;
  }
  if (!request.to.empty()) {
    const abi::SockaddrNl name = TRY(Parse(request.to));
    to = name.nl_pid;
    groups = name.nl_groups;
    if ((to != 0 || groups != 0) && !inet::HasOverNetwork(ctx, abi::kCAP_NET_ADMIN)) return Errno::kEPERM;
  }
  TRY(BindIfNeeded(ctx));
  const size_t length = source.remaining();
  if (length + kReserve > send_buffer()) return Errno::kEMSGSIZE;
  Bytes bytes(length);
  if (length != 0) {
    const size_t copied = TRY(source.Take(absl::MakeSpan(bytes)));
    if (copied != length) return Errno::kEFAULT;
  }
  // Differs from Linux: processes do not talk to each other here.
  if (to != 0) return Errno::kECONNREFUSED;
  if (groups != 0) return length;
  if (protocol() == abi::kNETLINK_ROUTE) Serve(ctx, bytes);
  return length;
}

void NetlinkSocket::Serve(Context& ctx, absl::Span<const std::byte> bytes) {
  while (bytes.size() >= sizeof(abi::Nlmsghdr)) {
    Request request;
    std::memcpy(&request.header, bytes.data(), sizeof(request.header));
    const uint32_t length = request.header.nlmsg_len;
    if (length < sizeof(request.header) || length > bytes.size()) return;
    request.body = bytes.subspan(sizeof(request.header), length - sizeof(request.header));
    bytes.remove_prefix(std::min(abi::NlmsgAlign(length), bytes.size()));
    Errno error = kNoError;
    bool dumped = false;
    // Only requests are answered; control messages are at most acknowledged.
    if ((request.header.nlmsg_flags & abi::kNLM_F_REQUEST) != 0 && request.header.nlmsg_type >= abi::kNLMSG_MIN_TYPE) {
      auto answer = AnswerRoute(ctx, *network_, request, port());
      if (answer.ok()) {
        dumped = answer->dumped;
        for (Bytes& datagram : answer->datagrams) Push(std::move(datagram));
      } else {
        error = answer.error();
      }
    }
    if (!dumped && (error != kNoError || (request.header.nlmsg_flags & abi::kNLM_F_ACK) != 0)) Acknowledge(request, error);
  }
}

// An error comes with the whole request unless the socket wants it short (netlink(7), NETLINK_CAP_ACK).
void NetlinkSocket::Acknowledge(const Request& request, Errno error) {
  bool capped;
  {
    MutexLock lock(mu_);
    capped = error == kNoError || (switches_ >> abi::kNETLINK_CAP_ACK & 1) != 0;
  }
  const abi::Nlmsgerr head{.error = -static_cast<int32_t>(error), .msg = request.header};
  Bytes body(sizeof(head));
  std::memcpy(body.data(), &head, sizeof(head));
  if (!capped) body.insert(body.end(), request.body.begin(), request.body.end());
  Writer writer(port());
  writer.StartRaw(abi::kNLMSG_ERROR, capped ? abi::kNLM_F_CAPPED : uint16_t{0}, request.header.nlmsg_seq, body);
  Push(writer.Take());
}

void NetlinkSocket::Push(Bytes datagram) {
  {
    MutexLock lock(mu_);
    const uint64_t cost = datagram.size() + kOverhead;
    if (charge_ != 0 && charge_ + cost > receive_buffer()) {
      if ((switches_ >> abi::kNETLINK_NO_ENOBUFS & 1) == 0) error_ = Errno::kENOBUFS;
    } else {
      charge_ += cost;
      inbox_.push_back(std::move(datagram));
    }
  }
  waiters_.Notify(kIn | abi::kPOLLERR);
}

// ---- answers ----

Result<size_t> NetlinkSocket::ReceiveMsg(Context&, mm::IoSink& sink, uint32_t flags, ReceiveResult& result) {
  if ((flags & abi::kMSG_OOB) != 0) return Errno::kEOPNOTSUPP;
  Bytes datagram;
  {
    MutexLock lock(mu_);
    if (error_ != kNoError) return std::exchange(error_, kNoError);
    if (inbox_.empty()) return Errno::kEAGAIN;
    if ((flags & abi::kMSG_PEEK) != 0) {
      datagram = inbox_.front();
    } else {
      charge_ -= inbox_.front().size() + kOverhead;
      datagram = std::move(inbox_.front());
      inbox_.pop_front();
    }
    result.has_credentials = pass_credentials_;
    if ((switches_ >> abi::kNETLINK_PKTINFO & 1) != 0) {
      result.control.push_back(MakeControl(abi::kSOL_NETLINK, abi::kNETLINK_PKTINFO, uint32_t{0}));
    }
  }
  result.from = Encode(0, 0);
  const size_t length = std::min(datagram.size(), sink.remaining());
  if (length != 0) {
    const size_t put = TRY(sink.Put(absl::MakeConstSpan(datagram).first(length)));
    if (put < length) return Errno::kEFAULT;
  }
  if (length < datagram.size()) result.flags |= abi::kMSG_TRUNC;
  return (flags & abi::kMSG_TRUNC) != 0 ? datagram.size() : length;
}

wait::EventMask NetlinkSocket::Readiness(wait::EventMask mask) {
  wait::EventMask ready = kOut;
  MutexLock lock(mu_);
  if (!inbox_.empty()) ready |= kIn;
  if (error_ != kNoError) ready |= abi::kPOLLERR;
  return ready & (mask | abi::kPOLLERR | abi::kPOLLHUP);
}

Errno NetlinkSocket::TakeError() {
  MutexLock lock(mu_);
  return std::exchange(error_, kNoError);
}

// ---- options ----

Result<std::vector<std::byte>> NetlinkSocket::GetOption(Context& ctx, int32_t level, int32_t name) {
  if (level == abi::kSOL_SOCKET && name == abi::kSO_PASSCRED) {
    MutexLock lock(mu_);
    return OptionBytes(int32_t{pass_credentials_});
  }
  if (level == abi::kSOL_SOCKET) return Socket::GetOption(ctx, level, name);
  if (level != abi::kSOL_NETLINK) return Errno::kENOPROTOOPT;
  MutexLock lock(mu_);
  if (name == abi::kNETLINK_LIST_MEMBERSHIPS) return OptionBytes(groups_);
  if (!IsSwitch(name)) return Errno::kENOPROTOOPT;
  return OptionBytes(static_cast<int32_t>(switches_ >> name & 1));
}

Result<void> NetlinkSocket::SetOption(Context& ctx, int32_t level, int32_t name, absl::Span<const std::byte> value) {
  const bool pass = level == abi::kSOL_SOCKET && name == abi::kSO_PASSCRED;
  if (level == abi::kSOL_SOCKET && !pass) return Socket::SetOption(ctx, level, name, value);
  if (!pass && level != abi::kSOL_NETLINK) return Errno::kENOPROTOOPT;
  int32_t number;
  if (value.size() < sizeof(number)) return Errno::kEINVAL;
  std::memcpy(&number, value.data(), sizeof(number));
  if (!pass && (name == abi::kNETLINK_ADD_MEMBERSHIP || name == abi::kNETLINK_DROP_MEMBERSHIP)) {
    TRY(BindIfNeeded(ctx));
    if (number <= 0 || number > kGroups) return Errno::kEINVAL;
    const uint32_t bit = 1u << (number - 1);
    MutexLock lock(mu_);
    groups_ = name == abi::kNETLINK_ADD_MEMBERSHIP ? groups_ | bit : groups_ & ~bit;
    return {};
  }
  if (!pass && !IsSwitch(name)) return Errno::kENOPROTOOPT;
  MutexLock lock(mu_);
  if (pass) {
    pass_credentials_ = number != 0;
  } else {
    switches_ = number != 0 ? switches_ | 1u << name : switches_ & ~(1u << name);
  }
  return {};
}

Result<int64_t> NetlinkSocket::Ioctl(Context& ctx, uint32_t command, uint64_t argument) {
  return InterfaceIoctl(ctx, command, argument, false);
}

namespace {

class NetlinkFamily final : public Family {
 public:
  explicit NetlinkFamily(Ref<inet::Network> network) : network_(std::move(network)) {}
  Result<Ref<Socket>> Create(Context& ctx, int32_t type, int32_t protocol) override {
    constexpr int32_t kMaxLinks = 32;
    if (type != abi::kSOCK_RAW && type != abi::kSOCK_DGRAM) return Errno::kESOCKTNOSUPPORT;
    if (protocol < 0 || protocol >= kMaxLinks) return Errno::kEPROTONOSUPPORT;
    // The second says nothing: no device ever comes or goes.
    if (protocol != abi::kNETLINK_ROUTE && protocol != abi::kNETLINK_KOBJECT_UEVENT) return Errno::kEPROTONOSUPPORT;
    return Ref<Socket>(MakeRef<NetlinkSocket>(ctx, type, protocol, inet::NetworkOfCaller(ctx, network_), ports_));
  }

 private:
  const Ref<inet::Network> network_;
  const Ref<Ports> ports_ = MakeRef<Ports>();
};

}  // namespace

}  // namespace netlink

Ref<Family> MakeNetlinkFamily(Ref<inet::Network> network) { return MakeRef<netlink::NetlinkFamily>(std::move(network)); }

}  // namespace ringwall::socket
