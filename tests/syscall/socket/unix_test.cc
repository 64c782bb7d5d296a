// unix(7): bind(2), listen(2), connect(2), accept(2), names, SO_PEERCRED, SCM_RIGHTS, SCM_CREDENTIALS.
#include <poll.h>
#include <sys/stat.h>

#include "tests/syscall/socket/unix.h"

namespace tests {

static ScopedFd Socket(int type = SOCK_STREAM) { return ScopedFd(Call(SYS_socket, AF_UNIX, type, 0)); }
static long Bind(int fd, const UnixAddress& to) { return Call(SYS_bind, fd, &to.address, to.length); }
static long Connect(int fd, const UnixAddress& to) { return Call(SYS_connect, fd, &to.address, to.length); }
static std::string AbstractName() { return "@ringwall-test-" + std::to_string(getpid()) + "-" + std::to_string(NowNs()); }

TEST(UnixConnect, ReachesAListenerByPath) {
  const TempDir dir;
  const UnixAddress address(dir / "s");
  const ScopedFd listener = Socket(), client = Socket();
  EXPECT_THAT(Bind(listener.get(), address), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, listener, 5), SucceedsWith(0));
  EXPECT_THAT(Connect(client.get(), address), SucceedsWith(0));
  const ScopedFd server(Call(SYS_accept4, listener, nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_THAT(Call(SYS_fcntl, server, F_GETFD), SucceedsWith(FD_CLOEXEC));
  EXPECT_THAT(Send(client.get(), "hello"), SucceedsWith(5));
  EXPECT_EQ(Receive(server.get()), "hello");
}
TEST(UnixConnect, ReachesAnAbstractName) {
  const UnixAddress address(AbstractName());
  const ScopedFd listener = Socket(), client = Socket();
  EXPECT_THAT(Bind(listener.get(), address), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, listener, 5), SucceedsWith(0));
  EXPECT_THAT(Connect(client.get(), address), SucceedsWith(0));
}
TEST(UnixBind, MakesASocketFileUnderTheUmask) {
  const TempDir dir;
  const ScopedFd fd = Socket();
  const mode_t old = umask(077);
  EXPECT_THAT(Bind(fd.get(), UnixAddress(dir / "s")), SucceedsWith(0));
  umask(old);
  struct stat info;
  ASSERT_EQ(stat((dir / "s").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode, S_IFSOCK | 0700u);
}
TEST(UnixBind, UsedNamesTwiceBoundAndShortAddresses) {
  const TempDir dir;
  const ScopedFd one = Socket(), two = Socket();
  EXPECT_THAT(Bind(one.get(), UnixAddress(dir / "s")), SucceedsWith(0));
  EXPECT_THAT(Bind(two.get(), UnixAddress(dir / "s")), FailsWith(EADDRINUSE));
  EXPECT_THAT(Bind(one.get(), UnixAddress(dir / "t")), FailsWith(EINVAL));
  EXPECT_THAT(Bind(two.get(), UnixAddress(dir / "no/s")), FailsWith(ENOENT));
  const UnixAddress address(dir / "u");
  EXPECT_THAT(Call(SYS_bind, two, &address.address, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_bind, two, BadAddress(), 20), FailsWith(EFAULT));
}
TEST(UnixBind, FamilyAloneChoosesAnAbstractName) {
  const ScopedFd fd = Socket();
  const sa_family_t family = AF_UNIX;
  EXPECT_THAT(Call(SYS_bind, fd, &family, 2), SucceedsWith(0));
  sockaddr_un name = {};
  socklen_t length = sizeof name;
  EXPECT_THAT(Call(SYS_getsockname, fd, &name, &length), SucceedsWith(0));
  EXPECT_EQ(length, 8u);
  EXPECT_EQ(name.sun_path[0], 0);
}
TEST(UnixBind, AbstractNameIsFreeAgainAfterClose) {
  const UnixAddress address(AbstractName());
  ScopedFd one = Socket(), two = Socket();
  EXPECT_THAT(Bind(one.get(), address), SucceedsWith(0));
  EXPECT_THAT(Bind(two.get(), address), FailsWith(EADDRINUSE));
  one.Reset();
  EXPECT_THAT(Bind(two.get(), address), SucceedsWith(0));
}
TEST(UnixConnect, Errors) {
  const TempDir dir;
  const ScopedFd fd = Socket(), bound = Socket(), datagram = Socket(SOCK_DGRAM);
  EXPECT_THAT(Connect(fd.get(), UnixAddress(dir / "none")), FailsWith(ENOENT));
  WriteFile(dir / "file", "x");
  EXPECT_THAT(Connect(fd.get(), UnixAddress(dir / "file")), FailsWith(ECONNREFUSED));
  EXPECT_THAT(Connect(fd.get(), UnixAddress(AbstractName())), FailsWith(ECONNREFUSED));
  EXPECT_THAT(Bind(bound.get(), UnixAddress(dir / "s")), SucceedsWith(0));
  EXPECT_THAT(Connect(fd.get(), UnixAddress(dir / "s")), FailsWith(ECONNREFUSED));
  EXPECT_THAT(Connect(datagram.get(), UnixAddress(dir / "s")), FailsWith(EPROTOTYPE));
  const SocketPair pair;
  EXPECT_THAT(Call(SYS_listen, bound, 1), SucceedsWith(0));
  EXPECT_THAT(Connect(pair.one.get(), UnixAddress(dir / "s")), FailsWith(EISCONN));
}
TEST(UnixConnect, NeedsWritePermissionOnTheSocketFile) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  const ScopedFd listener = Socket();
  EXPECT_THAT(Bind(listener.get(), UnixAddress(dir / "s")), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, listener, 5), SucceedsWith(0));
  ASSERT_EQ(chmod((dir / "s").c_str(), 0600), 0);
  InChild([&] {
    DropToNobody();
    const ScopedFd fd = Socket();
    EXPECT_THAT(Connect(fd.get(), UnixAddress(dir / "s")), FailsWith(EACCES));
  });
}
TEST(UnixListen, FullBacklogWouldBlock) {
  const UnixAddress address(AbstractName());
  const ScopedFd listener = Socket(), one = Socket(), two = Socket(SOCK_STREAM | SOCK_NONBLOCK);
  EXPECT_THAT(Bind(listener.get(), address), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, listener, 0), SucceedsWith(0));
  EXPECT_THAT(Connect(one.get(), address), SucceedsWith(0));
  EXPECT_THAT(Connect(two.get(), address), FailsWith(EAGAIN));
}
TEST(UnixListen, DatagramAndUnboundSockets) {
  const ScopedFd datagram = Socket(SOCK_DGRAM), unbound = Socket();
  EXPECT_THAT(Call(SYS_listen, datagram, 1), FailsWith(EOPNOTSUPP));
  EXPECT_THAT(Call(SYS_listen, unbound, 1), FailsWith(EINVAL));
}
TEST(UnixAccept, WithoutListenAndWithoutClients) {
  const ScopedFd fd = Socket(SOCK_STREAM | SOCK_NONBLOCK);
  EXPECT_THAT(Call(SYS_accept, fd, nullptr, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Bind(fd.get(), UnixAddress(AbstractName())), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, fd, 1), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_accept, fd, nullptr, nullptr), FailsWith(EAGAIN));
  EXPECT_THAT(Call(SYS_accept4, fd, nullptr, nullptr, 1), FailsWith(EINVAL));
}
TEST(UnixAccept, BlockedAcceptWakesOnAConnection) {
  const UnixAddress address(AbstractName());
  const ScopedFd listener = Socket(), client = Socket();
  EXPECT_THAT(Bind(listener.get(), address), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, listener, 1), SucceedsWith(0));
  ScopedThread acceptor([&] {
    const ScopedFd server(Call(SYS_accept, listener, nullptr, nullptr));
    EXPECT_TRUE(server.valid());
  });
  WaitUntilAsleep(acceptor.tid());
  EXPECT_THAT(Connect(client.get(), address), SucceedsWith(0));
}
TEST(UnixNames, PeerAndOwnNames) {
  const TempDir dir;
  const UnixAddress address(dir / "s");
  const ScopedFd listener = Socket(), client = Socket();
  EXPECT_THAT(Bind(listener.get(), address), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_listen, listener, 1), SucceedsWith(0));
  EXPECT_THAT(Connect(client.get(), address), SucceedsWith(0));
  sockaddr_un name = {};
  socklen_t length = sizeof name;
  EXPECT_THAT(Call(SYS_getpeername, client, &name, &length), SucceedsWith(0));
  EXPECT_EQ(std::string(name.sun_path), dir / "s");
  length = sizeof name;
  EXPECT_THAT(Call(SYS_getsockname, client, &name, &length), SucceedsWith(0));
  EXPECT_EQ(length, 2u);
  length = 3;
  EXPECT_THAT(Call(SYS_getpeername, client, &name, &length), SucceedsWith(0));
  EXPECT_EQ(length, address.length);
  EXPECT_THAT(Call(SYS_getpeername, listener, &name, &length), FailsWith(ENOTCONN));
}
TEST(UnixPeercred, NamesTheOtherProcess) {
  const SocketPair pair;
  ucred credentials = {};
  socklen_t length = sizeof credentials;
  EXPECT_THAT(Call(SYS_getsockopt, pair.one, SOL_SOCKET, SO_PEERCRED, &credentials, &length), SucceedsWith(0));
  EXPECT_EQ(credentials.pid, getpid());
  EXPECT_EQ(credentials.uid, geteuid());
  EXPECT_EQ(credentials.gid, getegid());
}
TEST(UnixDatagram, SenderNameAndSendto) {
  const TempDir dir;
  const UnixAddress server(dir / "server"), client(dir / "client");
  const ScopedFd one = Socket(SOCK_DGRAM), two = Socket(SOCK_DGRAM);
  EXPECT_THAT(Bind(one.get(), server), SucceedsWith(0));
  EXPECT_THAT(Bind(two.get(), client), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_sendto, two, "hi", 2, 0, &server.address, server.length), SucceedsWith(2));
  char bytes[10];
  sockaddr_un from = {};
  socklen_t length = sizeof from;
  EXPECT_THAT(Call(SYS_recvfrom, one, bytes, 10, 0, &from, &length), SucceedsWith(2));
  EXPECT_EQ(std::string(from.sun_path), dir / "client");
  EXPECT_THAT(Send(two.get(), "x"), FailsWith(ENOTCONN));
}

