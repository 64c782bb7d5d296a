// AF_UNIX sockets as files: the family, options and ioctls of unix(7).
#include "sentry/socket/unix/unix_socket.h"

#include <cstring>

#include "abi/ioctl.h"
#include "sentry/cred/namespace.h"
#include "sentry/mm/user_memory.h"
#include "sentry/socket/interfaces.h"
#include "sentry/socket/unix/family.h"

namespace ringwall::socket {

namespace unix_domain {

namespace {

std::vector<std::byte> Bytes(const void* data, size_t size) {
  std::vector<std::byte> bytes(size);
  if (size != 0) std::memcpy(bytes.data(), data, size);
  return bytes;
}

// Linux takes SOCK_RAW for SOCK_DGRAM here.
Result<int32_t> TypeOf(int32_t type, int32_t protocol) {
  if (protocol != 0 && protocol != abi::kAF_UNIX) return Errno::kEPROTONOSUPPORT;
  switch (type) {
    case abi::kSOCK_STREAM:
    case abi::kSOCK_DGRAM:
    case abi::kSOCK_SEQPACKET: return type;
    case abi::kSOCK_RAW: return abi::kSOCK_DGRAM;
    default: return Errno::kESOCKTNOSUPPORT;
  }
}

uint64_t NetOf(Context& ctx) { return ctx.net_ns() != nullptr ? ctx.net_ns()->ino() : 0; }

class UnixFamily final : public Family {
 public:
  Result<Ref<Socket>> Create(Context& ctx, int32_t type, int32_t protocol) override {
    const int32_t real = TRY(TypeOf(type, protocol));
    return Ref<Socket>(MakeRef<UnixSocket>(ctx, real, protocol, MakeRef<Endpoint>(names_, real, NetOf(ctx))));
  }
  Result<std::pair<Ref<Socket>, Ref<Socket>>> CreatePair(Context& ctx, int32_t type, int32_t protocol) override {
    const int32_t real = TRY(TypeOf(type, protocol));
    const Ref<Endpoint> one = MakeRef<Endpoint>(names_, real, NetOf(ctx)), two = MakeRef<Endpoint>(names_, real, NetOf(ctx));
    Endpoint::Join(ctx, one, two);
    Ref<Socket> first = MakeRef<UnixSocket>(ctx, real, protocol, one);
    Ref<Socket> second = MakeRef<UnixSocket>(ctx, real, protocol, two);
    return std::pair<Ref<Socket>, Ref<Socket>>(std::move(first), std::move(second));
  }
  Result<std::string> Table(std::string_view name) override {
    if (name != "unix") return Errno::kENOENT;
    std::string text = "Num       RefCount Protocol Flags    Type St Inode Path\n";
    for (const auto& [inode, endpoint] : names_->Listed()) text += endpoint->TableLine(inode);
    return text;
  }

 private:
  const Ref<AbstractNames> names_ = MakeRef<AbstractNames>();
};

}  // namespace

Result<Ref<Socket>> UnixSocket::Accept(Context& ctx, Address& peer) {
  Ref<Endpoint> connection = TRY(endpoint_->Accept(peer));
  return Ref<Socket>(MakeRef<UnixSocket>(ctx, type(), protocol(), std::move(connection)));
}

Result<size_t> UnixSocket::SendMsg(Context& ctx, mm::IoSource& source, SendRequest& request, BlockOn& block) {
  if (type() == abi::kSOCK_STREAM) return endpoint_->SendStream(ctx, source, request);
  return endpoint_->SendDatagram(ctx, source, request, block);
}

Result<size_t> UnixSocket::ReceiveMsg(Context&, mm::IoSink& sink, uint32_t flags, ReceiveResult& result) {
  if (type() == abi::kSOCK_STREAM) return endpoint_->ReceiveStream(sink, flags, result);
  return endpoint_->ReceiveDatagram(sink, flags, nonblocking() || (flags & abi::kMSG_DONTWAIT) != 0, result);
}

Result<std::vector<std::byte>> UnixSocket::GetOption(Context& ctx, int32_t level, int32_t name) {
  if (level == abi::kSOL_SOCKET && name == abi::kSO_PEERCRED) {
    const Identity identity = endpoint_->peer_identity();
    return Bytes(&identity.ids, sizeof(identity.ids));
  }
  if (level == abi::kSOL_SOCKET && name == abi::kSO_PEERGROUPS) {
    const Identity identity = endpoint_->peer_identity();
    if (!identity.known) return Errno::kENODATA;
    return Bytes(identity.groups.data(), identity.groups.size() * sizeof(uint32_t));
  }
  if (level == abi::kSOL_SOCKET && name == abi::kSO_PEERNAME) {
    const Address peer = TRY(endpoint_->PeerName());
    return Bytes(peer.bytes().data(), peer.size());
  }
  if (level == abi::kSOL_SOCKET && name == abi::kSO_PASSCRED) {
    const int32_t on = endpoint_->pass_credentials();
    return Bytes(&on, sizeof(on));
  }
  return Socket::GetOption(ctx, level, name);
}

Result<void> UnixSocket::SetOption(Context& ctx, int32_t level, int32_t name, absl::Span<const std::byte> value) {
  if (level == abi::kSOL_SOCKET && name == abi::kSO_PASSCRED) {
    int32_t on;
    if (value.size() < sizeof(on)) return Errno::kEINVAL;
    std::memcpy(&on, value.data(), sizeof(on));
    endpoint_->SetPassCredentials(on != 0);
    return {};
  }
  return Socket::SetOption(ctx, level, name, value);
}

Result<int64_t> UnixSocket::Ioctl(Context& ctx, uint32_t command, uint64_t argument) {
  switch (command) {
    case abi::kSIOCINQ: {
      const int32_t bytes = TRY(endpoint_->BytesReadable());
      TRY(ctx.memory().WriteValue(argument, bytes));
      return int64_t{0};
    }
    case abi::kSIOCOUTQ: TRY(ctx.memory().WriteValue(argument, endpoint_->BytesUnread())); return int64_t{0};
    default: return InterfaceIoctl(ctx, command, argument, false);
  }
}

}  // namespace unix_domain

Ref<Family> MakeUnixFamily() { return MakeRef<unix_domain::UnixFamily>(); }

}  // namespace ringwall::socket
