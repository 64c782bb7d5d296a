// AF_UNIX pairs, addresses and control messages for the socket tests.
#pragma once

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/lib/guest.h"

namespace tests {

struct SocketPair {
  explicit SocketPair(int type = SOCK_STREAM) {
    int fds[2] = {-1, -1};
    EXPECT_THAT(Call(SYS_socketpair, AF_UNIX, type, 0, fds), SucceedsWith(0));
    one = ScopedFd(fds[0]);
    two = ScopedFd(fds[1]);
  }
  ScopedFd one, two;
};

// A path name, or an abstract name when it starts with '@'.
struct UnixAddress {
  explicit UnixAddress(const std::string& name) {
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, name.data(), name.size());
    length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (name[0] == '@' ? 0 : 1));
    if (name[0] == '@') address.sun_path[0] = 0;
  }
  sockaddr_un address;
  socklen_t length;
};

inline long Send(int fd, const std::string& bytes, int flags = 0) {
  return Call(SYS_sendto, fd, bytes.data(), bytes.size(), flags, nullptr, 0);
}
// What one receive of at most `room` bytes gives; "" on an error too.
inline std::string Receive(int fd, size_t room = 1000, int flags = 0) {
  std::string bytes(room, '\0');
  const long got = Call(SYS_recvfrom, fd, bytes.data(), room, flags, nullptr, nullptr);
  bytes.resize(got < 0 ? 0 : static_cast<size_t>(got) < room ? got : room);
  return bytes;
}

}  // namespace tests
