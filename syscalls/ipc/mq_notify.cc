// mq_notify(2).
#include <array>
#include <utility>

#include "sentry/fs/mqueue/queue.h"
#include "sentry/socket/netlink/netlink_socket.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/ipc/ipc.h"

namespace ringwall::syscalls {
namespace {

// SIGEV_THREAD is made by the C library: a thread of its own reads a netlink(7) socket, on which the kernel gives back a cookie whose last
// byte says what happened.
constexpr size_t kCookieSize = 32;
using Cookie = std::array<std::byte, kCookieSize>;

class SocketNotifier final : public mqueue::Notifier {
 public:
  SocketNotifier(Ref<vfs::File> socket, const Cookie& cookie) : socket_(std::move(socket)), cookie_(cookie) {}
  void Tell(Why why) override {
    socket::netlink::Bytes bytes(cookie_.begin(), cookie_.end());
    bytes.back() = static_cast<std::byte>(why);
    static_cast<socket::netlink::NetlinkSocket&>(*socket_->As<socket::Socket>()).Deliver(std::move(bytes));
  }

 private:
  const Ref<vfs::File> socket_;
  const Cookie cookie_;
};

Result<RefPtr<mqueue::Notifier>> NotifierFor(Task& task, const abi::Sigevent& event) {
  Cookie cookie;
  TRY(task.memory().Read(event.value, absl::MakeSpan(cookie)));
  Ref<vfs::File> file = TRY(task.fds().GetForIo(static_cast<Fd>(event.signo)));
  const auto* socket = file->As<socket::Socket>();
  if (socket == nullptr) return Errno::kENOTSOCK;
  if (socket->family() != abi::kAF_NETLINK) return Errno::kEINVAL;
  return RefPtr<mqueue::Notifier>(MakeRef<SocketNotifier>(std::move(file), cookie));
}

}  // namespace

Result<void> SysMqNotify(Task& task, Fd fd, UserIn<abi::Sigevent> notification) {
  abi::Sigevent event;
  RefPtr<mqueue::Notifier> notifier;
  if (!notification.is_null()) {
    event = TRY(notification.Read(task.memory()));
    switch (event.notify) {
      case abi::kSIGEV_NONE: break;
      case abi::kSIGEV_SIGNAL:
        if (event.signo < 0 || event.signo > abi::kNumSignals) return Errno::kEINVAL;
        break;
      case abi::kSIGEV_THREAD: notifier = TRY(NotifierFor(task, event)); break;
      default: return Errno::kEINVAL;
    }
  }
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  auto* queue_file = file->As<mqueue::QueueFile>();
  if (queue_file == nullptr) return Errno::kEBADF;
  if (notification.is_null()) {
    queue_file->queue().Unregister(task.tgid());
    return {};
  }
  return queue_file->queue().Register(task, event.notify, event.signo, event.value, std::move(notifier));
}

}  // namespace ringwall::syscalls
