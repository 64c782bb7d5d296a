// TCP and UDP sockets on the loopback interface, addresses and options for the tests of ip(7), ipv6(7), tcp(7) and udp(7).
#pragma once

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/lib/guest.h"

namespace tests {

// An IPv4 or IPv6 address with a port, as bytes for the kernel and in words for people.
struct InetAddress {
  InetAddress() = default;
  InetAddress(const std::string& ip, int port) {
    if (ip.find(':') == std::string::npos) {
      auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
      v4->sin_family = AF_INET;
      v4->sin_port = htons(static_cast<uint16_t>(port));
      inet_pton(AF_INET, ip.c_str(), &v4->sin_addr);
      length = sizeof *v4;
    } else {
      auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(static_cast<uint16_t>(port));
      inet_pton(AF_INET6, ip.c_str(), &v6->sin6_addr);
      length = sizeof *v6;
    }
  }
  int port() const { return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port); }
  std::string ip() const {
    char text[INET6_ADDRSTRLEN] = {};
    if (storage.ss_family == AF_INET) inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, text, sizeof text);
    if (storage.ss_family == AF_INET6) inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr, text, sizeof text);
    return text;
  }
  const sockaddr_storage* get() const { return &storage; }
  sockaddr_storage storage = {};
  socklen_t length = 0;
};

inline const char* const kLo = "127.0.0.1";

inline ScopedFd TcpSocket(int family = AF_INET, int flags = 0) { return ScopedFd(Call(SYS_socket, family, SOCK_STREAM | flags, 0)); }
inline ScopedFd UdpSocket(int family = AF_INET, int flags = 0) { return ScopedFd(Call(SYS_socket, family, SOCK_DGRAM | flags, 0)); }

inline long BindTo(const ScopedFd& fd, const InetAddress& to) { return Call(SYS_bind, fd, to.get(), to.length); }
inline long ConnectTo(const ScopedFd& fd, const InetAddress& to) { return Call(SYS_connect, fd, to.get(), to.length); }
inline InetAddress NameOf(const ScopedFd& fd) {
  InetAddress name;
  name.length = sizeof name.storage;
  if (Call(SYS_getsockname, fd, &name.storage, &name.length) < 0) name.length = 0;
  return name;
}
inline InetAddress PeerOf(const ScopedFd& fd) {
  InetAddress name;
  name.length = sizeof name.storage;
  if (Call(SYS_getpeername, fd, &name.storage, &name.length) < 0) name.length = 0;
  return name;
}
inline long SetOption(const ScopedFd& fd, int level, int option, int value) {
  return Call(SYS_setsockopt, fd, level, option, &value, sizeof value);
}
// The option's number, or the negative errno.
inline long GetOption(const ScopedFd& fd, int level, int option) {
  int value = 0;
  socklen_t length = sizeof value;
  const long result = Call(SYS_getsockopt, fd, level, option, &value, &length);
  return result < 0 ? result : value;
}
inline long PendingError(const ScopedFd& fd) { return GetOption(fd, SOL_SOCKET, SO_ERROR); }

inline long SendBytes(const ScopedFd& fd, const std::string& bytes, int flags = MSG_NOSIGNAL) {
  return Call(SYS_sendto, fd, bytes.data(), bytes.size(), flags, nullptr, 0);
}
inline long SendBytesTo(const ScopedFd& fd, const InetAddress& to, const std::string& bytes, int flags = 0) {
  return Call(SYS_sendto, fd, bytes.data(), bytes.size(), flags, to.get(), to.length);
}
// What one receive of at most `room` bytes gives; "" also for an error.
inline std::string ReceiveBytes(const ScopedFd& fd, size_t room = 1000, int flags = 0) {
  std::string bytes(room, '\0');
  const long got = Call(SYS_recvfrom, fd, bytes.data(), room, flags, nullptr, nullptr);
  bytes.resize(got < 0 ? 0 : std::min<size_t>(static_cast<size_t>(got), room));
  return bytes;
}
inline long ReceiveResult(const ScopedFd& fd, size_t room = 1000, int flags = MSG_DONTWAIT) {
  std::string bytes(room, '\0');
  return Call(SYS_recvfrom, fd, bytes.data(), room, flags, nullptr, nullptr);
}

