// tcp(7): connections over the loopback interface: connect(2), accept(2), transfers, shutdown(2), close(2), poll(2).
#include <sys/epoll.h>

#include "tests/syscall/socket/inet.h"

namespace tests {

// ---- socket(2) ----

TEST(InetSocket, TypesAndProtocols) {
  EXPECT_TRUE(ScopedFd(Call(SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_TCP)).valid());
  EXPECT_TRUE(ScopedFd(Call(SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_UDP)).valid());
  EXPECT_THAT(Call(SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_UDP), FailsWith(EPROTONOSUPPORT));
  EXPECT_THAT(Call(SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_TCP), FailsWith(EPROTONOSUPPORT));
  EXPECT_THAT(Call(SYS_socket, AF_INET, SOCK_SEQPACKET, 0), FailsWith(ESOCKTNOSUPPORT));
  EXPECT_THAT(Call(SYS_socket, AF_INET, SOCK_RDM, 0), FailsWith(ESOCKTNOSUPPORT));
  EXPECT_THAT(Call(SYS_socket, AF_INET, SOCK_STREAM, 9999), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_socket, AF_INET, SOCK_STREAM, -1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_socket, AF_INET, SOCK_RAW, 0), FailsWith(EPROTONOSUPPORT));
}
TEST(InetSocket, RawNeedsACapability) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_socket, AF_INET, SOCK_RAW, IPPROTO_ICMP), FailsWith(EPERM));
  });
}
TEST(InetSocket, FlagsOfTheDescriptor) {
  const ScopedFd fd = TcpSocket(AF_INET, SOCK_CLOEXEC | SOCK_NONBLOCK);
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFD), SucceedsWith(FD_CLOEXEC));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFL), SucceedsWith(O_RDWR | O_NONBLOCK));
}
TEST(InetSocket, HasNoPairs) {
  int fds[2];
  EXPECT_THAT(Call(SYS_socketpair, AF_INET, SOCK_STREAM, 0, fds), FailsWith(EOPNOTSUPP));
}
TEST(InetSocket, CannotSeekOrTruncate) {
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(Call(SYS_lseek, fd, 0, SEEK_SET), FailsWith(ESPIPE));
  EXPECT_THAT(Call(SYS_ftruncate, fd, 0), FailsWith(EINVAL));
}

// ---- a connection ----

