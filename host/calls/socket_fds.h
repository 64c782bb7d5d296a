// Messages with descriptors over AF_UNIX sockets (unix(7), SCM_RIGHTS).
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "base/error/result.h"
#include "base/fd/unique_fd.h"

namespace ringwall::host {

inline constexpr size_t kMaxMessageFds = 16;

// A connected, close-on-exec pair; `type` is SOCK_SEQPACKET or SOCK_STREAM, perhaps with SOCK_NONBLOCK.
Result<std::pair<UniqueFd, UniqueFd>> SocketPair(int type);

// Sends `bytes` and the descriptors, which stay the caller's; returns the bytes sent. SEQPACKET: all or an error. STREAM: at least one
// byte, and the descriptors go with the first. EINVAL for no bytes or too many descriptors. Never SIGPIPE. `flags` may be MSG_DONTWAIT.
Result<size_t> SendWithFds(int socket, std::span<const std::byte> bytes, std::span<const int> fds = {}, int flags = 0);

struct ReceivedMessage {
  size_t bytes = 0;  // 0: the peer closed its end (SEQPACKET peers never send empty messages here)
  std::vector<UniqueFd> fds;
};
// Receives one message into `buffer`. EMSGSIZE when a SEQPACKET message did not fit; EPROTO when the peer sent more than kMaxMessageFds
// descriptors, or ones that could not be received (our descriptor limit). In both cases the descriptors that arrived are closed. All
// descriptors are close-on-exec.
Result<ReceivedMessage> RecvWithFds(int socket, std::span<std::byte> buffer, int flags = 0);

struct PeerCredentials {
  pid_t pid;
  uid_t uid;
  gid_t gid;
};
// SO_PEERCRED: who made the peer's end.
Result<PeerCredentials> GetPeerCredentials(int socket);

}  // namespace ringwall::host
