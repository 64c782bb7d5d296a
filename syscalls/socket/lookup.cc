// Sockets behind descriptors, sockaddr arguments, waiting for a socket.
#include "syscalls/socket/lookup.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "sentry/vfs/fd_table.h"

namespace ringwall::syscalls {
namespace {

// A unix address whose path is a name in the file system: neither unnamed nor abstract (unix(7)).
bool HasPath(const socket::Address& address) {
  constexpr size_t kPathOffset = sizeof(uint16_t);
  return address.family() == abi::kAF_UNIX && address.size() > kPathOffset && address.bytes()[kPathOffset] != std::byte{0};
}

}  // namespace

Result<Ref<socket::Socket>> SocketOf(Task& task, Fd fd) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  auto* socket = file->As<socket::Socket>();
  if (socket == nullptr) return Errno::kENOTSOCK;
  return Ref<socket::Socket>(*socket);
}

Result<socket::Address> ReadAddress(Task& task, UserBuffer from, int32_t length) {
  if (length < 0 || static_cast<size_t>(length) > abi::kSockaddrStorageSize) return Errno::kEINVAL;
  std::array<std::byte, abi::kSockaddrStorageSize> bytes{};
  const auto used = absl::MakeSpan(bytes.data(), static_cast<size_t>(length));
  if (length != 0) TRY(task.memory().Read(from.address, used));
  return socket::Address::From(used);
}

Result<void> WriteAddress(Task& task, const socket::Address& address, UserBuffer to, UserInOut<int32_t> length) {
  const int32_t room = TRY(length.Read(task.memory()));
  if (room < 0) return Errno::kEINVAL;
  const size_t stored = std::min(static_cast<size_t>(room), address.size());
  if (stored != 0) TRY(task.memory().Write(to.address, address.bytes().first(stored)));
  return length.Write(task.memory(), static_cast<int32_t>(address.size()));
}

Result<CallerOf> CallerOf::For(Task& task, const socket::Address& address) {
  CallerOf made;
  made.umask_ = task.fs().umask();
  if (!HasPath(address)) return made;
  const bool absolute = address.bytes()[sizeof(uint16_t)] == std::byte{'/'};
  made.start_ = TRY(task.StartOf(abi::kAtFdCwd, absolute ? std::string_view("/") : std::string_view(".")));
  return made;
}

Errno ParkOnSocket(Task& task, socket::Socket& socket, const socket::BlockOn& block, wait::EventMask mask, int64_t deadline_ns) {
  const bool limited = deadline_ns != time::kNever;
  if (limited && time::MonotonicNs() >= deadline_ns) return Errno::kEAGAIN;
  const Errno interrupted = limited ? Errno::kEINTR : Errno::kRestartSys;
  if (block.object == nullptr) return task.ParkOnFile(socket, mask, interrupted, deadline_ns);
  const task::ParkOn on[] = {{block.object, block.mask, block.keep_alive}};
  return task.Park(on, deadline_ns, interrupted);
}

}  // namespace ringwall::syscalls
