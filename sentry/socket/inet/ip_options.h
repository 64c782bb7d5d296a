// Options of ip(7), ipv6(7), tcp(7) and udp(7) that are a number with a default and bounds. Most are only remembered and reported; what
// one means is where it is read.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "abi/inet.h"
#include "abi/socket.h"
#include "absl/types/span.h"
#include "base/error/result.h"

namespace ringwall::socket::inet {

struct OptionRule {
  enum class Kind : uint8_t { kBool, kRange, kDefault /* a range in which -1 stands for the default */ };
  int32_t level, name;
  int32_t initial;
  Kind kind;
  int32_t low, high;
  bool bytes = false;       // a single byte is taken, too (ip(7))
  bool privileged = false;  // CAP_NET_ADMIN or CAP_NET_RAW to switch on
};

inline constexpr OptionRule kOptionRules[] = {
    {abi::kSOL_IP, abi::kIP_TOS, 0, OptionRule::Kind::kRange, INT32_MIN, INT32_MAX, true},
    {abi::kSOL_IP, abi::kIP_TTL, 64, OptionRule::Kind::kDefault, 1, 255, true},
    {abi::kSOL_IP, abi::kIP_RECVOPTS, 0, OptionRule::Kind::kBool, 0, 0, true},
    {abi::kSOL_IP, abi::kIP_RETOPTS, 0, OptionRule::Kind::kBool, 0, 0, true},
    {abi::kSOL_IP, abi::kIP_ROUTER_ALERT, 0, OptionRule::Kind::kRange, 0, 0, true},
    {abi::kSOL_IP, abi::kIP_PKTINFO, 0, OptionRule::Kind::kBool, 0, 0, true},
    {abi::kSOL_IP, abi::kIP_MTU_DISCOVER, abi::kIP_PMTUDISC_WANT, OptionRule::Kind::kRange, 0, abi::kIP_PMTUDISC_OMIT, true},
    {abi::kSOL_IP, abi::kIP_RECVERR, 0, OptionRule::Kind::kBool, 0, 0, true},
    {abi::kSOL_IP, abi::kIP_RECVTTL, 0, OptionRule::Kind::kBool, 0, 0, true},
    {abi::kSOL_IP, abi::kIP_RECVTOS, 0, OptionRule::Kind::kBool, 0, 0, true},
    {abi::kSOL_IP, abi::kIP_FREEBIND, 0, OptionRule::Kind::kBool, 0, 0, true},
    {abi::kSOL_IP, abi::kIP_PASSSEC, 0, OptionRule::Kind::kBool, 0, 0, true},
    {abi::kSOL_IP, abi::kIP_TRANSPARENT, 0, OptionRule::Kind::kBool, 0, 0, true, true},
    {abi::kSOL_IP, abi::kIP_RECVORIGDSTADDR, 0, OptionRule::Kind::kBool, 0, 0, true},
    {abi::kSOL_IP, abi::kIP_MINTTL, 0, OptionRule::Kind::kRange, 0, 255, true},
    {abi::kSOL_IP, abi::kIP_CHECKSUM, 0, OptionRule::Kind::kBool, 0, 0, true},
    {abi::kSOL_IP, abi::kIP_BIND_ADDRESS_NO_PORT, 0, OptionRule::Kind::kBool, 0, 0, true},
    {abi::kSOL_IP, abi::kIP_RECVERR_RFC4884, 0, OptionRule::Kind::kRange, 0, 1, true},
    {abi::kSOL_IP, abi::kIP_MULTICAST_TTL, 1, OptionRule::Kind::kDefault, 0, 255, true},
    {abi::kSOL_IP, abi::kIP_MULTICAST_LOOP, 1, OptionRule::Kind::kBool, 0, 0, true},
    {abi::kSOL_IP, abi::kIP_MULTICAST_ALL, 1, OptionRule::Kind::kRange, 0, 1, true},
    {abi::kSOL_IP, abi::kIP_LOCAL_PORT_RANGE, 0, OptionRule::Kind::kRange, 0, INT32_MAX},
    {abi::kSOL_IPV6, abi::kIPV6_2292PKTINFO, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_2292HOPOPTS, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_2292DSTOPTS, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_2292RTHDR, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_2292HOPLIMIT, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_FLOWINFO, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_UNICAST_HOPS, 64, OptionRule::Kind::kDefault, 0, 255},
    {abi::kSOL_IPV6, abi::kIPV6_MULTICAST_HOPS, 1, OptionRule::Kind::kDefault, 0, 255},
    {abi::kSOL_IPV6, abi::kIPV6_MULTICAST_LOOP, 1, OptionRule::Kind::kRange, 0, 1},
    {abi::kSOL_IPV6, abi::kIPV6_MTU_DISCOVER, abi::kIP_PMTUDISC_WANT, OptionRule::Kind::kRange, 0, abi::kIP_PMTUDISC_OMIT},
    {abi::kSOL_IPV6, abi::kIPV6_RECVERR, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_MULTICAST_ALL, 1, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_ROUTER_ALERT_ISOLATE, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_RECVERR_RFC4884, 0, OptionRule::Kind::kRange, 0, 1},
    {abi::kSOL_IPV6, abi::kIPV6_FLOWINFO_SEND, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_RECVPKTINFO, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_RECVHOPLIMIT, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_RECVHOPOPTS, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_RECVRTHDR, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_RECVDSTOPTS, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_RECVPATHMTU, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_DONTFRAG, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_RECVTCLASS, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_TCLASS, 0, OptionRule::Kind::kDefault, 0, 255},
    {abi::kSOL_IPV6, abi::kIPV6_AUTOFLOWLABEL, 1, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_MINHOPCOUNT, 0, OptionRule::Kind::kRange, 0, 255},
    {abi::kSOL_IPV6, abi::kIPV6_RECVORIGDSTADDR, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_IPV6, abi::kIPV6_TRANSPARENT, 0, OptionRule::Kind::kBool, 0, 0, false, true},
    {abi::kSOL_IPV6, abi::kIPV6_FREEBIND, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_TCP, abi::kTCP_NODELAY, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_TCP, abi::kTCP_CORK, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_TCP, abi::kTCP_KEEPIDLE, 7200, OptionRule::Kind::kRange, 1, 32767},
    {abi::kSOL_TCP, abi::kTCP_KEEPINTVL, 75, OptionRule::Kind::kRange, 1, 32767},
    {abi::kSOL_TCP, abi::kTCP_KEEPCNT, 9, OptionRule::Kind::kRange, 1, 127},
    {abi::kSOL_TCP, abi::kTCP_SYNCNT, 6, OptionRule::Kind::kRange, 1, 127},
    {abi::kSOL_TCP, abi::kTCP_QUICKACK, 1, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_TCP, abi::kTCP_THIN_LINEAR, 0, OptionRule::Kind::kRange, 0, 1},
    {abi::kSOL_TCP, abi::kTCP_THIN_DUPACK, 0, OptionRule::Kind::kRange, 0, 1},
    {abi::kSOL_TCP, abi::kTCP_USER_TIMEOUT, 0, OptionRule::Kind::kRange, 0, INT32_MAX},
    {abi::kSOL_TCP, abi::kTCP_FASTOPEN, 0, OptionRule::Kind::kRange, 0, INT32_MAX},
    {abi::kSOL_TCP, abi::kTCP_NOTSENT_LOWAT, 0, OptionRule::Kind::kRange, INT32_MIN, INT32_MAX},
    {abi::kSOL_TCP, abi::kTCP_SAVE_SYN, 0, OptionRule::Kind::kRange, 0, 2},
    {abi::kSOL_TCP, abi::kTCP_FASTOPEN_CONNECT, 0, OptionRule::Kind::kRange, 0, 1},
    {abi::kSOL_TCP, abi::kTCP_FASTOPEN_NO_COOKIE, 0, OptionRule::Kind::kRange, 0, 1},
    {abi::kSOL_TCP, abi::kTCP_INQ, 0, OptionRule::Kind::kRange, 0, 1},
    {abi::kSOL_TCP, abi::kTCP_TX_DELAY, 0, OptionRule::Kind::kRange, 0, INT32_MAX},
    // What needs more than a bound is checked by TcpSocket before it comes here.
    {abi::kSOL_TCP, abi::kTCP_MAXSEG, 0, OptionRule::Kind::kRange, 0, 32767},
    {abi::kSOL_TCP, abi::kTCP_LINGER2, 60, OptionRule::Kind::kRange, INT32_MIN, INT32_MAX},
    {abi::kSOL_TCP, abi::kTCP_DEFER_ACCEPT, 0, OptionRule::Kind::kRange, INT32_MIN, INT32_MAX},
    {abi::kSOL_TCP, abi::kTCP_WINDOW_CLAMP, 0, OptionRule::Kind::kRange, 0, INT32_MAX},
    {abi::kSOL_UDP, abi::kUDPLITE_SEND_CSCOV, 0, OptionRule::Kind::kRange, 0, 65535},
    {abi::kSOL_UDP, abi::kUDPLITE_RECV_CSCOV, 0, OptionRule::Kind::kRange, 0, 65535},
    {abi::kSOL_UDP, abi::kUDP_CORK, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_UDP, abi::kUDP_NO_CHECK6_TX, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_UDP, abi::kUDP_NO_CHECK6_RX, 0, OptionRule::Kind::kBool, 0, 0},
    {abi::kSOL_UDP, abi::kUDP_SEGMENT, 0, OptionRule::Kind::kRange, 0, 65535},
    {abi::kSOL_UDP, abi::kUDP_GRO, 0, OptionRule::Kind::kBool, 0, 0},
};

constexpr int FindOption(int32_t level, int32_t name) {
  for (size_t i = 0; i < std::size(kOptionRules); ++i) {
    if (kOptionRules[i].level == level && kOptionRules[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

// The values of one socket. Any thread.
class OptionValues {
 public:
  OptionValues();
  // A listener's, for an accepted connection.
  void CopyFrom(const OptionValues& other);
  template <int32_t kLevel, int32_t kName>
  int32_t Get() const {
    constexpr int kIndex = FindOption(kLevel, kName);
    static_assert(kIndex >= 0);
    return values_[kIndex].load(std::memory_order_relaxed);
  }
  template <int32_t kLevel, int32_t kName>
  void Put(int32_t value) {
    constexpr int kIndex = FindOption(kLevel, kName);
    static_assert(kIndex >= 0);
    values_[kIndex].store(value, std::memory_order_relaxed);
  }
  int32_t At(int index) const { return values_[static_cast<size_t>(index)].load(std::memory_order_relaxed); }
  // setsockopt(2) by the rule. EINVAL; EPERM.
  Result<void> Set(int index, absl::Span<const std::byte> value, bool privileged);

 private:
  std::array<std::atomic<int32_t>, std::size(kOptionRules)> values_;
};

// The number that an option's bytes are: four of them, or one where the option takes that.
Result<int32_t> DecodeNumber(absl::Span<const std::byte> value, bool single_byte);

}  // namespace ringwall::socket::inet
