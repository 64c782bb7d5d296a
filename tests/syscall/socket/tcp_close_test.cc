// tcp(7): how connections end: shutdown(2), close(2), resets, SO_LINGER, TIME_WAIT; what the other end sees of it.
#include "tests/syscall/socket/inet.h"

namespace tests {

static int StateOf(const ScopedFd& fd) {
  unsigned char info[8] = {};
  socklen_t length = sizeof info;
  EXPECT_THAT(Call(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, info, &length), SucceedsWith(0));
  return info[0];
}
static void LingerZero(const ScopedFd& fd) {
  const linger now{1, 0};
  EXPECT_THAT(Call(SYS_setsockopt, fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), SucceedsWith(0));
}

TEST(TcpShutdown, WriteSideEndsTheOthersInput) {
  const TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "last"), SucceedsWith(4));
  EXPECT_THAT(Call(SYS_shutdown, pair.client, SHUT_WR), SucceedsWith(0));
  EXPECT_EQ(PollFor(pair.server, POLLRDHUP), POLLIN | POLLOUT | POLLRDHUP);
  EXPECT_EQ(ReceiveBytes(pair.server), "last");
  EXPECT_THAT(ReceiveResult(pair.server), SucceedsWith(0));
  EXPECT_THAT(ReceiveResult(pair.server), SucceedsWith(0));
  EXPECT_EQ(PollNow(pair.client), POLLOUT);
}
TEST(TcpShutdown, HalfClosedStillCarriesTheOtherWay) {
  const TcpPair pair;
  EXPECT_THAT(Call(SYS_shutdown, pair.client, SHUT_WR), SucceedsWith(0));
  EXPECT_THAT(SendBytes(pair.server, "reply"), SucceedsWith(5));
  EXPECT_EQ(ReceiveBytes(pair.client), "reply");
  EXPECT_THAT(SendBytes(pair.client, "x"), FailsWith(EPIPE));
}
TEST(TcpShutdown, SendAfterItRaisesSigpipe) {
  SignalRecorder recorder(SIGPIPE);
  const TcpPair pair;
  EXPECT_THAT(Call(SYS_shutdown, pair.client, SHUT_WR), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_write, pair.client, "x", 1), FailsWith(EPIPE));
  EXPECT_EQ(recorder.count(), 1);
}
TEST(TcpShutdown, ReadSideEndsOwnInputOnly) {
  const TcpPair pair;
  EXPECT_THAT(Call(SYS_shutdown, pair.client, SHUT_RD), SucceedsWith(0));
  EXPECT_EQ(PollNow(pair.client), POLLIN | POLLOUT | POLLRDHUP);
  EXPECT_THAT(ReceiveResult(pair.client), SucceedsWith(0));
  EXPECT_EQ(PollNow(pair.server), POLLOUT);
  // What still comes can be read.
  EXPECT_THAT(SendBytes(pair.server, "late"), SucceedsWith(4));
  EXPECT_EQ(ReceiveBytes(pair.client), "late");
}
TEST(TcpShutdown, BothSidesHangUp) {
  const TcpPair pair;
  EXPECT_THAT(Call(SYS_shutdown, pair.server, SHUT_WR), SucceedsWith(0));
  EXPECT_EQ(PollFor(pair.client, POLLRDHUP), POLLIN | POLLOUT | POLLRDHUP);
  EXPECT_EQ(PollNow(pair.server), POLLOUT);
  EXPECT_THAT(Call(SYS_shutdown, pair.client, SHUT_WR), SucceedsWith(0));
  EXPECT_EQ(PollFor(pair.client, POLLHUP), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
  EXPECT_EQ(PollFor(pair.server, POLLHUP), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
  EXPECT_THAT(Call(SYS_shutdown, pair.client, SHUT_WR), FailsWith(ENOTCONN));
  EXPECT_EQ(PeerOf(pair.client).length, 0u);
}
TEST(TcpShutdown, StatesOfTcpInfo) {
  const TcpPair pair;
  EXPECT_EQ(StateOf(pair.listener.fd), TCP_LISTEN);
  EXPECT_EQ(StateOf(pair.client), TCP_ESTABLISHED);
  EXPECT_THAT(Call(SYS_shutdown, pair.client, SHUT_WR), SucceedsWith(0));
  PollFor(pair.server, POLLRDHUP);
  // Until the acknowledgement has come, it is the first of the two.
  EXPECT_TRUE(StateOf(pair.client) == TCP_FIN_WAIT2 || StateOf(pair.client) == TCP_FIN_WAIT1);
  EXPECT_EQ(StateOf(pair.server), TCP_CLOSE_WAIT);
  EXPECT_THAT(Call(SYS_shutdown, pair.server, SHUT_WR), SucceedsWith(0));
  PollFor(pair.client, POLLHUP);
  EXPECT_EQ(StateOf(pair.client), TCP_CLOSE);
  EXPECT_EQ(StateOf(pair.server), TCP_CLOSE);
  EXPECT_EQ(StateOf(TcpSocket()), TCP_CLOSE);
}
TEST(TcpShutdown, WakesABlockedReader) {
  const TcpPair pair;
  ScopedThread reader([&] {
    char byte;
    EXPECT_THAT(Call(SYS_read, pair.server, &byte, 1), SucceedsWith(0));
  });
  WaitUntilAsleep(reader.tid());
  EXPECT_THAT(Call(SYS_shutdown, pair.client, SHUT_WR), SucceedsWith(0));
}
TEST(TcpShutdown, OwnReadSideWakesABlockedReader) {
  const TcpPair pair;
  ScopedThread reader([&] {
    char byte;
    EXPECT_THAT(Call(SYS_read, pair.server, &byte, 1), SucceedsWith(0));
  });
  WaitUntilAsleep(reader.tid());
  EXPECT_THAT(Call(SYS_shutdown, pair.server, SHUT_RD), SucceedsWith(0));
}

TEST(TcpClose, EndsTheOthersInput) {
  TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "bye"), SucceedsWith(3));
  pair.client.Reset();
  EXPECT_EQ(PollFor(pair.server, POLLRDHUP), POLLIN | POLLOUT | POLLRDHUP);
  EXPECT_EQ(ReceiveBytes(pair.server), "bye");
  EXPECT_THAT(ReceiveResult(pair.server), SucceedsWith(0));
}
TEST(TcpClose, SendToAClosedEndIsTakenOnceThenEpipe) {
  TcpPair pair;
  pair.client.Reset();
  PollFor(pair.server, POLLRDHUP);
  EXPECT_THAT(SendBytes(pair.server, "x"), SucceedsWith(1));
  EXPECT_EQ(PollFor(pair.server, POLLERR), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
  EXPECT_THAT(ReceiveResult(pair.server), SucceedsWith(0));
  EXPECT_THAT(SendBytes(pair.server, "x"), FailsWith(EPIPE));
  EXPECT_THAT(PendingError(pair.server), SucceedsWith(0));
  EXPECT_THAT(SendBytes(pair.server, "x"), FailsWith(EPIPE));
  EXPECT_EQ(PeerOf(pair.server).length, 0u);
  EXPECT_THAT(Call(SYS_shutdown, pair.server, SHUT_WR), FailsWith(ENOTCONN));
}
TEST(TcpClose, SoErrorAfterSendingToAClosedEnd) {
  TcpPair pair;
  pair.client.Reset();
  PollFor(pair.server, POLLRDHUP);
  EXPECT_THAT(SendBytes(pair.server, "x"), SucceedsWith(1));
  PollFor(pair.server, POLLERR);
  EXPECT_THAT(PendingError(pair.server), SucceedsWith(EPIPE));
  EXPECT_THAT(PendingError(pair.server), SucceedsWith(0));
}
TEST(TcpClose, UnreadBytesMakeItAReset) {
  TcpPair pair;
  EXPECT_THAT(SendBytes(pair.server, "never read"), SucceedsWith(10));
  EXPECT_EQ(PollFor(pair.client, POLLIN) & POLLIN, POLLIN);
  pair.client.Reset();
  EXPECT_EQ(PollFor(pair.server, POLLERR), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
  EXPECT_THAT(ReceiveResult(pair.server), FailsWith(ECONNRESET));
  EXPECT_THAT(ReceiveResult(pair.server), SucceedsWith(0));
  EXPECT_THAT(SendBytes(pair.server, "x"), FailsWith(EPIPE));
}
TEST(TcpClose, LingerOfNothingResets) {
  TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "data"), SucceedsWith(4));
  LingerZero(pair.client);
  pair.client.Reset();
  EXPECT_EQ(PollFor(pair.server, POLLERR), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
  // What had arrived is still there.
  EXPECT_EQ(ReceiveBytes(pair.server), "data");
  EXPECT_THAT(ReceiveResult(pair.server), FailsWith(ECONNRESET));
  EXPECT_THAT(ReceiveResult(pair.server), SucceedsWith(0));
}
TEST(TcpClose, ResetEndsASend) {
  TcpPair pair;
  LingerZero(pair.client);
  pair.client.Reset();
  PollFor(pair.server, POLLERR);
  EXPECT_THAT(SendBytes(pair.server, "x"), FailsWith(ECONNRESET));
  EXPECT_THAT(SendBytes(pair.server, "x"), FailsWith(EPIPE));
}
TEST(TcpClose, ResetRaisesNoSigpipeAtFirst) {
  SignalRecorder recorder(SIGPIPE);
  TcpPair pair;
  LingerZero(pair.client);
  pair.client.Reset();
  PollFor(pair.server, POLLERR);
  EXPECT_THAT(Call(SYS_write, pair.server, "x", 1), FailsWith(ECONNRESET));
  EXPECT_EQ(recorder.count(), 0);
  EXPECT_THAT(Call(SYS_write, pair.server, "x", 1), FailsWith(EPIPE));
  EXPECT_EQ(recorder.count(), 1);
}
TEST(TcpClose, ResetWakesABlockedReader) {
  TcpPair pair;
  ScopedThread reader([&] {
    char byte;
    EXPECT_THAT(Call(SYS_read, pair.server, &byte, 1), FailsWith(ECONNRESET));
  });
  WaitUntilAsleep(reader.tid());
  LingerZero(pair.client);
  pair.client.Reset();
}
TEST(TcpClose, WakesABlockedWriter) {
  SignalRecorder recorder(SIGPIPE);
  TcpPair pair;
  EXPECT_THAT(SetOption(pair.server, SOL_SOCKET, SO_SNDBUF, 1), SucceedsWith(0));
  ScopedThread writer([&] {
    const std::string block(1 << 20, 'w');
    long result = 0;
    while (result >= 0) result = SendBytes(pair.server, block);
    EXPECT_THAT(result, FailsWithEither(ECONNRESET, EPIPE));
  });
  WaitUntilAsleep(writer.tid());
  pair.client.Reset();
}
TEST(TcpClose, LastDescriptorCounts) {
  TcpPair pair;
  const ScopedFd copy(Call(SYS_dup, pair.client));
  pair.client.Reset();
  EXPECT_EQ(PollNow(pair.server), POLLOUT);
  EXPECT_THAT(SendBytes(copy, "still"), SucceedsWith(5));
  EXPECT_EQ(ReceiveBytes(pair.server), "still");
}
TEST(TcpClose, LingerIsReportedAsSet) {
  const ScopedFd fd = TcpSocket();
  linger value{1, 7};
  EXPECT_THAT(Call(SYS_setsockopt, fd, SOL_SOCKET, SO_LINGER, &value, sizeof value), SucceedsWith(0));
  value = {};
  socklen_t length = sizeof value;
  EXPECT_THAT(Call(SYS_getsockopt, fd, SOL_SOCKET, SO_LINGER, &value, &length), SucceedsWith(0));
  EXPECT_EQ(value.l_onoff, 1);
  EXPECT_EQ(value.l_linger, 7);
  EXPECT_THAT(Call(SYS_setsockopt, fd, SOL_SOCKET, SO_LINGER, &value, 4), FailsWith(EINVAL));
}

// ---- TIME_WAIT ----

// Closes a connection from the server's side first, and the listener; returns its address.
static InetAddress LeaveTimeWait(bool reuse = false) {
  Listener listener;
  EXPECT_THAT(SetOption(listener.fd, SOL_SOCKET, SO_REUSEADDR, reuse), SucceedsWith(0));
  const ScopedFd client = TcpSocket();
  EXPECT_THAT(ConnectTo(client, listener.address), SucceedsWith(0));
  ScopedFd server = listener.Accept();
  server.Reset();
  EXPECT_NE(PollFor(client, POLLRDHUP) & POLLRDHUP, 0);
  return listener.address;
}

TEST(TcpTimeWait, KeepsThePortFromBinding) {
  const InetAddress address = LeaveTimeWait();
  const ScopedFd again = TcpSocket();
  EXPECT_THAT(BindTo(again, address), FailsWith(EADDRINUSE));
}
TEST(TcpTimeWait, GivesItToThoseWhoReuseAddresses) {
  const InetAddress address = LeaveTimeWait(true);
  const ScopedFd again = TcpSocket();
  EXPECT_THAT(SetOption(again, SOL_SOCKET, SO_REUSEADDR, 1), SucceedsWith(0));
  EXPECT_THAT(BindTo(again, address), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, again, 1), SucceedsWith(0));
}
TEST(TcpTimeWait, NotWhenTheClientClosedFirst) {
  InetAddress address;
  {
    TcpPair pair;
    address = pair.listener.address;
    pair.client.Reset();
    EXPECT_NE(PollFor(pair.server, POLLRDHUP) & POLLRDHUP, 0);
  }
  const ScopedFd again = TcpSocket();
  EXPECT_THAT(BindTo(again, address), SucceedsWith(0));
}
TEST(TcpTimeWait, NotAfterAReset) {
  InetAddress address;
  {
    TcpPair pair;
    address = pair.listener.address;
    LingerZero(pair.server);
  }
  const ScopedFd again = TcpSocket();
  EXPECT_THAT(BindTo(again, address), SucceedsWith(0));
}

}  // namespace tests
