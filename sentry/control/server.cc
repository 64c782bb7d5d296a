// Control server: accepts, checks who asks, takes one packet at a time and calls the target.
#include "sentry/control/server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log/log.h"

namespace ringwall::control {
namespace {

template <typename Body>
bool Send(int fd, MessageType type, uint32_t sequence, const Body& body) {
  struct {
    MessageHeader header;
    Body body;
  } packet;
  packet.header = {.type = static_cast<uint16_t>(type), .length = sizeof(MessageHeader) + sizeof(Body), .sequence = sequence};
  packet.body = body;
  // A peer that does not read loses its connection; the server never waits for it.
  return ::send(fd, &packet, sizeof(MessageHeader) + sizeof(Body), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

bool SendResult(int fd, uint32_t sequence, const Result<void>& result) {
  return Send(fd, MessageType::kResult, sequence, ResultBody{.error = result.ok() ? 0 : static_cast<int32_t>(result.error())});
}

}  // namespace

Server::Server(ServerOptions options, ControlTarget& target, UniqueFd wake)
    : options_(std::move(options)), target_(target), wake_(std::move(wake)) {
  connections_.reserve(kMaxConnections + 1);
  if (options_.owner.valid()) connections_.push_back(Connection{.fd = std::move(options_.owner), .owner = true});
}

Result<std::unique_ptr<Server>> Server::Create(ServerOptions options, ControlTarget& target) {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return ErrnoFromHost(errno);
  if (options.listener.valid()) {
    const int flags = ::fcntl(options.listener.get(), F_GETFL);
    if (flags < 0 || ::fcntl(options.listener.get(), F_SETFL, flags | O_NONBLOCK) < 0) return ErrnoFromHost(errno);
  }
  std::unique_ptr<Server> server(new Server(std::move(options), target, std::move(wake)));
  server->thread_ = std::thread([raw = server.get()] { raw->Loop(); });
  return server;
}

Server::~Server() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
  }
  Wake();
  if (thread_.joinable()) thread_.join();
}

void Server::Wake() {
  const uint64_t one = 1;
  // The counter can only be full when a wake-up is already pending.
  (void)!::write(wake_.get(), &one, sizeof one);
}

void Server::ContainerExited(ExitBody status) {
  {
    MutexLock lock(mutex_);
    if (exit_.has_value()) return;
    exit_ = status;
  }
  Wake();
}

void Server::Flush() {
  for (int round = 0; round < 2000; ++round) {
    {
      MutexLock lock(mutex_);
      if (told_ || !exit_.has_value()) return;
    }
    ::poll(nullptr, 0, 1);
  }
}

void Server::Loop() {
  std::vector<pollfd> polls;
  for (;;) {
    std::optional<ExitBody> exited;
    bool stop = false;
    {
      MutexLock lock(mutex_);
      exited = exit_;
      stop = stop_;
    }
    if (exited.has_value()) {
      for (size_t i = 0; i < connections_.size();) {
        Connection& connection = connections_[i];
        if (connection.waits && !TellExit(connection, *exited) && !connection.owner) {
          connections_.erase(connections_.begin() + static_cast<ptrdiff_t>(i));
        } else {
          ++i;
        }
      }
      MutexLock lock(mutex_);
      told_ = true;
    }
    if (stop) return;

    polls.clear();
    polls.push_back({.fd = wake_.get(), .events = POLLIN, .revents = 0});
    const bool full = connections_.size() > kMaxConnections;
    polls.push_back({.fd = full ? -1 : options_.listener.get(), .events = POLLIN, .revents = 0});
    for (const Connection& connection : connections_) polls.push_back({.fd = connection.fd.get(), .events = POLLIN, .revents = 0});
    if (::poll(polls.data(), polls.size(), -1) < 0) {
      if (errno == EINTR) continue;
      LOG(kError) << "control server: poll failed with errno " << errno;
      return;
    }
    if (polls[0].revents != 0) {
      uint64_t count = 0;
      (void)!::read(wake_.get(), &count, sizeof count);
    }
    // Backwards, so that erasing does not shift what is still to be looked at.
    for (size_t i = connections_.size(); i-- > 0;) {
      if (polls[i + 2].revents == 0) continue;
      if (Serve(connections_[i])) continue;
      const bool owner = connections_[i].owner;
      connections_.erase(connections_.begin() + static_cast<ptrdiff_t>(i));
      if (owner) {
        if (!options_.owner_gone) ::_exit(137);
        options_.owner_gone();
      }
    }
    if (polls[1].revents != 0) Accept();
  }
}

void Server::Accept() {
  UniqueFd peer(::accept4(options_.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!peer.valid()) return;  // the peer went away, or no descriptors: it will try again
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return;
  const auto& allowed = options_.allowed_uids;
  if (std::find(allowed.begin(), allowed.end(), credentials.uid) == allowed.end()) {
    LOG(kWarning) << "control server: refused a peer with user id " << credentials.uid;
    return;
  }
  connections_.push_back(Connection{.fd = std::move(peer)});
}

bool Server::Serve(Connection& connection) {
  const ssize_t got = ::recv(connection.fd.get(), packet_.data(), packet_.size(), MSG_DONTWAIT | MSG_TRUNC);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  const size_t size = static_cast<size_t>(got);
  MessageHeader header;
  if (size < sizeof header || size > packet_.size()) return false;
  std::memcpy(&header, packet_.data(), sizeof header);
  if (header.magic != kMagic || header.length != size) return false;
  if (header.version != kVersion) return SendResult(connection.fd.get(), header.sequence, Errno::kEPROTONOSUPPORT);
  return Handle(connection, header, packet_.data() + sizeof header, size - sizeof header);
}

bool Server::Handle(Connection& connection, const MessageHeader& header, const uint8_t* body, size_t body_size) {
  const int fd = connection.fd.get();
  const uint32_t sequence = header.sequence;
  const auto type = static_cast<MessageType>(header.type);
  size_t wanted = 0;
  if (type == MessageType::kSignal) wanted = sizeof(SignalBody);
  if (type == MessageType::kResize) wanted = sizeof(ResizeBody);
  if (body_size != wanted) return SendResult(fd, sequence, Errno::kEINVAL);

  switch (type) {
    case MessageType::kStart: return SendResult(fd, sequence, target_.Start());
    case MessageType::kSignal: {
      SignalBody signal;
      std::memcpy(&signal, body, sizeof signal);
      if (signal.signo < 1 || signal.signo > 64) return SendResult(fd, sequence, Errno::kEINVAL);
      if (signal.scope != SignalScope::kInit && signal.scope != SignalScope::kAll) return SendResult(fd, sequence, Errno::kEINVAL);
      return SendResult(fd, sequence, target_.Signal(signal.signo, signal.scope));
    }
    case MessageType::kState: return Send(fd, MessageType::kStateReply, sequence, target_.State());
    case MessageType::kWaitExit: {
      connection.waits = true;
      connection.wait_sequence = sequence;
      std::optional<ExitBody> exited;
      {
        MutexLock lock(mutex_);
        exited = exit_;
      }
      return !exited.has_value() || TellExit(connection, *exited);
    }
    case MessageType::kResize: {
      ResizeBody size;
      std::memcpy(&size, body, sizeof size);
      return SendResult(fd, sequence, target_.Resize(size.rows, size.columns));
    }
    case MessageType::kUnimplemented: return SendText(connection, sequence, target_.UnimplementedReport());
    case MessageType::kTasks: return SendText(connection, sequence, target_.TaskDump());
    case MessageType::kShutdown: {
      const bool sent = SendResult(fd, sequence, {});
      target_.Shutdown();
      return sent;
    }
    default: return SendResult(fd, sequence, Errno::kENOSYS);
  }
}

bool Server::TellExit(Connection& connection, const ExitBody& status) {
  connection.waits = false;
  return Send(connection.fd.get(), MessageType::kExitReply, connection.wait_sequence, status);
}

bool Server::SendText(Connection& connection, uint32_t sequence, const std::string& text) {
  size_t done = 0;
  std::vector<uint8_t> packet;
  do {
    const size_t chunk = std::min<size_t>(kMaxTextChunk, text.size() - done);
    const TextBody body{.size = static_cast<uint32_t>(chunk), .more = done + chunk < text.size() ? 1u : 0u};
    const MessageHeader header{.type = static_cast<uint16_t>(MessageType::kTextReply),
                               .length = static_cast<uint32_t>(sizeof(MessageHeader) + sizeof(TextBody) + chunk),
                               .sequence = sequence};
    packet.resize(header.length);
    std::memcpy(packet.data(), &header, sizeof header);
    std::memcpy(packet.data() + sizeof header, &body, sizeof body);
    std::memcpy(packet.data() + sizeof header + sizeof body, text.data() + done, chunk);
    // A long text outgrows the socket buffer: give a reader a second, not more (this thread also hears the stand-in).
    while (::send(connection.fd.get(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
      if (errno != EAGAIN && errno != EINTR) return false;
      pollfd writable{.fd = connection.fd.get(), .events = POLLOUT, .revents = 0};
      if (::poll(&writable, 1, 1000) <= 0) return false;
    }
    done += chunk;
  } while (done < text.size());
  return true;
}

}  // namespace ringwall::control
