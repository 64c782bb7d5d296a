// The control server against good and hostile peers.
#include "sentry/control/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

namespace ringwall::control {
namespace {

class FakeTarget : public ControlTarget {
 public:
  Result<void> Start() override { return started++ == 0 ? Result<void>() : Errno::kEINVAL; }
  Result<void> Signal(int signo, SignalScope) override {
    last_signal = signo;
    return signo == 10 ? Result<void>(Errno::kESRCH) : Result<void>();
  }
  StateBody State() override { return {.status = ContainerStatus::kRunning, .exit = {}}; }
  Result<void> Resize(uint16_t, uint16_t) override { return Errno::kENOTTY; }
  std::string UnimplementedReport() override { return ""; }
  std::string TaskDump() override { return std::string(3 * kMaxTextChunk + 5, 'x'); }
  void Shutdown() override {}
  std::atomic<int> started = 0;
  std::atomic<int> last_signal = 0;
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    int fds[2];
    ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds);
    peer_.reset(fds[0]);
    ServerOptions options{.owner = UniqueFd(fds[1])};
    options.owner_gone = [this] { owner_gone_ = true; };
    server_ = std::move(Server::Create(std::move(options), target_)).value();
  }
  void Send(MessageType type, const std::string& body, uint32_t sequence = 7, uint32_t magic = kMagic, int extra = 0) {
    MessageHeader header{.magic = magic, .type = static_cast<uint16_t>(type), .sequence = sequence};
    header.length = static_cast<uint32_t>(sizeof header + body.size()) + static_cast<uint32_t>(extra);
    std::string packet(reinterpret_cast<const char*>(&header), sizeof header);
    packet += body;
    ASSERT_EQ(::send(peer_.get(), packet.data(), packet.size(), MSG_NOSIGNAL), static_cast<ssize_t>(packet.size()));
  }
  std::string Receive(MessageType* type) {
    std::string packet(kMaxPacket, 0);
    const ssize_t got = ::recv(peer_.get(), packet.data(), packet.size(), 0);
    if (got < static_cast<ssize_t>(sizeof(MessageHeader))) return "gone";
    MessageHeader header;
    std::memcpy(&header, packet.data(), sizeof header);
    EXPECT_EQ(header.sequence, 7u);
    *type = static_cast<MessageType>(header.type);
    return packet.substr(sizeof header, static_cast<size_t>(got) - sizeof header);
  }
  int ResultOf(MessageType type, const std::string& body) {
    Send(type, body);
    MessageType reply{};
    const std::string answer = Receive(&reply);
    if (reply != MessageType::kResult || answer.size() != sizeof(ResultBody)) return -1;
    ResultBody result;
    std::memcpy(&result, answer.data(), sizeof result);
    return result.error;
  }
  template <typename T>
  static std::string Bytes(const T& value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
  }

  FakeTarget target_;
  UniqueFd peer_;
  std::atomic<bool> owner_gone_ = false;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, PassesRequestsOnAndErrorsBack) {
  EXPECT_EQ(ResultOf(MessageType::kStart, ""), 0);
  EXPECT_EQ(ResultOf(MessageType::kStart, ""), 22);
  EXPECT_EQ(ResultOf(MessageType::kSignal, Bytes(SignalBody{.signo = 15})), 0);
  EXPECT_EQ(target_.last_signal, 15);
  EXPECT_EQ(ResultOf(MessageType::kSignal, Bytes(SignalBody{.signo = 10})), 3);
  EXPECT_EQ(ResultOf(MessageType::kResize, Bytes(ResizeBody{.rows = 1, .columns = 1})), 25);
}

TEST_F(ServerTest, RefusesWrongSizesSignalsAndTypes) {
  EXPECT_EQ(ResultOf(MessageType::kSignal, ""), 22);
  EXPECT_EQ(ResultOf(MessageType::kStart, "x"), 22);
  EXPECT_EQ(ResultOf(MessageType::kSignal, Bytes(SignalBody{.signo = 0})), 22);
  EXPECT_EQ(ResultOf(MessageType::kSignal, Bytes(SignalBody{.signo = 65})), 22);
  EXPECT_EQ(ResultOf(MessageType::kSignal, Bytes(SignalBody{.signo = 9, .scope = static_cast<SignalScope>(9)})), 22);
  EXPECT_EQ(ResultOf(static_cast<MessageType>(999), ""), 38);
  EXPECT_EQ(target_.last_signal, 0);
}

TEST_F(ServerTest, DropsAPeerThatLiesAboutLengthOrMagic) {
  Send(MessageType::kStart, "", 7, kMagic, 4);
  MessageType type{};
  EXPECT_EQ(Receive(&type), "gone");
  EXPECT_EQ(target_.started, 0);
  for (int i = 0; i < 1000 && !owner_gone_; ++i) ::usleep(1000);
  EXPECT_TRUE(owner_gone_);
}

TEST_F(ServerTest, TellsTheExitToWhoAskedBeforeAndAfter) {
  Send(MessageType::kWaitExit, "");
  server_->ContainerExited({.code = 5, .signal = 0});
  server_->Flush();
  MessageType type{};
  ExitBody status;
  std::string body = Receive(&type);
  ASSERT_EQ(body.size(), sizeof status);
  std::memcpy(&status, body.data(), sizeof status);
  EXPECT_EQ(type, MessageType::kExitReply);
  EXPECT_EQ(status.code, 5);
  Send(MessageType::kWaitExit, "");
  body = Receive(&type);
  EXPECT_EQ(type, MessageType::kExitReply);
}

TEST_F(ServerTest, LongTextsComeInPieces) {
  Send(MessageType::kTasks, "");
  size_t total = 0;
  for (int packets = 0; packets < 10; ++packets) {
    MessageType type{};
    const std::string body = Receive(&type);
    ASSERT_EQ(type, MessageType::kTextReply);
    TextBody text;
    std::memcpy(&text, body.data(), sizeof text);
    total += text.size;
    if (text.more == 0) break;
  }
  EXPECT_EQ(total, 3u * kMaxTextChunk + 5);
}

TEST_F(ServerTest, TheOwnersEndIsNoticed) {
  peer_.reset();
  for (int i = 0; i < 1000 && !owner_gone_; ++i) ::usleep(1000);
  EXPECT_TRUE(owner_gone_);
}

}  // namespace
}  // namespace ringwall::control
