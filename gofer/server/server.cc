// The gofer's life: raise limits, open what must be open, confine, serve, end with the client.
#include "gofer/server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>

#include "base/log/log.h"
#include "gofer/server/filter.h"
#include "gofer/server/service.h"
#include "host/calls/socket_fds.h"

namespace ringwall::gofer {

namespace {

// Descriptors that are not nodes: socket, log, mount roots, listings, one being donated.
constexpr uint32_t kSpareFds = 64;

// How many nodes RLIMIT_NOFILE leaves, after raising it as far as we may.
uint32_t RaiseNodeLimit(uint32_t wanted, size_t mounts) {
  const rlim_t spare = kSpareFds + mounts;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 256;
  const rlim_t need = rlim_t{wanted} + spare;
  if (limit.rlim_cur < need) {
    rlimit raised{need, std::max(limit.rlim_max, need)};
    if (setrlimit(RLIMIT_NOFILE, &raised) != 0) {  // without CAP_SYS_RESOURCE only up to the hard limit
      raised = {std::min(limit.rlim_max, need), limit.rlim_max};
      (void)setrlimit(RLIMIT_NOFILE, &raised);
    }
    (void)getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= need) return wanted;
  return limit.rlim_cur > 2 * spare ? static_cast<uint32_t>(limit.rlim_cur - spare) : kSpareFds;
}

Result<size_t> Send(int socket, const Writer& reply, std::span<const int> fds) {
  return host::SendWithFds(socket, std::as_bytes(std::span<const char>(reply.data(), reply.size())), fds);
}

// False: the connection is over; *clean says whether the client simply left.
bool ServeOne(int socket, Service& service, std::span<char> buffer, bool* clean) {
  auto received = host::RecvWithFds(socket, std::as_writable_bytes(buffer));
  if (!received.ok()) {
    *clean = received.error() == Errno::kECONNRESET;
    if (!*clean) LOG(kError) << "receiving a request failed: " << ErrnoName(received.error());
    return false;
  }
  if (received->bytes == 0) {
    *clean = true;
    return false;
  }
  Writer reply;
  UniqueFd donated;
  // Requests never carry descriptors.
  if (!received->fds.empty() || !service.Handle(std::string_view(buffer.data(), received->bytes), reply, donated)) {
    LOG(kError) << "the client broke the protocol; ending the connection";
    return false;
  }
  MessageHeader header;
  memcpy(&header, buffer.data(), sizeof header);
  LOG(kTrace) << MessageTypeName(header.type) << " -> " << reply.size() << " bytes" << (donated.valid() ? " and a descriptor" : "");
  std::array<int, kMaxLookFiles> fds;
  size_t count = 0;
  if (donated.valid()) fds[count++] = donated.get();
  for (const UniqueFd& fd : service.donated_list()) fds[count++] = fd.get();
  auto sent = Send(socket, reply, std::span<const int>(fds.data(), count));
  if (!sent.ok() && sent.error() == Errno::kETOOMANYREFS) {
    // Too many descriptors of this user are in flight (unix(7)): the request fails, the connection lives.
    Service::MakeError(Errno::kENFILE, header.id, reply);
    sent = Send(socket, reply, {});
  }
  if (!sent.ok()) {
    *clean = sent.error() == Errno::kEPIPE || sent.error() == Errno::kECONNRESET;
    if (!*clean) LOG(kError) << "sending a reply failed: " << ErrnoName(sent.error());
    return false;
  }
  if (service.failed()) {
    LOG(kError) << "the client speaks another protocol version; ending the connection";
    return false;
  }
  return true;
}

}  // namespace

Result<UniqueFd> OpenProcSelfFd() {
  // A mount of its own that is attached nowhere, for the pid namespace we live in: even a taken-over gofer finds neither other
  // processes of the host nor sysctls behind it. Needs CAP_SYS_ADMIN over that namespace, so it is an attempt.
  UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC)));
  if (context.valid() && syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, "subset", "pid", 0) == 0 &&
      syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0) {
    UniqueFd mount(static_cast<int>(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)));
    if (mount.valid()) {
      UniqueFd fd(openat(mount.get(), "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (fd.valid()) return fd;
    }
  }
  UniqueFd fd(open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return LastError();
  return fd;
}

int RunServer(ServerOptions options) {
  if (!options.proc_self_fd.valid()) {
    auto fd = OpenProcSelfFd();
    if (!fd.ok()) {
      LOG(kError) << "cannot open /proc/self/fd: " << ErrnoName(fd.error());
      return 1;
    }
    options.proc_self_fd = std::move(fd).value();
  }
  options.max_nodes = RaiseNodeLimit(options.max_nodes, options.mounts.size());
  // Room for one biggest message in each direction, whatever net.core.wmem_default says.
  const int buffer_size = 2 * kMaxMessage;
  (void)setsockopt(options.socket.get(), SOL_SOCKET, SO_SNDBUF, &buffer_size, sizeof buffer_size);

  const UniqueFd socket = std::move(options.socket);
  const bool confine = options.confine;
  const ConfinementOptions confinement{socket.get(), options.proc_self_fd.get(), options.allow_connect};
  Service service(std::move(options));
  if (auto prepared = service.PrepareThread(); !prepared.ok()) {
    LOG(kError) << "cannot enter /proc/self/fd: " << ErrnoName(prepared.error());
    return 1;
  }
  if (confine) {
    if (auto confined = EnterConfinement(confinement); !confined.ok()) {
      LOG(kError) << "cannot confine the gofer: " << ErrnoName(confined.error());
      return 1;
    }
  }
  const std::unique_ptr<char[]> buffer(new char[kMaxMessage]);
  bool clean = false;
  while (ServeOne(socket.get(), service, std::span<char>(buffer.get(), kMaxMessage), &clean)) {
  }
  return clean ? 0 : 1;
}

void RunGofer(ServerOptions options) { _exit(RunServer(std::move(options))); }

}  // namespace ringwall::gofer
