// socket(2) for AF_INET and AF_INET6: which types and protocols there are.
#include "sentry/socket/inet/family.h"
#include "sentry/socket/inet/of_caller.h"

#include "sentry/cred/credentials.h"
#include "sentry/socket/inet/tables.h"
#include "sentry/socket/inet/tcp_socket.h"
#include "sentry/socket/inet/udp_socket.h"

namespace ringwall::socket {

namespace inet {

namespace {

constexpr int32_t kProtocolCount = 263;  // IPPROTO_MAX

class InetFamily final : public Family {
 public:
  InetFamily(Ref<Network> network, int32_t family) : network_(std::move(network)), family_(family) {}

  Result<Ref<Socket>> Create(Context& ctx, int32_t type, int32_t protocol) override {
    if (protocol < 0 || protocol >= kProtocolCount) return Errno::kEINVAL;
    const uint32_t user = ctx.creds().fsuid;
    const Ref<Network> network = NetworkOfCaller(ctx, network_);
    switch (type) {
      case abi::kSOCK_STREAM:
        if (protocol != 0 && protocol != abi::kIPPROTO_TCP) return Errno::kEPROTONOSUPPORT;
        return Ref<Socket>(MakeRef<TcpSocket>(ctx, abi::kIPPROTO_TCP, MakeRef<TcpEndpoint>(network, family_, user)));
      case abi::kSOCK_DGRAM:
        // Ping sockets are for groups in net.ipv4.ping_group_range, which is empty.
        if (protocol == (family_ == abi::kAF_INET ? abi::kIPPROTO_ICMP : abi::kIPPROTO_ICMPV6)) return Errno::kEACCES;
        if (protocol != 0 && protocol != abi::kIPPROTO_UDP && protocol != abi::kIPPROTO_UDPLITE) return Errno::kEPROTONOSUPPORT;
        {
          const bool lite = protocol == abi::kIPPROTO_UDPLITE;
          const int32_t number = lite ? abi::kIPPROTO_UDPLITE : abi::kIPPROTO_UDP;
          return Ref<Socket>(MakeRef<UdpSocket>(ctx, number, MakeRef<UdpEndpoint>(network_, family_, user, lite)));
        }
      case abi::kSOCK_RAW:
        if (protocol == 0) return Errno::kEPROTONOSUPPORT;
        if (!HasOverNetwork(ctx, abi::kCAP_NET_RAW)) return Errno::kEPERM;
        // Differs from Linux: there are no raw packets here.
        return Errno::kEPROTONOSUPPORT;
      default: return Errno::kESOCKTNOSUPPORT;
    }
  }

  Result<std::pair<Ref<Socket>, Ref<Socket>>> CreatePair(Context& ctx, int32_t type, int32_t protocol) override {
    TRY(Create(ctx, type, protocol));
    return Errno::kEOPNOTSUPP;
  }

  Result<std::string> Table(std::string_view name) override { return TableText(*network_, family_, name); }

 private:
  const Ref<Network> network_;
  const int32_t family_;
};

}  // namespace

}  // namespace inet

Ref<Family> MakeInetFamily(Ref<inet::Network> network, int32_t family) { return MakeRef<inet::InetFamily>(std::move(network), family); }

}  // namespace ringwall::socket
