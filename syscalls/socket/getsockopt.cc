// getsockopt(2), setsockopt(2).
#include <algorithm>
#include <cstring>
#include <vector>

#include "sentry/cred/credentials.h"
#include "syscalls/socket/lookup.h"
#include "syscalls/socket/socket.h"

namespace ringwall::syscalls {
namespace {

// The peer as the caller's pid and user namespaces see it.
void ShowIds(const Task& task, int32_t name, std::vector<std::byte>& bytes) {
  const cred::UserNamespace& ids = *task.creds().user_ns;
  abi::Ucred peer;
  if (name == abi::kSO_PEERCRED && bytes.size() == sizeof(peer)) {
    std::memcpy(&peer, bytes.data(), sizeof(peer));
    if (peer.uid != ~0u) peer.uid = ids.Show(cred::IdKind::kUid, peer.uid);
    if (peer.gid != ~0u) peer.gid = ids.Show(cred::IdKind::kGid, peer.gid);
    peer.pid = task.ToGuestPid(peer.pid);
    std::memcpy(bytes.data(), &peer, sizeof(peer));
  } else if (name == abi::kSO_PEERGROUPS) {
    for (size_t at = 0; at + sizeof(uint32_t) <= bytes.size(); at += sizeof(uint32_t)) {
      uint32_t group;
      std::memcpy(&group, bytes.data() + at, sizeof(group));
      group = ids.Show(cred::IdKind::kGid, group);
      std::memcpy(bytes.data() + at, &group, sizeof(group));
    }
  }
}

}  // namespace

Result<void> SysGetsockopt(Task& task, Fd fd, int32_t level, int32_t name, UserBuffer value, UserInOut<int32_t> length) {
  const Ref<socket::Socket> socket = TRY(SocketOf(task, fd));
  const int32_t room = TRY(length.Read(task.memory()));
  if (room < 0) return Errno::kEINVAL;
  std::vector<std::byte> bytes = TRY(socket->GetOption(task, level, name));
  if (level == abi::kSOL_SOCKET) ShowIds(task, name, bytes);
  const bool whole_only = level == abi::kSOL_SOCKET && (name == abi::kSO_PEERGROUPS || name == abi::kSO_PEERNAME);
  if (whole_only && static_cast<size_t>(room) < bytes.size()) {
    if (name == abi::kSO_PEERNAME) return Errno::kEINVAL;
    TRY(length.Write(task.memory(), static_cast<int32_t>(bytes.size())));
    return Errno::kERANGE;
  }
  const size_t stored = std::min(static_cast<size_t>(room), bytes.size());
  if (stored != 0) TRY(task.memory().Write(value.address, absl::MakeConstSpan(bytes.data(), stored)));
  return length.Write(task.memory(), static_cast<int32_t>(stored));
}

Result<void> SysSetsockopt(Task& task, Fd fd, int32_t level, int32_t name, UserBuffer value, int32_t length) {
  // No option reads more; what is behind is ignored, as Linux ignores what is behind the option's own type.
  constexpr size_t kMaxOption = 4096;
  const Ref<socket::Socket> socket = TRY(SocketOf(task, fd));
  if (length < 0) return Errno::kEINVAL;
  std::vector<std::byte> bytes(std::min(static_cast<size_t>(length), kMaxOption));
  if (!bytes.empty()) TRY(task.memory().Read(value.address, absl::MakeSpan(bytes)));
  return socket->SetOption(task, level, name, bytes);
}

}  // namespace ringwall::syscalls
