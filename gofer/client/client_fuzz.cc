// Fuzz: a hostile gofer. The first byte picks a call; the rest is what the server answers, with the request's id and length filled in.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "base/log/log.h"
#include "gofer/client/client.h"

namespace ringwall::gofer {
namespace {

// Answers every request with the next slice of the input; closes when the input is used up.
class HostileServer {
 public:
  HostileServer(UniqueFd socket, const uint8_t* data, size_t size)
      : socket_(std::move(socket)), thread_([this, data, size] { Serve(data, size); }) {}
  ~HostileServer() { thread_.join(); }

 private:
  void Answer(const MessageHeader& request, uint16_t type, std::string_view body, bool with_fd) {
    const MessageHeader header{static_cast<uint32_t>(sizeof(MessageHeader) + body.size()), type, 0, request.id};
    std::string out(reinterpret_cast<const char*>(&header), sizeof header);
    out.append(body);
    iovec iov{out.data(), out.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &iov;
    message.msg_iovlen = 1;
    if (with_fd) {
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      cmsghdr* c = CMSG_FIRSTHDR(&message);
      c->cmsg_level = SOL_SOCKET;
      c->cmsg_type = SCM_RIGHTS;
      c->cmsg_len = CMSG_LEN(sizeof(int));
      const int fd = socket_.get();
      memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    (void)sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  }
  void Serve(const uint8_t* data, size_t size) {
    char buffer[kMaxMessage];
    for (size_t at = 0;;) {
      const ssize_t n = recv(socket_.get(), buffer, sizeof buffer, 0);
      if (n < static_cast<ssize_t>(sizeof(MessageHeader))) break;
      MessageHeader request;
      memcpy(&request, buffer, sizeof request);
      const uint16_t good = request.type | kReplyBit;
      if (request.type == static_cast<uint16_t>(MessageType::kHello)) {
        Writer w;
        Put(w, HelloReply{});
        Answer(request, good, {w.data(), w.size()}, false);
        continue;
      }
      if (request.type == static_cast<uint16_t>(MessageType::kAttach)) {
        Writer w;
        NodeReply root;
        root.node = {1};
        root.attributes.mode = kTypeDirectory | 0755;
        root.attributes.blksize = 4096;
        Put(w, root);
        Answer(request, good, {w.data(), w.size()}, false);
        continue;
      }
      if (at + 3 > size) break;
      const uint8_t kind = data[at];
      uint16_t length;
      memcpy(&length, data + at + 1, sizeof length);
      at += 3;
      const size_t body = length < size - at ? length : size - at;
      const uint16_t type = kind % 4 == 3 ? kErrorReply : kind % 4 == 2 ? static_cast<uint16_t>(kind | kReplyBit) : good;
      Answer(request, type, {reinterpret_cast<const char*>(data) + at, body}, (kind & 0x80) != 0);
      at += body;
    }
    shutdown(socket_.get(), SHUT_RDWR);
  }
  const UniqueFd socket_;
  std::thread thread_;
};

}  // namespace
}  // namespace ringwall::gofer

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringwall::gofer;
  using ringwall::UniqueFd;
  static const bool quiet = [] {
    std::string error;
    return ringwall::SetLogLevels("off", &error);
  }();
  (void)quiet;
  if (size < 1) return 0;
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) return 0;
  HostileServer server(UniqueFd(fds[1]), data + 1, size - 1);
  auto client = GoferClient::Connect(UniqueFd(fds[0]));
  if (!client.ok()) return 0;
  auto& c = **client;
  auto root = c.Attach(0);
  if (!root.ok()) return 0;
  GoferNode& node = *root->node.get();
  const std::string_view names[] = {"usr", "lib", "x"};
  for (int i = 0; i < 3; i++) {
    switch ((data[0] + i) % 13) {
      case 0: (void)c.Walk(node, names, WalkFlag::kReadLink | WalkFlag::kOpenRead); break;
      case 1: (void)c.GetAttr(node); break;
      case 2: (void)c.Open(node, OpenFlag::kRead); break;
      case 3: (void)c.Create(node, "f", {}, OpenFlag::kWrite); break;
      case 4: (void)c.Mkdir(node, "d", {}); break;
      case 5: (void)c.Link(node, node, "l"); break;
      case 6: (void)c.Rename(node, "a", node, "b"); break;
      case 7: (void)c.ReadLink(node); break;
      case 8: (void)c.ReadDir(node, 0); break;
      case 9: (void)c.ListXattr(node); break;
      case 10: (void)c.GetXattr(node, "user.a"); break;
      case 12:
        (void)c.Look(node, names,
                     LookFlag::kReadLink | LookFlag::kList | LookFlag::kContents | LookFlag::kDescend | LookFlag::kFiles | LookFlag::kOpen);
        break;
      case 11: (void)c.ConnectUnix(node, SocketKind::kStream); break;
    }
  }
  return 0;
}