inline constexpr int kPollAll = POLLIN | POLLOUT | POLLPRI | POLLRDHUP;
// What poll(2) says at once.
inline int PollNow(const ScopedFd& fd, int events = kPollAll, int timeout_ms = 0) {
  pollfd entry{.fd = fd.get(), .events = static_cast<short>(events), .revents = 0};
  Call(SYS_poll, &entry, 1, timeout_ms);
  return entry.revents;
}
// Waits at most two seconds until poll(2) says something of `events`; what it says of everything then.
inline int PollFor(const ScopedFd& fd, int events) {
  PollNow(fd, events, 2000);
  return PollNow(fd);
}

// A listener on an ephemeral port.
struct Listener {
  explicit Listener(const std::string& ip = kLo, int backlog = 16, int flags = 0)
      : fd(TcpSocket(ip.find(':') == std::string::npos ? AF_INET : AF_INET6, flags)) {
    EXPECT_THAT(BindTo(fd, InetAddress(ip, 0)), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_listen, fd, backlog), SucceedsWith(0));
    address = NameOf(fd);
  }
  ScopedFd Accept(int flags = 0) const { return ScopedFd(Call(SYS_accept4, fd, nullptr, nullptr, flags)); }
  ScopedFd fd;
  InetAddress address;
};

// Both ends of a connection.
struct TcpPair {
  explicit TcpPair(const std::string& ip = kLo) : listener(ip), client(TcpSocket(ip.find(':') == std::string::npos ? AF_INET : AF_INET6)) {
    EXPECT_THAT(ConnectTo(client, listener.address), SucceedsWith(0));
    server = listener.Accept();
    EXPECT_TRUE(server.valid());
  }
  Listener listener;
  ScopedFd client, server;
};

// A bound UDP socket and its name.
struct UdpEnd {
  explicit UdpEnd(const std::string& ip = kLo, int flags = 0)
      : fd(UdpSocket(ip.find(':') == std::string::npos ? AF_INET : AF_INET6, flags)) {
    EXPECT_THAT(BindTo(fd, InetAddress(ip, 0)), SucceedsWith(0));
    address = NameOf(fd);
  }
  ScopedFd fd;
  InetAddress address;
};

// A port of this machine that nobody uses.
inline int FreePort(int type = SOCK_STREAM) {
  const ScopedFd fd(Call(SYS_socket, AF_INET, type, 0));
  BindTo(fd, InetAddress("0.0.0.0", 0));
  return NameOf(fd).port();
}

inline bool HasIpv6() {
  const ScopedFd fd = UdpSocket(AF_INET6);
  return fd.valid() && BindTo(fd, InetAddress("::1", 0)) == 0;
}
#define SKIP_WITHOUT_IPV6() \
  if (!HasIpv6()) GTEST_SKIP() << "no IPv6 on this machine"

// Runs `body` in a child for which lo is the only interface: as it is in a sandbox, in a new network namespace elsewhere. False when this
// machine has others and does not let us.
inline bool OnlyLoopbackInterface() {
  std::string table = ReadFile("/proc/net/dev");
  size_t lines = 0;
  for (const char c : table) lines += c == '\n';
  return lines == 3;
}
inline bool EnterLoopbackNamespace() {
  if (OnlyLoopbackInterface()) return true;
  if (unshare(CLONE_NEWNET) != 0) return false;
  ifreq request = {};
  memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const ScopedFd fd = UdpSocket();
  return Call(SYS_ioctl, fd, SIOCSIFFLAGS, &request) == 0;
}
template <class Body>
void WithOnlyLoopback(const Body& body) {
  constexpr int kCannot = 77;
  const int status = ChildStatus([&] {
    if (!EnterLoopbackNamespace()) _exit(kCannot);
    body();
  });
  if (WIFEXITED(status) && WEXITSTATUS(status) == kCannot) GTEST_SKIP() << "this machine has other interfaces";
  EXPECT_THAT(status, Exited(0));
}

}  // namespace tests
