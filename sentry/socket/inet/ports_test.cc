// PortTable: who may share a port, who receives, ephemeral ports, TIME_WAIT.
#include "sentry/socket/inet/ports.h"

#include <gtest/gtest.h>

#include <vector>

#include "abi/socket.h"

namespace ringwall::socket::inet {
namespace {

class Owner final : public PortOwner {
 public:
  using PortOwner::SetListening;

 private:
  ~Owner() override = default;
};

const IpAddress kLo = IpAddress::LoopbackV4(), kAny = IpAddress::AnyV4(), kLo6 = IpAddress::LoopbackV6(), kAny6;
Binding At(const IpAddress& ip, uint16_t port, uint32_t user = 0) {
  return {.local = {.ip = ip, .port = port}, .family = ip.is_v4() ? abi::kAF_INET : abi::kAF_INET6, .user = user};
}
struct Ports : testing::Test {
  Ref<Owner> New(bool reuse_address = false, bool reuse_port = false) {
    Ref<Owner> owner = MakeRef<Owner>();
    owner->SetReuseAddress(reuse_address);
    owner->SetReusePort(reuse_port);
    owners.push_back(owner);
    return owner;
  }
  ~Ports() override {
    for (const Ref<Owner>& owner : owners) {
      for (uint16_t port : {uint16_t{80}, uint16_t{81}}) tcp.Unbind(owner, port), udp.Unbind(owner, port);
    }
  }
  PortTable tcp{false}, udp{true};
  std::vector<Ref<Owner>> owners;
};

TEST_F(Ports, WildcardsAndAddressesConflict) {
  EXPECT_TRUE(tcp.Bind(New(), At(kLo, 80)).ok());
  EXPECT_EQ(tcp.Bind(New(), At(kLo, 80)), Errno::kEADDRINUSE);
  EXPECT_EQ(tcp.Bind(New(), At(kAny, 80)), Errno::kEADDRINUSE);
  EXPECT_EQ(tcp.Bind(New(), At(kAny6, 80)), Errno::kEADDRINUSE);
  EXPECT_TRUE(tcp.Bind(New(), At(kLo6, 80)).ok());
  EXPECT_TRUE(tcp.Bind(New(), At(IpAddress::V4(0x7f000002), 80)).ok());
}
TEST_F(Ports, DualWildcardNeedsV6OnlyToLiveBesideIpv4) {
  EXPECT_TRUE(tcp.Bind(New(), At(kAny, 80)).ok());
  Binding six = At(kAny6, 80);
  EXPECT_EQ(tcp.Bind(New(), six), Errno::kEADDRINUSE);
  six.v6_only = true;
  EXPECT_TRUE(tcp.Bind(New(), six).ok());
}
TEST_F(Ports, ListenersAreNotSharedByReuseAddress) {
  const Ref<Owner> one = New(true), two = New(true);
  EXPECT_TRUE(tcp.Bind(one, At(kLo, 80)).ok());
  EXPECT_TRUE(tcp.Bind(two, At(kLo, 80)).ok());
  EXPECT_TRUE(tcp.StartListening(one, 80).ok());
  one->SetListening(true);
  EXPECT_EQ(tcp.StartListening(two, 80), Errno::kEADDRINUSE);
  EXPECT_EQ(tcp.Bind(New(true), At(kLo, 80)), Errno::kEADDRINUSE);
}
TEST_F(Ports, ReusePortIsForOneUser) {
  EXPECT_TRUE(udp.Bind(New(false, true), At(kLo, 80, 1)).ok());
  EXPECT_TRUE(udp.Bind(New(false, true), At(kLo, 80, 1)).ok());
  EXPECT_EQ(udp.Bind(New(false, true), At(kLo, 80, 2)), Errno::kEADDRINUSE);
  EXPECT_EQ(udp.Bind(New(), At(kLo, 80, 1)), Errno::kEADDRINUSE);
}
TEST_F(Ports, ListenerByBestMatch) {
  const Ref<Owner> any = New(), exact = New(), six = New();
  Binding only = At(kAny6, 81);
  only.v6_only = true;
  EXPECT_TRUE(tcp.Bind(exact, At(kLo, 80)).ok());
  exact->SetReuseAddress(true);
  any->SetReuseAddress(true);
  EXPECT_TRUE(tcp.Bind(any, At(kAny, 80)).ok());
  EXPECT_TRUE(tcp.Bind(six, only).ok());
  for (const Ref<Owner>& owner : {any, exact}) EXPECT_TRUE(tcp.StartListening(owner, 80).ok());
  EXPECT_TRUE(tcp.StartListening(six, 81).ok());
  for (const Ref<Owner>& owner : {any, exact, six}) owner->SetListening(true);
  const Name from{.ip = kLo, .port = 5000};
  EXPECT_EQ(tcp.FindListener({.ip = kLo, .port = 80}, 0, from).get(), exact.get());
  EXPECT_EQ(tcp.FindListener({.ip = IpAddress::V4(0x7f000003), .port = 80}, 0, from).get(), any.get());
  EXPECT_EQ(tcp.FindListener({.ip = kLo, .port = 81}, 0, from).get(), nullptr);
  EXPECT_EQ(tcp.FindListener({.ip = kLo6, .port = 81}, 0, {.ip = kLo6, .port = 1}).get(), six.get());
}
TEST_F(Ports, EphemeralPortsRunOut) {
  constexpr size_t kAll = PortTable::kLastEphemeral - PortTable::kFirstEphemeral + 1;
  std::vector<std::pair<Ref<Owner>, uint16_t>> bound;
  for (size_t i = 0; i < kAll; ++i) {
    Ref<Owner> owner = MakeRef<Owner>();
    const auto port = tcp.Bind(owner, At(kLo, 0));
    ASSERT_TRUE(port.ok());
    bound.emplace_back(std::move(owner), *port);
  }
  EXPECT_EQ(tcp.Bind(New(), At(kLo, 0)), Errno::kEADDRINUSE);
  EXPECT_EQ(tcp.BindForConnect(New(), At(kLo, 0), {.ip = kLo, .port = 80}), Errno::kEADDRNOTAVAIL);
  for (const auto& [owner, port] : bound) tcp.Unbind(owner, port);
  const Ref<Owner> again = New();
  const auto port = tcp.Bind(again, At(kLo, 0));
  ASSERT_TRUE(port.ok());
  tcp.Unbind(again, *port);
}
TEST_F(Ports, TimeWaitHoldsThePortForThoseWhoDoNotReuse) {
  const Tuple tuple{.local = {.ip = kLo, .port = 80}, .peer = {.ip = kLo, .port = 5000}};
  tcp.AddTimeWait(tuple, abi::kAF_INET, true, false, 0);
  EXPECT_EQ(tcp.TimeWaits().size(), 1u);
  EXPECT_EQ(tcp.Bind(New(), At(kAny, 80)), Errno::kEADDRINUSE);
  EXPECT_TRUE(tcp.Bind(New(true), At(kAny, 80)).ok());
  tcp.RemoveTimeWait(tuple);
  EXPECT_TRUE(tcp.TimeWaits().empty());
}
TEST_F(Ports, TimeWaitIsBounded) {
  for (uint32_t i = 0; i < 10'000; ++i) {
    const Tuple tuple{.local = {.ip = kLo, .port = static_cast<uint16_t>(i + 1)}, .peer = {.ip = kLo, .port = 1}};
    tcp.AddTimeWait(tuple, abi::kAF_INET, false, false, 0);
  }
  EXPECT_LE(tcp.TimeWaits().size(), 4096u);
}

}  // namespace
}  // namespace ringwall::socket::inet
