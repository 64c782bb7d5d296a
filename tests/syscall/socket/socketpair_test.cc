// socketpair(2), send(2), recv(2), shutdown(2) on AF_UNIX stream, datagram and seqpacket sockets.
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "tests/syscall/socket/unix.h"

namespace tests {

TEST(Socketpair, BothDirectionsWork) {
  const SocketPair pair;
  EXPECT_THAT(Send(pair.one.get(), "ping"), SucceedsWith(4));
  EXPECT_EQ(Receive(pair.two.get()), "ping");
  EXPECT_THAT(Send(pair.two.get(), "pong"), SucceedsWith(4));
  EXPECT_EQ(Receive(pair.one.get()), "pong");
}
TEST(Socketpair, ArgumentErrors) {
  int fds[2];
  EXPECT_THAT(Call(SYS_socketpair, AF_UNIX, 99, 0, fds), FailsWithEither(EINVAL, ESOCKTNOSUPPORT));
  EXPECT_THAT(Call(SYS_socketpair, 200, SOCK_STREAM, 0, fds), FailsWith(EAFNOSUPPORT));
  EXPECT_THAT(Call(SYS_socketpair, AF_UNIX, SOCK_STREAM, 77, fds), FailsWith(EPROTONOSUPPORT));
  const int before = LowestFreeFd();
  EXPECT_THAT(Call(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, BadAddress()), FailsWith(EFAULT));
  EXPECT_EQ(LowestFreeFd(), before);
}
TEST(Socketpair, FlagsApplyToBoth) {
  const SocketPair pair(SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK);
  EXPECT_THAT(Call(SYS_fcntl, pair.two, F_GETFD), SucceedsWith(FD_CLOEXEC));
  EXPECT_THAT(Call(SYS_fcntl, pair.two, F_GETFL), SucceedsWith(O_RDWR | O_NONBLOCK));
}
TEST(UnixStream, BytesHaveNoBoundaries) {
  const SocketPair pair;
  EXPECT_THAT(Send(pair.one.get(), "abc"), SucceedsWith(3));
  EXPECT_THAT(Send(pair.one.get(), "def"), SucceedsWith(3));
  EXPECT_EQ(Receive(pair.two.get(), 4), "abcd");
  EXPECT_EQ(Receive(pair.two.get()), "ef");
}
TEST(UnixStream, PeerCloseIsEndOfFileAfterTheData) {
  SocketPair pair;
  EXPECT_THAT(Send(pair.one.get(), "last"), SucceedsWith(4));
  pair.one.Reset();
  EXPECT_EQ(Receive(pair.two.get()), "last");
  char byte;
  EXPECT_THAT(Call(SYS_read, pair.two, &byte, 1), SucceedsWith(0));
}
TEST(UnixStream, CloseWithUnreadDataResetsThePeer) {
  SocketPair pair;
  EXPECT_THAT(Send(pair.one.get(), "unread"), SucceedsWith(6));
  pair.two.Reset();
  char byte;
  EXPECT_THAT(Call(SYS_read, pair.one, &byte, 1), FailsWith(ECONNRESET));
}
TEST(UnixStream, WriteToAClosedPeerIsEpipeWithSigpipe) {
  SocketPair pair;
  pair.two.Reset();
  SignalRecorder recorder(SIGPIPE);
  EXPECT_THAT(Send(pair.one.get(), "x"), FailsWith(EPIPE));
  EXPECT_EQ(recorder.count(), 1);
  EXPECT_THAT(Send(pair.one.get(), "x", MSG_NOSIGNAL), FailsWith(EPIPE));
  EXPECT_EQ(recorder.count(), 1);
}
TEST(UnixStream, PeekLeavesTheData) {
  const SocketPair pair;
  EXPECT_THAT(Send(pair.one.get(), "abc"), SucceedsWith(3));
  EXPECT_EQ(Receive(pair.two.get(), 2, MSG_PEEK), "ab");
  EXPECT_EQ(Receive(pair.two.get()), "abc");
}
TEST(UnixStream, DontwaitOnNothingWouldBlock) {
  const SocketPair pair;
  char byte;
  EXPECT_THAT(Call(SYS_recvfrom, pair.one, &byte, 1, MSG_DONTWAIT, nullptr, nullptr), FailsWith(EAGAIN));
}
TEST(UnixStream, WaitallCollectsTheWholeAmount) {
  const SocketPair pair;
  ScopedThread sender([&] {
    for (int i = 0; i < 3; ++i) {
      EXPECT_THAT(Send(pair.one.get(), "abc"), SucceedsWith(3));
      SleepMs(5);
    }
  });
  EXPECT_EQ(Receive(pair.two.get(), 9, MSG_WAITALL), "abcabcabc");
}
TEST(UnixStream, FullSocketWouldBlockAndPollTellsWhenThereIsRoom) {
  const SocketPair pair(SOCK_STREAM | SOCK_NONBLOCK);
  const std::string block(4096, 'x');
  long sent = 0, got;
  while ((got = Send(pair.one.get(), block)) > 0) sent += got;
  EXPECT_THAT(got, FailsWith(EAGAIN));
  pollfd poll{pair.one.get(), POLLOUT, 0};
  EXPECT_THAT(Call(SYS_poll, &poll, 1, 0), SucceedsWith(0));
  long read = 0;
  while (read < sent) {
    const size_t size = Receive(pair.two.get(), 65536).size();
    ASSERT_GT(size, 0u);
    read += static_cast<long>(size);
  }
  EXPECT_THAT(Call(SYS_poll, &poll, 1, 0), SucceedsWith(1));
}
TEST(UnixStream, BlockingSendOfMuchDataGoesThrough) {
  SocketPair pair;
  const std::string big(1'000'000, 'x');
  ScopedThread sender([&] { EXPECT_THAT(Send(pair.one.get(), big), SucceedsWith(big.size())); });
  size_t total = 0;
  while (total < big.size()) {
    const size_t size = Receive(pair.two.get(), 65536).size();
    ASSERT_GT(size, 0u);
    total += size;
  }
}
TEST(UnixStream, ShutdownWriteIsEndOfFileForThePeer) {
  const SocketPair pair;
  EXPECT_THAT(Call(SYS_shutdown, pair.one, SHUT_WR), SucceedsWith(0));
  char byte;
  EXPECT_THAT(Call(SYS_read, pair.two, &byte, 1), SucceedsWith(0));
  EXPECT_THAT(Send(pair.one.get(), "x", MSG_NOSIGNAL), FailsWith(EPIPE));
  EXPECT_THAT(Send(pair.two.get(), "back"), SucceedsWith(4));
  EXPECT_EQ(Receive(pair.one.get()), "back");
}
TEST(UnixStream, ShutdownWakesABlockedReader) {
  const SocketPair pair;
  ScopedThread reader([&] {
    char byte;
    EXPECT_THAT(Call(SYS_read, pair.one, &byte, 1), SucceedsWith(0));
  });
  WaitUntilAsleep(reader.tid());
  EXPECT_THAT(Call(SYS_shutdown, pair.one, SHUT_RD), SucceedsWith(0));
}
TEST(UnixStream, PollStates) {
  SocketPair pair;
  pollfd poll{pair.one.get(), POLLIN | POLLOUT | POLLRDHUP, 0};
  EXPECT_THAT(Call(SYS_poll, &poll, 1, 0), SucceedsWith(1));
  EXPECT_EQ(poll.revents, POLLOUT);
  EXPECT_THAT(Call(SYS_shutdown, pair.two, SHUT_WR), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_poll, &poll, 1, 0), SucceedsWith(1));
  EXPECT_EQ(poll.revents, POLLIN | POLLOUT | POLLRDHUP);
  pair.two.Reset();
  EXPECT_THAT(Call(SYS_poll, &poll, 1, 0), SucceedsWith(1));
  EXPECT_EQ(poll.revents, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
}
TEST(UnixStream, FaultInTheBuffer) {
  const SocketPair pair;
  EXPECT_THAT(Call(SYS_sendto, pair.one, BadAddress(), 5, 0, nullptr, 0), FailsWith(EFAULT));
  EXPECT_THAT(Send(pair.one.get(), "abc"), SucceedsWith(3));
  EXPECT_THAT(Call(SYS_recvfrom, pair.two, BadAddress(), 3, 0, nullptr, nullptr), FailsWith(EFAULT));
}
TEST(UnixStream, FionreadCountsUnreadBytes) {
  const SocketPair pair;
  EXPECT_THAT(Send(pair.one.get(), "abc"), SucceedsWith(3));
  int count = 0;
  EXPECT_THAT(Call(SYS_ioctl, pair.two, FIONREAD, &count), SucceedsWith(0));
  EXPECT_EQ(count, 3);
}
TEST(UnixStream, StatSaysSocketAndSeekIsEspipe) {
  const SocketPair pair;
  struct stat info;
  ASSERT_EQ(fstat(pair.one.get(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_THAT(Call(SYS_lseek, pair.one, 0, SEEK_CUR), FailsWith(ESPIPE));
}
TEST(UnixStream, ReceiveTimeoutIsEagain) {
  const SocketPair pair;
  const timeval timeout = {0, 20'000};
  ASSERT_EQ(setsockopt(pair.one.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), 0);
  char byte;
  EXPECT_THAT(Call(SYS_read, pair.one, &byte, 1), FailsWith(EAGAIN));
}
TEST(UnixDatagram, KeepsBoundariesAndCutsLongOnes) {
  const SocketPair pair(SOCK_DGRAM);
  EXPECT_THAT(Send(pair.one.get(), "abcdef"), SucceedsWith(6));
  EXPECT_THAT(Send(pair.one.get(), "gh"), SucceedsWith(2));
  EXPECT_EQ(Receive(pair.two.get(), 3), "abc");
  EXPECT_EQ(Receive(pair.two.get(), 10), "gh");
}
TEST(UnixDatagram, TruncFlagReturnsTheRealLengthAndMarksTheMessage) {
  const SocketPair pair(SOCK_DGRAM);
  EXPECT_THAT(Send(pair.one.get(), "abcdef"), SucceedsWith(6));
  EXPECT_THAT(Send(pair.one.get(), "abcdef"), SucceedsWith(6));
  char bytes[3];
  EXPECT_THAT(Call(SYS_recvfrom, pair.two, bytes, 3, MSG_TRUNC, nullptr, nullptr), SucceedsWith(6));
  iovec part{bytes, 3};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  EXPECT_THAT(Call(SYS_recvmsg, pair.two, &message, 0), SucceedsWith(3));
  EXPECT_EQ(message.msg_flags & MSG_TRUNC, MSG_TRUNC);
}
TEST(UnixDatagram, EmptyMessagesArrive) {
  const SocketPair pair(SOCK_DGRAM);
  EXPECT_THAT(Send(pair.one.get(), ""), SucceedsWith(0));
  char byte;
  EXPECT_THAT(Call(SYS_recvfrom, pair.two, &byte, 1, MSG_DONTWAIT, nullptr, nullptr), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_recvfrom, pair.two, &byte, 1, MSG_DONTWAIT, nullptr, nullptr), FailsWith(EAGAIN));
}
TEST(UnixDatagram, TooLongAMessageIsEmsgsize) {
  const SocketPair pair(SOCK_DGRAM);
  EXPECT_THAT(Send(pair.one.get(), std::string(8'000'000, 'x')), FailsWith(EMSGSIZE));
}
TEST(UnixDatagram, SendToAClosedPeerIsRefused) {
  SocketPair pair(SOCK_DGRAM);
  pair.two.Reset();
  EXPECT_THAT(Send(pair.one.get(), "x", MSG_NOSIGNAL), FailsWith(ECONNREFUSED));
}
TEST(UnixSeqpacket, KeepsBoundariesAndEndsWithThePeer) {
  SocketPair pair(SOCK_SEQPACKET);
  EXPECT_THAT(Send(pair.one.get(), "abc"), SucceedsWith(3));
  EXPECT_THAT(Send(pair.one.get(), "de"), SucceedsWith(2));
  EXPECT_EQ(Receive(pair.two.get()), "abc");
  pair.one.Reset();
  EXPECT_EQ(Receive(pair.two.get()), "de");
  char byte;
  EXPECT_THAT(Call(SYS_read, pair.two, &byte, 1), SucceedsWith(0));
}
TEST(Socket, CallsOnANonSocketAreEnotsock) {
  const Pipe pipe;
  EXPECT_THAT(Send(pipe.writer.get(), "x"), FailsWith(ENOTSOCK));
  EXPECT_THAT(Call(SYS_shutdown, pipe.writer, SHUT_WR), FailsWith(ENOTSOCK));
  EXPECT_THAT(Call(SYS_listen, 9999, 1), FailsWith(EBADF));
}

}  // namespace tests
