// unix(7): abstract names belong to a network namespace. socket(7): SO_RCVLOWAT and read(2).
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "tests/lib/guest.h"
#include "tests/lib/namespaces.h"

namespace {

using namespace tests;

struct Named {
  sockaddr_un address{};
  socklen_t length = 0;
};
Named Abstract(const std::string& name) {
  Named made;
  made.address.sun_family = AF_UNIX;
  memcpy(made.address.sun_path + 1, name.data(), name.size());
  made.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return made;
}

TEST(AbstractNames, AreThoseOfTheNetworkNamespace) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWNET);
  const Named name = Abstract("ringwall-test-" + std::to_string(getpid()));
  const ScopedFd server(socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_THAT(Call(SYS_bind, server, &name.address, name.length), SucceedsWith(0));
  ASSERT_THAT(Call(SYS_listen, server, 1), SucceedsWith(0));
  InChild([&] {
    const ScopedFd old_socket(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    const ScopedFd client(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_THAT(Call(SYS_connect, client, &name.address, name.length), FailsWith(ECONNREFUSED));
    const ScopedFd second(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_THAT(Call(SYS_bind, second, &name.address, name.length), SucceedsWith(0)) << "the name is free there";
    EXPECT_THAT(Call(SYS_connect, old_socket, &name.address, name.length), SucceedsWith(0)) << "a socket stays in its namespace";
  });
}

TEST(ReceiveLowWater, ReadWaitsForItAndTakesWhatIsThereAtTheEnd) {
  const ScopedFd server(socket(AF_INET, SOCK_STREAM, 0)), client(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_THAT(Call(SYS_bind, server, &address, length), SucceedsWith(0));
  ASSERT_THAT(Call(SYS_listen, server, 1), SucceedsWith(0));
  ASSERT_THAT(Call(SYS_getsockname, server, &address, &length), SucceedsWith(0));
  ASSERT_THAT(Call(SYS_connect, client, &address, length), SucceedsWith(0));
  const ScopedFd accepted(Call(SYS_accept, server, nullptr, nullptr));
  const int bytes = 8;
  const timeval soon{0, 30'000};
  ASSERT_THAT(Call(SYS_setsockopt, accepted, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes), SucceedsWith(0));
  ASSERT_THAT(Call(SYS_setsockopt, accepted, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon), SucceedsWith(0));
  ASSERT_THAT(Call(SYS_write, client, "abc", 3), SucceedsWith(3));
  char text[32];
  const Stopwatch watch;
  EXPECT_THAT(Call(SYS_read, accepted, text, sizeof text), SucceedsWith(3));
  EXPECT_GE(watch.ms(), 29) << "only when its time was over";
  ASSERT_THAT(Call(SYS_write, client, "0123456789", 10), SucceedsWith(10));
  EXPECT_THAT(Call(SYS_read, accepted, text, sizeof text), SucceedsWith(10));
  EXPECT_THAT(Call(SYS_read, accepted, text, sizeof text), FailsWith(EAGAIN));
}

}  // namespace
