// sendmsg(2) and recvmsg(2) with SCM_RIGHTS.
#include "host/calls/socket_fds.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace ringwall::host {

Result<std::pair<UniqueFd, UniqueFd>> SocketPair(int type) {
  int fds[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0) return ErrnoFromHost(errno);
  return std::pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

Result<size_t> SendWithFds(int socket, std::span<const std::byte> bytes, std::span<const int> fds, int flags) {
  if (bytes.empty() || fds.size() > kMaxMessageFds) return Errno::kEINVAL;
  iovec iov = {const_cast<std::byte*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxMessageFds)] = {};
  msghdr message = {};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
  }
  ssize_t n;
  do n = ::sendmsg(socket, &message, flags | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n < 0) return ErrnoFromHost(errno);
  return static_cast<size_t>(n);
}

Result<ReceivedMessage> RecvWithFds(int socket, std::span<std::byte> buffer, int flags) {
  if (buffer.empty()) return Errno::kEINVAL;
  iovec iov = {buffer.data(), buffer.size()};
  // Room for exactly the descriptors that we take: the host drops (and never installs) what is beyond, and says MSG_CTRUNC.
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxMessageFds)];
  msghdr message = {};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_LEN(sizeof(int) * kMaxMessageFds);
  ssize_t n;
  do n = ::recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0) return ErrnoFromHost(errno);

  ReceivedMessage received;
  received.bytes = static_cast<size_t>(n);
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS || header->cmsg_len < CMSG_LEN(0)) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      received.fds.emplace_back(fd);
    }
  }
  // Returning an error closes what was received: UniqueFd owns it already.
  if ((message.msg_flags & MSG_CTRUNC) != 0) return Errno::kEPROTO;
  if ((message.msg_flags & MSG_TRUNC) != 0) return Errno::kEMSGSIZE;
  return received;
}

Result<PeerCredentials> GetPeerCredentials(int socket) {
  ucred credentials;
  socklen_t length = sizeof(credentials);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return ErrnoFromHost(errno);
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

}  // namespace ringwall::host
