// tcp(7), send(2), recv(2): MSG_ flags, partial transfers, buffers, low-water marks, timeouts, urgent data, SIOCINQ and SIOCOUTQ.
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "tests/syscall/socket/inet.h"

namespace tests {

static long Count(const ScopedFd& fd, int command) {
  int value = -1;
  const long result = Call(SYS_ioctl, fd, command, &value);
  return result < 0 ? result : value;
}
static void SetTimeout(const ScopedFd& fd, int option, long ms) {
  const timeval timeout{ms / 1000, ms % 1000 * 1000};
  EXPECT_THAT(Call(SYS_setsockopt, fd, SOL_SOCKET, option, &timeout, sizeof timeout), SucceedsWith(0));
}

TEST(TcpReceive, PeekLeavesTheBytes) {
  const TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "abcdef"), SucceedsWith(6));
  EXPECT_EQ(ReceiveBytes(pair.server, 3, MSG_PEEK), "abc");
  EXPECT_EQ(ReceiveBytes(pair.server, 10, MSG_PEEK), "abcdef");
  EXPECT_EQ(ReceiveBytes(pair.server, 4), "abcd");
  EXPECT_EQ(ReceiveBytes(pair.server, 4), "ef");
}
TEST(TcpReceive, TruncDiscards) {
  const TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "abcdef"), SucceedsWith(6));
  std::string bytes(4, '-');
  EXPECT_THAT(Call(SYS_recvfrom, pair.server, bytes.data(), 4, MSG_TRUNC, nullptr, nullptr), SucceedsWith(4));
  EXPECT_EQ(bytes, "----");
  EXPECT_EQ(ReceiveBytes(pair.server), "ef");
}
TEST(TcpReceive, EmptyWouldBlock) {
  const TcpPair pair;
  EXPECT_THAT(ReceiveResult(pair.server), FailsWith(EAGAIN));
  EXPECT_THAT(Call(SYS_fcntl, pair.server, F_SETFL, O_NONBLOCK), SucceedsWith(0));
  char byte;
  EXPECT_THAT(Call(SYS_read, pair.server, &byte, 1), FailsWith(EAGAIN));
}
TEST(TcpReceive, OfNoBytes) {
  const TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "x"), SucceedsWith(1));
  EXPECT_THAT(ReceiveResult(pair.server, 0), SucceedsWith(0));
  EXPECT_EQ(ReceiveBytes(pair.server), "x");
  EXPECT_THAT(SendBytes(pair.client, ""), SucceedsWith(0));
  EXPECT_THAT(ReceiveResult(pair.server), FailsWith(EAGAIN));
}
TEST(TcpReceive, WaitallWaitsForAll) {
  const TcpPair pair;
  ScopedThread reader([&] { EXPECT_EQ(ReceiveBytes(pair.server, 10, MSG_WAITALL), "0123456789"); });
  EXPECT_THAT(SendBytes(pair.client, "01234"), SucceedsWith(5));
  WaitUntilAsleep(reader.tid());
  EXPECT_THAT(SendBytes(pair.client, "56789"), SucceedsWith(5));
}
TEST(TcpReceive, WaitallEndsWithTheStream) {
  const TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "abc"), SucceedsWith(3));
  EXPECT_THAT(Call(SYS_shutdown, pair.client, SHUT_WR), SucceedsWith(0));
  EXPECT_EQ(ReceiveBytes(pair.server, 10, MSG_WAITALL), "abc");
}
TEST(TcpReceive, TimeoutGivesEagain) {
  const TcpPair pair;
  SetTimeout(pair.server, SO_RCVTIMEO, 50);
  const Stopwatch watch;
  EXPECT_THAT(ReceiveResult(pair.server, 10, 0), FailsWith(EAGAIN));
  EXPECT_GE(watch.ms(), 45);
  char byte;
  EXPECT_THAT(Call(SYS_read, pair.server, &byte, 1), FailsWith(EAGAIN));
}
TEST(TcpReceive, TimeoutOfWaitallGivesWhatCame) {
  const TcpPair pair;
  SetTimeout(pair.server, SO_RCVTIMEO, 50);
  EXPECT_THAT(SendBytes(pair.client, "abc"), SucceedsWith(3));
  EXPECT_EQ(ReceiveBytes(pair.server, 10, MSG_WAITALL), "abc");
}
TEST(TcpReceive, LowWaterMarkHoldsPollAndRecvBack) {
  const TcpPair pair;
  EXPECT_THAT(SetOption(pair.server, SOL_SOCKET, SO_RCVLOWAT, 5), SucceedsWith(0));
  EXPECT_THAT(GetOption(pair.server, SOL_SOCKET, SO_RCVLOWAT), SucceedsWith(5));
  EXPECT_THAT(SendBytes(pair.client, "abc"), SucceedsWith(3));
  SleepMs(10);
  EXPECT_EQ(PollNow(pair.server), POLLOUT);
  EXPECT_EQ(ReceiveBytes(pair.server, 2, MSG_DONTWAIT), "ab");
  EXPECT_THAT(SendBytes(pair.client, "defg"), SucceedsWith(4));
  EXPECT_EQ(PollFor(pair.server, POLLIN), POLLIN | POLLOUT);
  EXPECT_EQ(ReceiveBytes(pair.server), "cdefg");
}
TEST(TcpReceive, LowWaterMarkOfABlockingRecv) {
  const TcpPair pair;
  EXPECT_THAT(SetOption(pair.server, SOL_SOCKET, SO_RCVLOWAT, 4), SucceedsWith(0));
  EXPECT_THAT(SendBytes(pair.client, "ab"), SucceedsWith(2));
  SetTimeout(pair.server, SO_RCVTIMEO, 3000);
  ScopedThread reader([&] { EXPECT_EQ(ReceiveBytes(pair.server), "abcdef"); });
  WaitUntilAsleep(reader.tid());
  EXPECT_THAT(SendBytes(pair.client, "cdef"), SucceedsWith(4));
}
TEST(TcpReceive, LowWaterMarkIsForgottenWhenTimeIsUp) {
  const TcpPair pair;
  EXPECT_THAT(SetOption(pair.server, SOL_SOCKET, SO_RCVLOWAT, 4), SucceedsWith(0));
  SetTimeout(pair.server, SO_RCVTIMEO, 50);
  EXPECT_THAT(SendBytes(pair.client, "ab"), SucceedsWith(2));
  EXPECT_EQ(ReceiveBytes(pair.server), "ab");
}
TEST(TcpReceive, IntoSeveralSegments) {
  const TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "abcdef"), SucceedsWith(6));
  char one[2], two[10];
  iovec parts[2] = {{one, 2}, {two, 10}};
  EXPECT_THAT(Call(SYS_readv, pair.server, parts, 2), SucceedsWith(6));
  EXPECT_EQ(std::string(one, 2) + std::string(two, 4), "abcdef");
}
TEST(TcpReceive, FaultLeavesTheBytes) {
  const TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "abc"), SucceedsWith(3));
  EXPECT_THAT(Call(SYS_recvfrom, pair.server, BadAddress(), 3, 0, nullptr, nullptr), FailsWith(EFAULT));
  EXPECT_EQ(ReceiveBytes(pair.server), "abc");
}
TEST(TcpReceive, RecvmsgTellsNoNameAndNoFlags) {
  const TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "abc"), SucceedsWith(3));
  char bytes[10];
  sockaddr_in name = {};
  iovec part{bytes, 10};
  msghdr message = {};
  message.msg_name = &name;
  message.msg_namelen = sizeof name;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_flags = 12345;
  EXPECT_THAT(Call(SYS_recvmsg, pair.server, &message, 0), SucceedsWith(3));
  EXPECT_EQ(message.msg_namelen, 0u);
  EXPECT_EQ(message.msg_flags, 0);
}
TEST(TcpReceive, RecvmmsgGathersReads) {
  const TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "abcdef"), SucceedsWith(6));
  char bytes[2][4];
  iovec parts[2] = {{bytes[0], 4}, {bytes[1], 4}};
  mmsghdr messages[2] = {};
  for (int i = 0; i < 2; ++i) {
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  EXPECT_THAT(Call(SYS_recvmmsg, pair.server, messages, 2, MSG_DONTWAIT, nullptr), SucceedsWith(2));
  EXPECT_EQ(messages[0].msg_len, 4u);
  EXPECT_EQ(messages[1].msg_len, 2u);
}
TEST(TcpReceive, InqOptionTellsWhatIsLeft) {
  const TcpPair pair;
  if (SetOption(pair.server, IPPROTO_TCP, TCP_INQ, 1) != 0) GTEST_SKIP() << "no TCP_INQ";
  EXPECT_THAT(SendBytes(pair.client, "abcdef"), SucceedsWith(6));
  char bytes[4];
  alignas(cmsghdr) char control[64];
  iovec part{bytes, 4};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  EXPECT_THAT(Call(SYS_recvmsg, pair.server, &message, 0), SucceedsWith(4));
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  ASSERT_NE(header, nullptr);
  EXPECT_EQ(header->cmsg_level, SOL_TCP);
  EXPECT_EQ(header->cmsg_type, TCP_CM_INQ);
  int left = 0;
  memcpy(&left, CMSG_DATA(header), sizeof left);
  EXPECT_EQ(left, 2);
}