// Sends one byte with `fds` attached.
static long SendFds(int socket, const std::vector<int>& fds) {
  char byte = 'f';
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(253 * sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
  return Call(SYS_sendmsg, socket, &message, 0);
}
static std::vector<int> ReceiveFds(int socket, size_t room, int flags = 0, int* message_flags = nullptr) {
  char byte;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[1024] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = room == 0 ? 0 : CMSG_LEN(room * sizeof(int));
  EXPECT_THAT(Call(SYS_recvmsg, socket, &message, flags), SucceedsWith(1));
  if (message_flags != nullptr) *message_flags = message.msg_flags;
  std::vector<int> fds;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_type != SCM_RIGHTS) continue;
    fds.resize((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(fds.data(), CMSG_DATA(header), fds.size() * sizeof(int));
  }
  return fds;
}

TEST(ScmRights, PassesAnOpenFile) {
  const SocketPair pair;
  const ScopedFd file = TempFile("shared offset");
  EXPECT_THAT(SendFds(pair.one.get(), {file.get()}), SucceedsWith(1));
  const std::vector<int> got = ReceiveFds(pair.two.get(), 1);
  ASSERT_EQ(got.size(), 1u);
  const ScopedFd copy(got[0]);
  EXPECT_NE(copy.get(), file.get());
  char bytes[6];
  EXPECT_THAT(Call(SYS_read, copy, bytes, 6), SucceedsWith(6));
  EXPECT_EQ(Offset(file.get()), 6);
  EXPECT_THAT(Call(SYS_fcntl, copy, F_GETFD), SucceedsWith(0));
}
TEST(ScmRights, CloexecFlagOfTheReceiver) {
  const SocketPair pair;
  EXPECT_THAT(SendFds(pair.one.get(), {1}), SucceedsWith(1));
  const std::vector<int> got = ReceiveFds(pair.two.get(), 1, MSG_CMSG_CLOEXEC);
  ASSERT_EQ(got.size(), 1u);
  const ScopedFd copy(got[0]);
  EXPECT_THAT(Call(SYS_fcntl, copy, F_GETFD), SucceedsWith(FD_CLOEXEC));
}
TEST(ScmRights, NoRoomForDescriptorsTruncates) {
  const SocketPair pair;
  EXPECT_THAT(SendFds(pair.one.get(), {1, 1}), SucceedsWith(1));
  int flags = 0;
  const std::vector<int> got = ReceiveFds(pair.two.get(), 1, 0, &flags);
  EXPECT_EQ(got.size(), 1u);
  EXPECT_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
  for (const int fd : got) close(fd);
}
TEST(ScmRights, FileInFlightStaysOpen) {
  const SocketPair pair;
  {
    Pipe pipe;
    EXPECT_THAT(SendFds(pair.one.get(), {pipe.writer.get()}), SucceedsWith(1));
    pipe.writer.Reset();
    char byte;
    EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETFL, O_NONBLOCK), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_read, pipe.reader, &byte, 1), FailsWith(EAGAIN));
    for (const int fd : ReceiveFds(pair.two.get(), 1)) close(fd);
    EXPECT_THAT(Call(SYS_read, pipe.reader, &byte, 1), SucceedsWith(0));
  }
}
TEST(ScmRights, BadDescriptorsAndTooMany) {
  const SocketPair pair;
  EXPECT_THAT(SendFds(pair.one.get(), {9999}), FailsWith(EBADF));
  char byte = 'f';
  iovec part{&byte, 1};
  alignas(cmsghdr) static char control[CMSG_SPACE(254 * sizeof(int))];
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(254 * sizeof(int));
  EXPECT_THAT(Call(SYS_sendmsg, pair.one, &message, 0), FailsWith(EINVAL));
}
TEST(ScmRights, StreamReadStopsAtTheMessageWithDescriptors) {
  const SocketPair pair;
  EXPECT_THAT(Send(pair.one.get(), "ab"), SucceedsWith(2));
  EXPECT_THAT(SendFds(pair.one.get(), {1}), SucceedsWith(1));
  EXPECT_THAT(Send(pair.one.get(), "cd"), SucceedsWith(2));
  EXPECT_EQ(Receive(pair.two.get()), "abf");
  EXPECT_EQ(Receive(pair.two.get()), "cd");
}
TEST(ScmCredentials, ArriveWhenAskedFor) {
  const SocketPair pair;
  const int on = 1;
  ASSERT_EQ(setsockopt(pair.two.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
  EXPECT_THAT(Send(pair.one.get(), "x"), SucceedsWith(1));
  char byte;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  EXPECT_THAT(Call(SYS_recvmsg, pair.two, &message, 0), SucceedsWith(1));
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  ASSERT_NE(header, nullptr);
  EXPECT_EQ(header->cmsg_type, SCM_CREDENTIALS);
  ucred credentials;
  memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
  EXPECT_EQ(credentials.pid, getpid());
  EXPECT_EQ(credentials.uid, geteuid());
}
TEST(UnixOptions, TypeErrorAndListenState) {
  const SocketPair pair(SOCK_SEQPACKET);
  int value = -1;
  socklen_t length = sizeof value;
  EXPECT_THAT(Call(SYS_getsockopt, pair.one, SOL_SOCKET, SO_TYPE, &value, &length), SucceedsWith(0));
  EXPECT_EQ(value, SOCK_SEQPACKET);
  EXPECT_THAT(Call(SYS_getsockopt, pair.one, SOL_SOCKET, SO_ERROR, &value, &length), SucceedsWith(0));
  EXPECT_EQ(value, 0);
  EXPECT_THAT(Call(SYS_getsockopt, pair.one, SOL_SOCKET, SO_ACCEPTCONN, &value, &length), SucceedsWith(0));
  EXPECT_EQ(value, 0);
  EXPECT_THAT(Call(SYS_getsockopt, pair.one, SOL_SOCKET, SO_DOMAIN, &value, &length), SucceedsWith(0));
  EXPECT_EQ(value, AF_UNIX);
  EXPECT_THAT(Call(SYS_getsockopt, pair.one, SOL_SOCKET, 9999, &value, &length), FailsWith(ENOPROTOOPT));
}
TEST(Sendmmsg, ReturnsTheNumberOfMessages) {
  const SocketPair pair(SOCK_DGRAM);
  char one[] = "one", two[] = "two";
  iovec parts[2] = {{one, 3}, {two, 3}};
  mmsghdr messages[2] = {};
  for (int i = 0; i < 2; ++i) {
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  EXPECT_THAT(Call(SYS_sendmmsg, pair.one, messages, 2, 0), SucceedsWith(2));
  EXPECT_EQ(messages[1].msg_len, 3u);
  EXPECT_THAT(Call(SYS_recvmmsg, pair.two, messages, 2, MSG_DONTWAIT, nullptr), SucceedsWith(2));
}

}  // namespace tests