TEST(TcpConnect, CarriesBytesBothWays) {
  const TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "hello"), SucceedsWith(5));
  EXPECT_EQ(ReceiveBytes(pair.server), "hello");
  EXPECT_THAT(SendBytes(pair.server, "world"), SucceedsWith(5));
  EXPECT_EQ(ReceiveBytes(pair.client), "world");
}
TEST(TcpConnect, NamesOfBothEnds) {
  const TcpPair pair;
  EXPECT_EQ(PeerOf(pair.client).port(), pair.listener.address.port());
  EXPECT_EQ(PeerOf(pair.client).ip(), kLo);
  EXPECT_EQ(NameOf(pair.server).port(), pair.listener.address.port());
  EXPECT_EQ(PeerOf(pair.server).port(), NameOf(pair.client).port());
  EXPECT_EQ(NameOf(pair.client).ip(), kLo);
  EXPECT_GE(NameOf(pair.client).port(), 1024);
}
TEST(TcpConnect, AcceptTellsThePeer) {
  const Listener listener;
  const ScopedFd client = TcpSocket();
  EXPECT_THAT(ConnectTo(client, listener.address), SucceedsWith(0));
  InetAddress peer;
  peer.length = sizeof peer.storage;
  const ScopedFd server(Call(SYS_accept4, listener.fd, &peer.storage, &peer.length, SOCK_CLOEXEC | SOCK_NONBLOCK));
  EXPECT_EQ(peer.length, sizeof(sockaddr_in));
  EXPECT_EQ(peer.port(), NameOf(client).port());
  EXPECT_THAT(Call(SYS_fcntl, server, F_GETFD), SucceedsWith(FD_CLOEXEC));
  EXPECT_THAT(Call(SYS_fcntl, server, F_GETFL), SucceedsWith(O_RDWR | O_NONBLOCK));
}
TEST(TcpConnect, AddressIsCutToTheRoomAndItsLengthTold) {
  const TcpPair pair;
  char bytes[4] = {9, 9, 9, 9};
  socklen_t length = 2;
  EXPECT_THAT(Call(SYS_getsockname, pair.client, bytes, &length), SucceedsWith(0));
  EXPECT_EQ(length, sizeof(sockaddr_in));
  EXPECT_EQ(bytes[0], AF_INET);
  EXPECT_EQ(bytes[2], 9);
}
TEST(TcpConnect, ToAPortWithoutAListener) {
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(ConnectTo(fd, InetAddress(kLo, FreePort())), FailsWith(ECONNREFUSED));
  EXPECT_EQ(PollNow(fd), POLLOUT | POLLHUP);
  EXPECT_THAT(PendingError(fd), SucceedsWith(0));
  EXPECT_THAT(ReceiveResult(fd), FailsWith(ENOTCONN));
  EXPECT_THAT(SendBytes(fd, "x"), FailsWith(EPIPE));
  EXPECT_THAT(ConnectTo(fd, InetAddress(kLo, FreePort())), FailsWith(ECONNREFUSED));
}
TEST(TcpConnect, CanSucceedAfterARefusal) {
  const Listener listener;
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(ConnectTo(fd, InetAddress(kLo, FreePort())), FailsWith(ECONNREFUSED));
  EXPECT_THAT(ConnectTo(fd, listener.address), SucceedsWith(0));
}
TEST(TcpConnect, PortZeroIsRefused) {
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(ConnectTo(fd, InetAddress(kLo, 0)), FailsWith(ECONNREFUSED));
}
TEST(TcpConnect, WildcardMeansThisMachine) {
  const Listener listener;
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(ConnectTo(fd, InetAddress("0.0.0.0", listener.address.port())), SucceedsWith(0));
  EXPECT_EQ(PeerOf(fd).ip(), kLo);
  EXPECT_EQ(NameOf(fd).ip(), kLo);
}
TEST(TcpConnect, AnyAddressOfTheLoopbackNetwork) {
  const Listener listener("0.0.0.0");
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(ConnectTo(fd, InetAddress("127.1.2.3", listener.address.port())), SucceedsWith(0));
  const ScopedFd server = listener.Accept();
  EXPECT_EQ(NameOf(server).ip(), "127.1.2.3");
  EXPECT_EQ(NameOf(fd).ip(), kLo);
}
TEST(TcpConnect, KeepsABoundAddressAndPort) {
  const Listener listener("0.0.0.0");
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(BindTo(fd, InetAddress("127.0.0.9", 0)), SucceedsWith(0));
  const int port = NameOf(fd).port();
  EXPECT_NE(port, 0);
  EXPECT_THAT(ConnectTo(fd, InetAddress(kLo, listener.address.port())), SucceedsWith(0));
  EXPECT_EQ(NameOf(fd).ip(), "127.0.0.9");
  EXPECT_EQ(NameOf(fd).port(), port);
}
TEST(TcpConnect, OnlyListenersOnTheSameAddressAnswer) {
  const Listener listener("127.0.0.1");
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(ConnectTo(fd, InetAddress("127.0.0.2", listener.address.port())), FailsWith(ECONNREFUSED));
}
TEST(TcpConnect, BadArguments) {
  const ScopedFd fd = TcpSocket();
  const InetAddress to(kLo, 1);
  EXPECT_THAT(Call(SYS_connect, fd, to.get(), 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_connect, fd, to.get(), 8), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_connect, fd, to.get(), -1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_connect, fd, BadAddress(), 16), FailsWith(EFAULT));
  InetAddress other(kLo, 1);
  other.storage.ss_family = AF_UNIX;
  EXPECT_THAT(ConnectTo(fd, other), FailsWith(EAFNOSUPPORT));
  EXPECT_THAT(Call(SYS_connect, -1, to.get(), to.length), FailsWith(EBADF));
}
TEST(TcpConnect, Twice) {
  const TcpPair pair;
  EXPECT_THAT(ConnectTo(pair.client, pair.listener.address), FailsWith(EISCONN));
  EXPECT_THAT(ConnectTo(pair.server, pair.listener.address), FailsWith(EISCONN));
  EXPECT_THAT(ConnectTo(pair.listener.fd, pair.listener.address), FailsWith(EISCONN));
}
TEST(TcpConnect, UnreachableNetworks) {
  WithOnlyLoopback([] {
    for (const char* ip : {"10.0.0.1", "192.0.2.77", "255.255.255.255", "224.0.0.1", "127.255.255.255"}) {
      const ScopedFd fd = TcpSocket();
      EXPECT_THAT(ConnectTo(fd, InetAddress(ip, 80)), FailsWith(ENETUNREACH)) << ip;
      EXPECT_EQ(NameOf(fd).port(), 0);
    }
  });
}
TEST(TcpConnect, SameTupleTwiceIsNotAvailable) {
  const Listener listener;
  const ScopedFd one = TcpSocket(), two = TcpSocket();
  EXPECT_THAT(SetOption(one, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(SetOption(two, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(one, InetAddress(kLo, 0)), SucceedsWith(0));
  EXPECT_THAT(BindTo(two, NameOf(one)), SucceedsWith(0));
  EXPECT_THAT(ConnectTo(one, listener.address), SucceedsWith(0));
  EXPECT_THAT(ConnectTo(two, listener.address), FailsWith(EADDRNOTAVAIL));
}
TEST(TcpConnect, UnspecDisconnects) {
  const TcpPair pair;
  sockaddr unspec = {};
  EXPECT_THAT(Call(SYS_connect, pair.client, &unspec, sizeof unspec), SucceedsWith(0));
  EXPECT_EQ(PeerOf(pair.client).length, 0u);
  EXPECT_NE(PollFor(pair.server, POLLERR) & POLLERR, 0);
  EXPECT_THAT(PendingError(pair.server), SucceedsWith(ECONNRESET));
  EXPECT_THAT(ConnectTo(pair.client, pair.listener.address), SucceedsWith(0));
}
TEST(TcpConnect, UnspecStopsListening) {
  const Listener listener;
  sockaddr unspec = {};
  EXPECT_THAT(Call(SYS_connect, listener.fd, &unspec, sizeof unspec), SucceedsWith(0));
  EXPECT_THAT(GetOption(listener.fd, SOL_SOCKET, SO_ACCEPTCONN), SucceedsWith(0));
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(ConnectTo(fd, listener.address), FailsWith(ECONNREFUSED));
}

// ---- without waiting ----

TEST(TcpNonblockingConnect, IsInProgressThenConnected) {
  const Listener listener;
  const ScopedFd fd = TcpSocket(AF_INET, SOCK_NONBLOCK);
  EXPECT_THAT(ConnectTo(fd, listener.address), FailsWith(EINPROGRESS));
  EXPECT_EQ(PollFor(fd, POLLOUT), POLLOUT);
  EXPECT_THAT(PendingError(fd), SucceedsWith(0));
  EXPECT_THAT(ConnectTo(fd, listener.address), SucceedsWith(0));
  EXPECT_THAT(ConnectTo(fd, listener.address), FailsWith(EISCONN));
}
TEST(TcpNonblockingConnect, RefusalIsToldBySoError) {
  const ScopedFd fd = TcpSocket(AF_INET, SOCK_NONBLOCK);
  const InetAddress to(kLo, FreePort());
  EXPECT_THAT(ConnectTo(fd, to), FailsWith(EINPROGRESS));
  EXPECT_EQ(PollFor(fd, POLLOUT), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
  EXPECT_THAT(PendingError(fd), SucceedsWith(ECONNREFUSED));
  EXPECT_EQ(PollNow(fd), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
  EXPECT_THAT(ConnectTo(fd, to), FailsWith(ECONNABORTED));
  EXPECT_THAT(ConnectTo(fd, to), FailsWith(EINPROGRESS));
  EXPECT_NE(PollFor(fd, POLLERR) & POLLERR, 0);
  EXPECT_THAT(ReceiveResult(fd), FailsWith(ECONNREFUSED));
}
TEST(TcpNonblockingConnect, RefusalIsToldByTheNextConnect) {
  const ScopedFd fd = TcpSocket(AF_INET, SOCK_NONBLOCK);
  const InetAddress to(kLo, FreePort());
  EXPECT_THAT(ConnectTo(fd, to), FailsWith(EINPROGRESS));
  PollFor(fd, POLLERR);
  EXPECT_THAT(ConnectTo(fd, to), FailsWith(ECONNREFUSED));
}
TEST(TcpNonblockingConnect, ToAFullListenerStaysInProgress) {
  Listener listener(kLo, 0);
  const ScopedFd one = TcpSocket(AF_INET, SOCK_NONBLOCK), two = TcpSocket(AF_INET, SOCK_NONBLOCK);
  EXPECT_THAT(ConnectTo(one, listener.address), FailsWith(EINPROGRESS));
  EXPECT_EQ(PollFor(one, POLLOUT), POLLOUT);
  EXPECT_THAT(ConnectTo(two, listener.address), FailsWith(EINPROGRESS));
  EXPECT_EQ(PollNow(two), 0);
  EXPECT_THAT(ConnectTo(two, listener.address), FailsWith(EALREADY));
  EXPECT_THAT(SendBytes(two, "x"), FailsWith(EAGAIN));
  EXPECT_THAT(ReceiveResult(two), FailsWith(EAGAIN));
  EXPECT_EQ(PeerOf(two).length, 0u);
  EXPECT_EQ(NameOf(two).ip(), kLo);
  // Room for it.
  EXPECT_TRUE(listener.Accept().valid());
  EXPECT_EQ(PollFor(two, POLLOUT), POLLOUT);
}
TEST(TcpNonblockingConnect, ShutdownGivesUp) {
  const Listener listener(kLo, 0);
  const ScopedFd one = TcpSocket(AF_INET, SOCK_NONBLOCK), two = TcpSocket(AF_INET, SOCK_NONBLOCK);
  EXPECT_THAT(ConnectTo(one, listener.address), FailsWith(EINPROGRESS));
  EXPECT_THAT(ConnectTo(two, listener.address), FailsWith(EINPROGRESS));
  EXPECT_THAT(Call(SYS_shutdown, two, SHUT_WR), SucceedsWith(0));
  EXPECT_EQ(PollNow(two), POLLOUT | POLLERR | POLLHUP);
  EXPECT_THAT(Call(SYS_shutdown, two, SHUT_RDWR), FailsWith(ENOTCONN));
}
TEST(TcpConnect, BlockedOneIsWokenWhenThereIsRoom) {
  Listener listener(kLo, 0);
  const ScopedFd one = TcpSocket();
  EXPECT_THAT(ConnectTo(one, listener.address), SucceedsWith(0));
  ScopedThread waiter([&] {
    const ScopedFd two = TcpSocket();
    EXPECT_THAT(ConnectTo(two, listener.address), SucceedsWith(0));
  });
  WaitUntilAsleep(waiter.tid());
  EXPECT_TRUE(listener.Accept().valid());
  EXPECT_TRUE(listener.Accept().valid());
}
TEST(TcpConnect, SendTimeoutLimitsIt) {
  const Listener listener(kLo, 0);
  const ScopedFd one = TcpSocket(), two = TcpSocket();
  EXPECT_THAT(ConnectTo(one, listener.address), SucceedsWith(0));
  const timeval timeout{0, 50'000};
  EXPECT_THAT(Call(SYS_setsockopt, two, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout), SucceedsWith(0));
  const Stopwatch watch;
  EXPECT_THAT(ConnectTo(two, listener.address), FailsWith(EINPROGRESS));
  EXPECT_GE(watch.ms(), 45);
}

// ---- listen(2), accept(2) ----

TEST(TcpListen, WithoutBindChoosesAPort) {
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(Call(SYS_listen, fd, 1), SucceedsWith(0));
  EXPECT_NE(NameOf(fd).port(), 0);
  EXPECT_EQ(NameOf(fd).ip(), "0.0.0.0");
  EXPECT_THAT(GetOption(fd, SOL_SOCKET, SO_ACCEPTCONN), SucceedsWith(1));
}
TEST(TcpListen, OnAConnectedSocket) {
  const TcpPair pair;
  EXPECT_THAT(Call(SYS_listen, pair.client, 1), FailsWith(EINVAL));
}
TEST(TcpListen, AgainChangesTheBacklog) {
  const Listener listener(kLo, 0);
  EXPECT_THAT(Call(SYS_listen, listener.fd, 4), SucceedsWith(0));
  for (int i = 0; i < 5; ++i) {
    const ScopedFd fd = TcpSocket(AF_INET, SOCK_NONBLOCK);
    EXPECT_THAT(ConnectTo(fd, listener.address), FailsWith(EINPROGRESS));
    EXPECT_EQ(PollFor(fd, POLLOUT), POLLOUT);
  }
}
TEST(TcpListen, TransfersAndNamesOfAListener) {
  const Listener listener;
  EXPECT_THAT(ReceiveResult(listener.fd), FailsWith(ENOTCONN));
  EXPECT_THAT(SendBytes(listener.fd, "x"), FailsWith(EPIPE));
  EXPECT_EQ(PeerOf(listener.fd).length, 0u);
  EXPECT_EQ(PollNow(listener.fd), 0);
}
TEST(TcpAccept, Errors) {
  const ScopedFd fresh = TcpSocket();
  EXPECT_THAT(Call(SYS_accept, fresh, nullptr, nullptr), FailsWith(EINVAL));
  const TcpPair pair;
  EXPECT_THAT(Call(SYS_accept, pair.client, nullptr, nullptr), FailsWith(EINVAL));
  const Listener listener(kLo, 1, SOCK_NONBLOCK);
  EXPECT_THAT(Call(SYS_accept, listener.fd, nullptr, nullptr), FailsWith(EAGAIN));
  EXPECT_THAT(Call(SYS_accept4, listener.fd, nullptr, nullptr, 1), FailsWith(EINVAL));
}
TEST(TcpAccept, ReceiveTimeoutLimitsIt) {
  const Listener listener;
  const timeval timeout{0, 50'000};
  EXPECT_THAT(Call(SYS_setsockopt, listener.fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_accept, listener.fd, nullptr, nullptr), FailsWith(EAGAIN));
}
TEST(TcpAccept, BlockedOneWakesOnAConnection) {
  const Listener listener;
  const ScopedFd client = TcpSocket();
  ScopedThread acceptor([&] { EXPECT_TRUE(listener.Accept().valid()); });
  WaitUntilAsleep(acceptor.tid());
  EXPECT_THAT(ConnectTo(client, listener.address), SucceedsWith(0));
}
TEST(TcpAccept, ConnectionsInTheOrderTheyCame) {
  const Listener listener;
  const ScopedFd one = TcpSocket(), two = TcpSocket();
  EXPECT_THAT(ConnectTo(one, listener.address), SucceedsWith(0));
  EXPECT_THAT(ConnectTo(two, listener.address), SucceedsWith(0));
  EXPECT_EQ(PollNow(listener.fd), POLLIN);
  const ScopedFd first = listener.Accept(), second = listener.Accept();
  EXPECT_EQ(PeerOf(first).port(), NameOf(one).port());
  EXPECT_EQ(PeerOf(second).port(), NameOf(two).port());
  EXPECT_EQ(PollNow(listener.fd), 0);
}
TEST(TcpAccept, BytesMayBeThereAlready) {
  const Listener listener;
  {
    const ScopedFd client = TcpSocket();
    EXPECT_THAT(ConnectTo(client, listener.address), SucceedsWith(0));
    EXPECT_THAT(SendBytes(client, "early"), SucceedsWith(5));
  }
  const ScopedFd server = listener.Accept();
  EXPECT_EQ(ReceiveBytes(server), "early");
  EXPECT_EQ(ReceiveResult(server), 0);
}
TEST(TcpAccept, ConnectionThatWasResetIsStillAccepted) {
  const Listener listener;
  {
    const ScopedFd client = TcpSocket();
    EXPECT_THAT(ConnectTo(client, listener.address), SucceedsWith(0));
    const linger now{1, 0};
    EXPECT_THAT(Call(SYS_setsockopt, client, SOL_SOCKET, SO_LINGER, &now, sizeof now), SucceedsWith(0));
  }
  const ScopedFd server = listener.Accept();
  EXPECT_TRUE(server.valid());
  EXPECT_THAT(ReceiveResult(server), FailsWith(ECONNRESET));
}
TEST(TcpAccept, OptionsOfTheListenerAreInherited) {
  const Listener listener;
  EXPECT_THAT(SetOption(listener.fd, IPPROTO_TCP, TCP_NODELAY, 1), SucceedsWith(0));
  EXPECT_THAT(SetOption(listener.fd, SOL_SOCKET, SO_KEEPALIVE, 1), SucceedsWith(0));
  EXPECT_THAT(SetOption(listener.fd, IPPROTO_TCP, TCP_KEEPIDLE, 77), SucceedsWith(0));
  EXPECT_THAT(SetOption(listener.fd, SOL_SOCKET, SO_RCVBUF, 20000), SucceedsWith(0));
  const ScopedFd client = TcpSocket();
  EXPECT_THAT(ConnectTo(client, listener.address), SucceedsWith(0));
  const ScopedFd server = listener.Accept();
  EXPECT_THAT(GetOption(server, IPPROTO_TCP, TCP_NODELAY), SucceedsWith(1));
  EXPECT_THAT(GetOption(server, SOL_SOCKET, SO_KEEPALIVE), SucceedsWith(1));
  EXPECT_THAT(GetOption(server, IPPROTO_TCP, TCP_KEEPIDLE), SucceedsWith(77));
  EXPECT_THAT(GetOption(server, SOL_SOCKET, SO_RCVBUF), SucceedsWith(40000));
  EXPECT_THAT(GetOption(server, SOL_SOCKET, SO_ACCEPTCONN), SucceedsWith(0));
}
TEST(TcpListen, ClosedListenerResetsWhatItHadNotAccepted) {
  Listener listener;
  const ScopedFd client = TcpSocket();
  EXPECT_THAT(ConnectTo(client, listener.address), SucceedsWith(0));
  listener.fd.Reset();
  EXPECT_EQ(PollFor(client, POLLIN), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
  EXPECT_THAT(ReceiveResult(client), FailsWith(ECONNRESET));
  EXPECT_THAT(ReceiveResult(client), SucceedsWith(0));
}
TEST(TcpListen, ShutdownOfReadingStopsIt) {
  const Listener listener;
  EXPECT_THAT(Call(SYS_shutdown, listener.fd, SHUT_WR), SucceedsWith(0));
  EXPECT_EQ(PollNow(listener.fd), 0);
  EXPECT_THAT(Call(SYS_shutdown, listener.fd, SHUT_RD), SucceedsWith(0));
  EXPECT_EQ(PollNow(listener.fd), POLLOUT | POLLHUP);
  EXPECT_THAT(Call(SYS_accept, listener.fd, nullptr, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_listen, listener.fd, 1), SucceedsWith(0));
  EXPECT_EQ(PollNow(listener.fd), 0);
}
TEST(TcpListen, OnlyAPortOfOnesChoiceOutlivesIt) {
  const int chosen = FreePort();
  for (const int port : {chosen, 0}) {
    const ScopedFd fd = TcpSocket();
    EXPECT_THAT(BindTo(fd, InetAddress(kLo, port)), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_listen, fd, 1), SucceedsWith(0));
    const InetAddress address = NameOf(fd);
    EXPECT_THAT(Call(SYS_shutdown, fd, SHUT_RD), SucceedsWith(0));
    const ScopedFd other = TcpSocket();
    if (port != 0) {
      EXPECT_THAT(BindTo(other, address), FailsWith(EADDRINUSE));
    } else {
      EXPECT_THAT(BindTo(other, address), SucceedsWith(0));
    }
  }
}
TEST(TcpListen, ShutdownWakesABlockedAccept) {
  const Listener listener;
  ScopedThread acceptor([&] { EXPECT_THAT(Call(SYS_accept, listener.fd, nullptr, nullptr), FailsWith(EINVAL)); });
  WaitUntilAsleep(acceptor.tid());
  EXPECT_THAT(Call(SYS_shutdown, listener.fd, SHUT_RD), SucceedsWith(0));
}

// ---- sockets that are not connected ----

TEST(TcpUnconnected, EverythingFails) {
  const ScopedFd fd = TcpSocket();
  EXPECT_EQ(PollNow(fd), POLLOUT | POLLHUP);
  EXPECT_THAT(ReceiveResult(fd), FailsWith(ENOTCONN));
  EXPECT_THAT(SendBytes(fd, "x"), FailsWith(EPIPE));
  EXPECT_THAT(Call(SYS_shutdown, fd, SHUT_WR), FailsWith(ENOTCONN));
  EXPECT_EQ(PeerOf(fd).length, 0u);
  EXPECT_EQ(NameOf(fd).ip(), "0.0.0.0");
  EXPECT_EQ(NameOf(fd).port(), 0);
}
TEST(TcpUnconnected, SendRaisesSigpipe) {
  SignalRecorder recorder(SIGPIPE);
  const ScopedFd fd = TcpSocket();
  EXPECT_THAT(SendBytes(fd, "x", MSG_NOSIGNAL), FailsWith(EPIPE));
  EXPECT_EQ(recorder.count(), 0);
  EXPECT_THAT(SendBytes(fd, "x", 0), FailsWith(EPIPE));
  EXPECT_EQ(recorder.count(), 1);
  EXPECT_THAT(Call(SYS_write, fd, "x", 1), FailsWith(EPIPE));
  EXPECT_EQ(recorder.count(), 2);
}
TEST(TcpUnconnected, ShutdownArguments) {
  const TcpPair pair;
  EXPECT_THAT(Call(SYS_shutdown, pair.client, 3), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_shutdown, pair.client, -1), FailsWith(EINVAL));
}

}  // namespace tests