// ---- sending ----

TEST(TcpSend, AddressIsIgnoredWhenConnected) {
  const TcpPair pair;
  EXPECT_THAT(SendBytesTo(pair.client, InetAddress("127.0.0.77", 1), "x"), SucceedsWith(1));
  EXPECT_EQ(ReceiveBytes(pair.server), "x");
}
TEST(TcpSend, FaultSendsNothing) {
  const TcpPair pair;
  EXPECT_THAT(Call(SYS_sendto, pair.client, BadAddress(), 3, 0, nullptr, 0), FailsWith(EFAULT));
  EXPECT_THAT(ReceiveResult(pair.server), FailsWith(EAGAIN));
}
TEST(TcpSend, FromSeveralSegmentsAndMessages) {
  const TcpPair pair;
  char one[] = "ab", two[] = "cd";
  iovec parts[2] = {{one, 2}, {two, 2}};
  EXPECT_THAT(Call(SYS_writev, pair.client, parts, 2), SucceedsWith(4));
  mmsghdr messages[2] = {};
  for (int i = 0; i < 2; ++i) {
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  EXPECT_THAT(Call(SYS_sendmmsg, pair.client, messages, 2, 0), SucceedsWith(2));
  EXPECT_EQ(ReceiveBytes(pair.server, 8, MSG_WAITALL), "abcdabcd");
}
TEST(TcpSend, StopsWhenTheBuffersAreFull) {
  const TcpPair pair;
  const std::string block(1 << 20, 'x');
  size_t total = 0;
  for (;;) {
    const long sent = SendBytes(pair.client, block, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      EXPECT_THAT(sent, FailsWith(EAGAIN));
      break;
    }
    total += static_cast<size_t>(sent);
    ASSERT_LT(total, size_t{1} << 28);
  }
  EXPECT_GT(total, 100'000u);
  EXPECT_EQ(PollNow(pair.client), 0);
  size_t got = 0;
  std::string bytes(1 << 20, '\0');
  while (got < total) {
    const long n = Call(SYS_recvfrom, pair.server, bytes.data(), bytes.size(), 0, nullptr, nullptr);
    ASSERT_GT(n, 0);
    got += static_cast<size_t>(n);
  }
  EXPECT_EQ(got, total);
  EXPECT_EQ(PollFor(pair.client, POLLOUT), POLLOUT);
}
TEST(TcpSend, BlockingSendWaitsForTheReader) {
  const TcpPair pair;
  constexpr size_t kTotal = 12 << 20;
  ScopedThread writer([&] {
    std::string block(kTotal, '\0');
    for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<char>(i * 7 >> 8);
    EXPECT_THAT(SendBytes(pair.client, block), SucceedsWith(static_cast<long>(kTotal)));
    Call(SYS_shutdown, pair.client, SHUT_WR);
  });
  size_t got = 0, wrong = 0;
  std::string bytes(100'000, '\0');
  for (;;) {
    const long n = Call(SYS_recvfrom, pair.server, bytes.data(), bytes.size(), 0, nullptr, nullptr);
    ASSERT_GE(n, 0);
    if (n == 0) break;
    for (long i = 0; i < n; ++i) wrong += bytes[static_cast<size_t>(i)] != static_cast<char>((got + static_cast<size_t>(i)) * 7 >> 8);
    got += static_cast<size_t>(n);
  }
  EXPECT_EQ(got, kTotal);
  EXPECT_EQ(wrong, 0u);
}
TEST(TcpSend, TimeoutGivesWhatWentOut) {
  const TcpPair pair;
  SetTimeout(pair.client, SO_SNDTIMEO, 100);
  const std::string block(32 << 20, 'x');
  const long sent = SendBytes(pair.client, block);
  EXPECT_GT(sent, 0);
  EXPECT_LT(sent, static_cast<long>(block.size()));
  // The window may grow once more; then nothing fits any more.
  long more = 0;
  for (int i = 0; i < 10 && more >= 0; ++i) more = SendBytes(pair.client, block);
  EXPECT_THAT(more, FailsWith(EAGAIN));
}
TEST(TcpSend, SignalEndsABlockedSendWithWhatWentOut) {
  SignalRecorder recorder(SIGUSR1);
  const TcpPair pair;
  std::atomic<long> sent{0};
  ScopedThread writer([&] {
    const std::string block(32 << 20, 'x');
    sent = SendBytes(pair.client, block);
  });
  WaitUntilAsleep(writer.tid());
  EXPECT_THAT(Call(SYS_tgkill, getpid(), writer.tid(), SIGUSR1), SucceedsWith(0));
  writer.Join();
  EXPECT_GT(sent.load(), 0);
  EXPECT_LT(sent.load(), 32 << 20);
}
TEST(TcpSend, SendfileIntoAConnection) {
  const TcpPair pair;
  const ScopedFd file = TempFile("from a file");
  off_t offset = 5;
  EXPECT_THAT(Call(SYS_sendfile, pair.client, file, &offset, 100), SucceedsWith(6));
  EXPECT_EQ(ReceiveBytes(pair.server), "a file");
}
TEST(TcpSend, SendfileThatWaitsGoesOnWhereItWas) {
  const TcpPair pair;
  std::string bytes(9 << 20, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 13 >> 7);
  const ScopedFd file = TempFile(bytes);
  ScopedThread writer([&] {
    off_t offset = 5000;
    const long wanted = static_cast<long>(bytes.size()) - offset;
    EXPECT_THAT(Call(SYS_sendfile, pair.client, file, &offset, bytes.size()), SucceedsWith(wanted));
    EXPECT_EQ(offset, static_cast<off_t>(bytes.size()));
    Call(SYS_shutdown, pair.client, SHUT_WR);
  });
  WaitUntilAsleep(writer.tid());
  std::string got;
  for (std::string part; !(part = ReceiveBytes(pair.server, 300'000)).empty();) got += part;
  EXPECT_TRUE(got == bytes.substr(5000));
}
TEST(TcpSend, SpliceThroughAPipe) {
  const TcpPair pair;
  const Pipe pipe;
  EXPECT_THAT(SendBytes(pair.client, "spliced"), SucceedsWith(7));
  EXPECT_THAT(Call(SYS_splice, pair.server, nullptr, pipe.writer, nullptr, 100, 0), SucceedsWith(7));
  EXPECT_THAT(Call(SYS_splice, pipe.reader, nullptr, pair.server, nullptr, 100, 0), SucceedsWith(7));
  EXPECT_EQ(ReceiveBytes(pair.client), "spliced");
}
TEST(TcpSend, ManySmallOnesComeOutAsOneStream) {
  const TcpPair pair;
  std::string all;
  for (int i = 0; i < 500; ++i) {
    const std::string part(static_cast<size_t>(i % 7 + 1), static_cast<char>('a' + i % 26));
    EXPECT_THAT(SendBytes(pair.client, part), SucceedsWith(static_cast<long>(part.size())));
    all += part;
  }
  EXPECT_EQ(ReceiveBytes(pair.server, all.size(), MSG_WAITALL), all);
}
TEST(TcpSend, InterleavedWithPartialReads) {
  const TcpPair pair;
  std::string sent, got;
  for (int i = 0; i < 300; ++i) {
    const std::string part(static_cast<size_t>(1 + i * 37 % 5000), static_cast<char>('a' + i % 26));
    EXPECT_THAT(SendBytes(pair.client, part), SucceedsWith(static_cast<long>(part.size())));
    sent += part;
    got += ReceiveBytes(pair.server, static_cast<size_t>(1 + i * 53 % 4000), MSG_DONTWAIT);
  }
  while (got.size() < sent.size()) got += ReceiveBytes(pair.server, 100'000);
  EXPECT_TRUE(got == sent);
}

// ---- what waits where ----

TEST(TcpIoctl, InputAndOutputQueues) {
  const TcpPair pair;
  EXPECT_THAT(Count(pair.server, SIOCINQ), SucceedsWith(0));
  EXPECT_THAT(SendBytes(pair.client, "abcdef"), SucceedsWith(6));
  PollFor(pair.server, POLLIN);
  EXPECT_THAT(Count(pair.server, SIOCINQ), SucceedsWith(6));
  EXPECT_THAT(Count(pair.client, SIOCOUTQ), SucceedsWith(0));
  EXPECT_EQ(ReceiveBytes(pair.server, 4), "abcd");
  EXPECT_THAT(Count(pair.server, FIONREAD), SucceedsWith(2));
  EXPECT_THAT(Count(pair.listener.fd, SIOCINQ), FailsWith(EINVAL));
  EXPECT_THAT(Count(TcpSocket(), SIOCINQ), SucceedsWith(0));
}
TEST(TcpIoctl, FaultAndUnknownCommand) {
  const TcpPair pair;
  EXPECT_THAT(Call(SYS_ioctl, pair.server, SIOCINQ, BadAddress()), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_ioctl, pair.server, TCGETS, BadAddress()), FailsWith(ENOTTY));
}

// ---- urgent data ----

TEST(TcpUrgent, IsReadOnItsOwn) {
  const TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "ab"), SucceedsWith(2));
  EXPECT_THAT(SendBytes(pair.client, "cd!", MSG_OOB), SucceedsWith(3));
  EXPECT_EQ(PollFor(pair.server, POLLPRI) & (POLLPRI | POLLIN), POLLPRI | POLLIN);
  char byte = 0;
  EXPECT_THAT(Call(SYS_recvfrom, pair.server, &byte, 1, MSG_OOB, nullptr, nullptr), SucceedsWith(1));
  EXPECT_EQ(byte, '!');
  EXPECT_THAT(Call(SYS_recvfrom, pair.server, &byte, 1, MSG_OOB, nullptr, nullptr), FailsWith(EINVAL));
  EXPECT_EQ(PollNow(pair.server) & POLLPRI, 0);
  EXPECT_EQ(ReceiveBytes(pair.server), "abcd");
}
TEST(TcpUrgent, ReadingStopsAtTheMark) {
  const TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "ab!", MSG_OOB), SucceedsWith(3));
  EXPECT_THAT(SendBytes(pair.client, "cd"), SucceedsWith(2));
  PollFor(pair.server, POLLPRI);
  int mark = -1;
  EXPECT_THAT(Call(SYS_ioctl, pair.server, SIOCATMARK, &mark), SucceedsWith(0));
  EXPECT_EQ(mark, 0);
  EXPECT_EQ(ReceiveBytes(pair.server), "ab");
  EXPECT_THAT(Call(SYS_ioctl, pair.server, SIOCATMARK, &mark), SucceedsWith(0));
  EXPECT_EQ(mark, 1);
  EXPECT_EQ(ReceiveBytes(pair.server), "cd");
  EXPECT_THAT(Call(SYS_ioctl, pair.server, SIOCATMARK, &mark), SucceedsWith(0));
  EXPECT_EQ(mark, 0);
}
TEST(TcpUrgent, InlineItIsPartOfTheStream) {
  const TcpPair pair;
  EXPECT_THAT(SetOption(pair.server, SOL_SOCKET, SO_OOBINLINE, 1), SucceedsWith(0));
  EXPECT_THAT(SendBytes(pair.client, "ab!", MSG_OOB), SucceedsWith(3));
  EXPECT_THAT(SendBytes(pair.client, "cd"), SucceedsWith(2));
  PollFor(pair.server, POLLPRI);
  char byte;
  EXPECT_THAT(Call(SYS_recvfrom, pair.server, &byte, 1, MSG_OOB, nullptr, nullptr), FailsWith(EINVAL));
  EXPECT_EQ(ReceiveBytes(pair.server), "ab");
  EXPECT_EQ(ReceiveBytes(pair.server), "!cd");
}
TEST(TcpUrgent, WithoutAny) {
  const TcpPair pair;
  char byte;
  EXPECT_THAT(Call(SYS_recvfrom, pair.server, &byte, 1, MSG_OOB | MSG_DONTWAIT, nullptr, nullptr), FailsWith(EINVAL));
  int mark = -1;
  EXPECT_THAT(Call(SYS_ioctl, pair.server, SIOCATMARK, &mark), SucceedsWith(0));
  EXPECT_EQ(mark, 0);
}
TEST(TcpUrgent, PeekLeavesIt) {
  const TcpPair pair;
  EXPECT_THAT(SendBytes(pair.client, "!", MSG_OOB), SucceedsWith(1));
  PollFor(pair.server, POLLPRI);
  EXPECT_EQ(ReceiveBytes(pair.server, 1, MSG_OOB | MSG_PEEK), "!");
  EXPECT_EQ(ReceiveBytes(pair.server, 1, MSG_OOB), "!");
  EXPECT_THAT(ReceiveResult(pair.server), FailsWith(EAGAIN));
}

// ---- epoll(7) ----

struct Epoll {
  Epoll() : fd(Call(SYS_epoll_create1, 0)) {}
  void Add(const ScopedFd& file, uint32_t events) {
    epoll_event event = {};
    event.events = events;
    event.data.fd = file.get();
    EXPECT_THAT(Call(SYS_epoll_ctl, fd, EPOLL_CTL_ADD, file, &event), SucceedsWith(0));
  }
  // The events of the one file in it; 0 when nothing comes in time.
  uint32_t Wait(int timeout_ms = 0) {
    epoll_event event = {};
    const long n = Call(SYS_epoll_wait, fd, &event, 1, timeout_ms);
    return n == 1 ? event.events : 0;
  }
  ScopedFd fd;
};

TEST(TcpEpoll, EdgeIsToldOncePerArrival) {
  const TcpPair pair;
  Epoll epoll;
  epoll.Add(pair.server, EPOLLIN | EPOLLET);
  EXPECT_EQ(epoll.Wait(), 0u);
  EXPECT_THAT(SendBytes(pair.client, "a"), SucceedsWith(1));
  EXPECT_EQ(epoll.Wait(1000), static_cast<uint32_t>(EPOLLIN));
  EXPECT_EQ(epoll.Wait(), 0u);
  EXPECT_THAT(SendBytes(pair.client, "b"), SucceedsWith(1));
  EXPECT_EQ(epoll.Wait(1000), static_cast<uint32_t>(EPOLLIN));
  EXPECT_EQ(ReceiveBytes(pair.server), "ab");
  EXPECT_EQ(epoll.Wait(), 0u);
}
TEST(TcpEpoll, EdgeOfWritabilityAfterTheBufferWasFull) {
  const TcpPair pair;
  EXPECT_THAT(Call(SYS_fcntl, pair.client, F_SETFL, O_NONBLOCK), SucceedsWith(0));
  Epoll epoll;
  epoll.Add(pair.client, EPOLLOUT | EPOLLET);
  EXPECT_EQ(epoll.Wait(), static_cast<uint32_t>(EPOLLOUT));
  EXPECT_EQ(epoll.Wait(), 0u);
  const std::string block(1 << 20, 'x');
  size_t total = 0;
  for (long n = 0; (n = SendBytes(pair.client, block)) > 0;) total += static_cast<size_t>(n);
  SleepMs(20);
  epoll.Wait();
  EXPECT_EQ(epoll.Wait(), 0u);
  std::string bytes(1 << 20, '\0');
  for (size_t got = 0; got < total;) {
    const long n = Call(SYS_recvfrom, pair.server, bytes.data(), bytes.size(), 0, nullptr, nullptr);
    ASSERT_GT(n, 0);
    got += static_cast<size_t>(n);
  }
  EXPECT_EQ(epoll.Wait(1000), static_cast<uint32_t>(EPOLLOUT));
}
TEST(TcpEpoll, ListenerIsReadablePerConnection) {
  const Listener listener;
  Epoll epoll;
  epoll.Add(listener.fd, EPOLLIN | EPOLLET);
  const ScopedFd one = TcpSocket(), two = TcpSocket();
  EXPECT_THAT(ConnectTo(one, listener.address), SucceedsWith(0));
  EXPECT_EQ(epoll.Wait(1000), static_cast<uint32_t>(EPOLLIN));
  EXPECT_EQ(epoll.Wait(), 0u);
  EXPECT_THAT(ConnectTo(two, listener.address), SucceedsWith(0));
  EXPECT_EQ(epoll.Wait(1000), static_cast<uint32_t>(EPOLLIN));
}
TEST(TcpEpoll, HangUpIsToldUnasked) {
  TcpPair pair;
  Epoll epoll;
  epoll.Add(pair.server, 0);
  EXPECT_THAT(Call(SYS_shutdown, pair.server, SHUT_WR), SucceedsWith(0));
  pair.client.Reset();
  EXPECT_EQ(epoll.Wait(1000), static_cast<uint32_t>(EPOLLHUP));
}
TEST(TcpEpoll, PeerShutdownWithRdhup) {
  const TcpPair pair;
  Epoll epoll;
  epoll.Add(pair.server, EPOLLIN | EPOLLRDHUP | EPOLLET);
  EXPECT_THAT(Call(SYS_shutdown, pair.client, SHUT_WR), SucceedsWith(0));
  EXPECT_EQ(epoll.Wait(1000), static_cast<uint32_t>(EPOLLIN | EPOLLRDHUP));
}

}  // namespace tests
