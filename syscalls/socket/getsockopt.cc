// getsockopt(2), setsockopt(2).
#include <algorithm>
#include <vector>

#include "syscalls/socket/lookup.h"
#include "syscalls/socket/socket.h"

namespace ringwall::syscalls {

Result<void> SysGetsockopt(Task& task, Fd fd, int32_t level, int32_t name, UserBuffer value, UserInOut<int32_t> length) {
  const Ref<socket::Socket> socket = TRY(SocketOf(task, fd));
  const int32_t room = TRY(length.Read(task.memory()));
  if (room < 0) return Errno::kEINVAL;
  const std::vector<std::byte> bytes = TRY(socket->GetOption(task, level, name));
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
