// Control requests: one packet out, one (or a text's several) back. The sentry is not trusted: every length and type is checked.
#include "runsc-cli/container/control_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "runsc-cli/oci/text.h"

namespace ringwall::container {
namespace {

using control::MessageHeader;
using control::MessageType;

sockaddr_un SocketAddress(int dir) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/control.sock", dir);
  return address;
}

}  // namespace

bool SendControl(int fd, MessageType type, uint32_t sequence, const void* body, size_t body_size) {
  uint8_t packet[256];
  MessageHeader header{.type = static_cast<uint16_t>(type), .sequence = sequence};
  header.length = static_cast<uint32_t>(sizeof header + body_size);
  if (header.length > sizeof packet) return false;
  std::memcpy(packet, &header, sizeof header);
  if (body_size != 0) std::memcpy(packet + sizeof header, body, body_size);
  ssize_t sent;
  do {
    sent = ::send(fd, packet, header.length, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

absl::StatusOr<UniqueFd> ListenControl(int dir) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return HostSentence(errno, "control socket");
  const sockaddr_un address = SocketAddress(dir);
  const mode_t old_mask = ::umask(0177);
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(old_mask);
  if (bound != 0) return HostSentence(error, "control socket");
  if (::listen(fd.get(), 16) != 0) return HostSentence(errno, "control socket");
  return fd;
}

absl::StatusOr<ControlClient> ControlClient::Connect(int dir, const std::string& id) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return HostSentence(errno, Cat("container ", id, ": control socket"));
  const timeval patience{.tv_sec = 20, .tv_usec = 0};  // a hung sentry must not hang the operator
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const sockaddr_un address = SocketAddress(dir);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return absl::UnavailableError(Cat("container ", id, ": the sandbox does not answer: ", std::strerror(errno)));
  }
  return ControlClient(std::move(fd), id);
}

absl::Status ControlClient::Lost() const {
  if (errno == EAGAIN) return absl::UnavailableError(Cat("container ", id_, ": the sandbox did not answer within 20 seconds"));
  return absl::UnavailableError(Cat("container ", id_, ": the sandbox closed the connection"));
}

absl::Status ControlClient::Exchange(MessageType type, const void* body, size_t body_size, MessageType reply, void* reply_body,
                                     size_t reply_size) {
  const uint32_t sequence = ++sequence_;
  if (!SendControl(fd_.get(), type, sequence, body, body_size)) return Lost();
  uint8_t packet[256];
  ssize_t got;
  do {
    got = ::recv(fd_.get(), packet, sizeof packet, 0);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) {
    if (got == 0) errno = 0;
    return Lost();
  }
  MessageHeader header;
  const size_t size = static_cast<size_t>(got);
  if (size < sizeof header) return absl::InternalError(Cat("container ", id_, ": the sandbox sent a broken reply"));
  std::memcpy(&header, packet, sizeof header);
  if (header.magic != control::kMagic || header.version != control::kVersion) {
    return absl::InternalError(Cat("container ", id_, ": its sandbox was started by another version of ringwall"));
  }
  if (header.length != size || header.sequence != sequence)
    return absl::InternalError(Cat("container ", id_, ": the sandbox sent a broken reply"));
  const auto answered = static_cast<MessageType>(header.type);
  if (answered == MessageType::kResult && size == sizeof header + sizeof(control::ResultBody)) {
    control::ResultBody result;
    std::memcpy(&result, packet + sizeof header, sizeof result);
    if (result.error != 0)
      return absl::Status(absl::ErrnoToStatusCode(result.error), Cat("container ", id_, ": ", std::strerror(result.error)));
    if (reply == MessageType::kResult) return {};
  }
  if (answered != reply || size != sizeof header + reply_size)
    return absl::InternalError(Cat("container ", id_, ": the sandbox sent a broken reply"));
  std::memcpy(reply_body, packet + sizeof header, reply_size);
  return {};
}

absl::Status ControlClient::Command(MessageType type, const void* body, size_t body_size) {
  control::ResultBody result;
  return Exchange(type, body, body_size, MessageType::kResult, &result, sizeof result);
}

absl::Status ControlClient::Start() { return Command(MessageType::kStart, nullptr, 0); }

absl::Status ControlClient::Signal(int signo, control::SignalScope scope) {
  const control::SignalBody body{.signo = signo, .scope = scope};
  return Command(MessageType::kSignal, &body, sizeof body);
}

absl::StatusOr<control::StateBody> ControlClient::State() {
  control::StateBody state;
  RETURN_IF_ERROR(Exchange(MessageType::kState, nullptr, 0, MessageType::kStateReply, &state, sizeof state));
  return state;
}

absl::StatusOr<std::string> ControlClient::Text(MessageType type) {
  const uint32_t sequence = ++sequence_;
  if (!SendControl(fd_.get(), type, sequence, nullptr, 0)) return Lost();
  std::string text;
  std::vector<uint8_t> packet(control::kMaxPacket);
  for (;;) {
    const ssize_t got = ::recv(fd_.get(), packet.data(), packet.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      if (got == 0) errno = 0;
      return Lost();
    }
    MessageHeader header;
    control::TextBody body;
    const size_t size = static_cast<size_t>(got);
    if (size < sizeof header + sizeof body) return absl::InternalError(Cat("container ", id_, ": the sandbox sent a broken reply"));
    std::memcpy(&header, packet.data(), sizeof header);
    std::memcpy(&body, packet.data() + sizeof header, sizeof body);
    if (header.magic != control::kMagic || header.type != static_cast<uint16_t>(MessageType::kTextReply) || header.sequence != sequence ||
        body.size != size - sizeof header - sizeof body) {
      return absl::InternalError(Cat("container ", id_, ": the sandbox sent a broken reply"));
    }
    text.append(reinterpret_cast<const char*>(packet.data() + sizeof header + sizeof body), body.size);
    if (body.more == 0 || text.size() > control::kMaxTextTotal) return text;
  }
}

absl::StatusOr<std::string> ControlClient::Unimplemented() { return Text(MessageType::kUnimplemented); }
absl::StatusOr<std::string> ControlClient::Tasks() { return Text(MessageType::kTasks); }

}  // namespace ringwall::container
