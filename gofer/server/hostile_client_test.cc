// A client that breaks the rules: the server answers with an error or hangs up, and never does worse.
#include <gtest/gtest.h>

#include <random>

#include "gofer/server/service.h"
#include "gofer/server/test_world.h"

namespace ringwall::gofer {
namespace {

class RawClient {
 public:
  RawClient() : server_(TestOptions(tree_, std::move(sockets_.server))) {}
  ~RawClient() { sockets_.client.reset(); }
  bool SendBytes(std::string_view bytes) { return send(sockets_.client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0; }
  // Header (0 bytes: the server hung up) and body.
  std::pair<MessageHeader, std::string> Receive() {
    std::string buffer(kMaxMessage, '\0');
    const ssize_t n = recv(sockets_.client.get(), buffer.data(), buffer.size(), 0);
    MessageHeader header{};
    if (n < static_cast<ssize_t>(sizeof header)) return {header, ""};
    memcpy(&header, buffer.data(), sizeof header);
    return {header, buffer.substr(sizeof header, static_cast<size_t>(n) - sizeof header)};
  }
  static std::string Message(uint16_t type, std::string_view body, uint16_t forgets = 0) {
    MessageHeader header{static_cast<uint32_t>(sizeof(MessageHeader) + body.size()), type, forgets, 42};
    std::string out(reinterpret_cast<const char*>(&header), sizeof header);
    return out.append(body);
  }
  template <typename Request>
  std::pair<MessageHeader, std::string> Ask(const Request& request) {
    Writer w;
    Put(w, request);
    SendBytes(Message(static_cast<uint16_t>(Request::kType), {w.data(), w.size()}));
    return Receive();
  }
  template <typename Request>
  Errno AskForError(const Request& request) {
    auto [header, body] = Ask(request);
    ErrorReply error;
    if (header.type != kErrorReply || !Decode(body, error)) return Errno{};
    return static_cast<Errno>(error.error);
  }
  void Greet() { EXPECT_EQ(Ask(HelloRequest{}).first.type, ReplyType(MessageType::kHello)); }
  void ExpectHangUp() {
    EXPECT_EQ(Receive().first.length, 0u);
    EXPECT_EQ(server_.Join(), 1);
  }
  NodeId Root() {
    NodeReply root;
    EXPECT_TRUE(Decode(Ask(AttachRequest{}).second, root));
    return root.node;
  }
  TempTree tree_;
  Sockets sockets_;
  ServerThread server_;
};

TEST(HostileClient, ARequestBeforeTheGreetingEndsTheConnection) {
  RawClient c;
  c.SendBytes(RawClient::Message(static_cast<uint16_t>(MessageType::kAttach), std::string(4, '\0')));
  c.ExpectHangUp();
}

TEST(HostileClient, AnotherVersionIsToldSoAndThenLeft) {
  RawClient c;
  HelloRequest hello;
  hello.version = 99;
  EXPECT_EQ(c.AskForError(hello), Errno::kEPROTO);
  c.ExpectHangUp();
}

TEST(HostileClient, BadHeadersEndTheConnection) {
  for (const std::string& bytes : {std::string("x"), std::string(16, '\0'), RawClient::Message(200, ""), RawClient::Message(3, "", 9),
                                   RawClient::Message(3, "").append("tail"), RawClient::Message(0x8003, ""), std::string(100000, 'x')}) {
    RawClient c;
    c.Greet();
    c.SendBytes(bytes);
    c.ExpectHangUp();
  }
}

TEST(HostileClient, DescriptorsInARequestEndTheConnection) {
  RawClient c;
  c.Greet();
  std::string bytes = RawClient::Message(static_cast<uint16_t>(MessageType::kForget), "");
  iovec iov{bytes.data(), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = 0;
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ASSERT_GT(sendmsg(c.sockets_.client.get(), &message, 0), 0);
  c.ExpectHangUp();
}

TEST(HostileClient, NamesAreCheckedByTheServerToo) {
  RawClient c;
  c.Greet();
  const NodeId root = c.Root();
  for (std::string_view name : {"..", ".", "a/b", "/etc/passwd", ""}) {
    WalkRequest walk;
    walk.directory = root;
    walk.names.items.push_back(Name{{name}});
    EXPECT_NE(c.AskForError(walk), Errno{}) << name;
    MkdirRequest mkdir;
    mkdir.file.directory = root;
    mkdir.file.name = Name{{name}};
    EXPECT_NE(c.AskForError(mkdir), Errno{}) << name;
    RenameRequest rename;
    rename.old_directory = rename.new_directory = root;
    rename.old_name = Name{{"x"}};
    rename.new_name = Name{{name}};
    EXPECT_NE(c.AskForError(rename), Errno{}) << name;
  }
}

TEST(HostileClient, ForgottenAndInventedNodesAreEbadf) {
  RawClient c;
  c.Greet();
  const NodeId root = c.Root();
  for (uint64_t id : {uint64_t{0}, root.value + 1, root.value + (uint64_t{1} << 32), UINT64_MAX}) {
    EXPECT_EQ(c.AskForError(GetAttrRequest{{id}}), Errno::kEBADF);
  }
  std::string forget(reinterpret_cast<const char*>(&root.value), 8);
  c.SendBytes(RawClient::Message(static_cast<uint16_t>(MessageType::kForget), forget + forget, 2));
  c.Receive();
  EXPECT_EQ(c.AskForError(GetAttrRequest{root}), Errno::kEBADF);
  const NodeId again = c.Root();  // the slot is used again, under another id
  EXPECT_NE(again, root);
  EXPECT_EQ(c.AskForError(GetAttrRequest{root}), Errno::kEBADF);
}

TEST(HostileClient, RandomBodiesNeverStopTheServer) {
  RawClient c;
  c.tree_.Write("f", "x");
  c.Greet();
  (void)c.Root();
  std::mt19937 random(7);
  for (int i = 0; i < 20000; i++) {
    std::string body(random() % 120, '\0');
    for (char& byte : body) byte = static_cast<char>(random() % 6 == 0 ? random() : random() % 3 == 0 ? 1 : 0);
    const uint16_t type = static_cast<uint16_t>(2 + random() % 22);
    ASSERT_TRUE(c.SendBytes(RawClient::Message(type, body)));
    ASSERT_NE(c.Receive().first.length, 0u) << i;
  }
}

}  // namespace
}  // namespace ringwall::gofer
