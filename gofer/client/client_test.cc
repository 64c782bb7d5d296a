// A gofer that lies: every reply that cannot be true ends the connection with EIO, and nothing of it is believed.
#include "gofer/client/client.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <thread>

#include "host/calls/socket_fds.h"

namespace ringwall::gofer {
namespace {

struct Answer {
  std::string body;
  std::vector<int> fds;          // borrowed
  std::optional<uint16_t> type;  // default: the request's reply type
  uint64_t id_offset = 0;
  bool hang_up = false;
};

Attributes Directory() {
  Attributes a;
  a.mode = kTypeDirectory | 0755;
  a.blksize = 4096;
  return a;
}
Attributes Regular() {
  Attributes a = Directory();
  a.mode = kTypeRegular | 0644;
  return a;
}

template <typename T>
std::string Body(const T& v) {
  Writer w;
  Put(w, v);
  return std::string(w.data(), w.size());
}

// Greets and attaches honestly, then answers with what the test says.
class LyingGofer {
 public:
  explicit LyingGofer(std::function<Answer(MessageType)> lie) : lie_(std::move(lie)) {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) abort();
    server_ = UniqueFd(fds[1]);
    thread_ = std::thread([this] { Serve(); });
    client_ = GoferClient::Connect(UniqueFd(fds[0])).value();
    root_ = client_->Attach(0)->node;
  }
  ~LyingGofer() {
    root_.reset();
    client_.reset();
    thread_.join();
  }
  GoferClient& client() { return *client_; }
  GoferNode& root() { return *root_; }

 private:
  void Serve() {
    std::string buffer(kMaxMessage, '\0');
    for (;;) {
      const ssize_t n = recv(server_.get(), buffer.data(), buffer.size(), 0);
      if (n < static_cast<ssize_t>(sizeof(MessageHeader))) return;
      MessageHeader header;
      memcpy(&header, buffer.data(), sizeof header);
      Answer answer;
      if (header.type == static_cast<uint16_t>(MessageType::kHello)) {
        answer.body = Body(HelloReply{});
      } else if (header.type == static_cast<uint16_t>(MessageType::kAttach)) {
        answer.body = Body(NodeReply{{1}, Directory()});
      } else {
        answer = lie_(static_cast<MessageType>(header.type));
      }
      if (answer.hang_up) {
        shutdown(server_.get(), SHUT_RDWR);
        return;
      }
      header.length = static_cast<uint32_t>(sizeof header + answer.body.size());
      header.type = answer.type.value_or(header.type | kReplyBit);
      header.forget_count = 0;
      header.id += answer.id_offset;
      std::string out(reinterpret_cast<const char*>(&header), sizeof header);
      out += answer.body;
      (void)host::SendWithFds(server_.get(), std::as_bytes(std::span<const char>(out)), answer.fds);
    }
  }
  std::function<Answer(MessageType)> lie_;
  UniqueFd server_;
  std::thread thread_;
  RefPtr<GoferClient> client_;
  RefPtr<GoferNode> root_;
};

// The call gets EIO and so does every later one.
void ExpectDead(std::function<Answer(MessageType)> lie, const std::function<Errno(GoferClient&, GoferNode&)>& call) {
  LyingGofer gofer(std::move(lie));
  EXPECT_EQ(call(gofer.client(), gofer.root()), Errno::kEIO);
  EXPECT_TRUE(gofer.client().dead());
  EXPECT_EQ(gofer.client().GetAttr(gofer.root()).error(), Errno::kEIO);
}

Errno CallGetAttr(GoferClient& c, GoferNode& n) {
  auto r = c.GetAttr(n);
  return r.ok() ? Errno{} : r.error();
}
Errno CallWalk(GoferClient& c, GoferNode& n) {
  const std::string_view names[] = {"a", "b"};
  auto r = c.Walk(n, names, WalkFlag::kOpenRead);
  return r.ok() ? Errno{} : r.error();
}

TEST(LyingGoferTest, HonestErrorsArePassedOnAndDoNotKill) {
  LyingGofer gofer([](MessageType) { return Answer{Body(ErrorReply{13}), {}, kErrorReply}; });
  EXPECT_EQ(gofer.client().GetAttr(gofer.root()).error(), Errno::kEACCES);
  EXPECT_FALSE(gofer.client().dead());
}

TEST(LyingGoferTest, BrokenRepliesKillTheConnection) {
  ExpectDead([](MessageType) { return Answer{.hang_up = true}; }, CallGetAttr);
  ExpectDead([](MessageType) { return Answer{"short"}; }, CallGetAttr);
  ExpectDead([](MessageType) { return Answer{Body(AttributesReply{Directory()}) + "x"}; }, CallGetAttr);
  ExpectDead([](MessageType) { return Answer{Body(ErrorReply{512}), {}, kErrorReply}; }, CallGetAttr);
  ExpectDead([](MessageType) { return Answer{Body(ErrorReply{0}), {}, kErrorReply}; }, CallGetAttr);
  ExpectDead([](MessageType) { return Answer{"", {}, ReplyType(MessageType::kFsync)}; }, CallGetAttr);
  ExpectDead([](MessageType) { return Answer{Body(AttributesReply{Directory()}), {}, {}, 7}; }, CallGetAttr);
  ExpectDead([](MessageType) { return Answer{Body(AttributesReply{Directory()}), {0}}; }, CallGetAttr);
  ExpectDead([](MessageType) { return Answer{Body(AttributesReply{Regular()})}; }, CallGetAttr);  // a directory became a file
}

TEST(LyingGoferTest, WalksThatCannotBeKillTheConnection) {
  auto reply = [](std::vector<Attributes> nodes, WalkStop stop) {
    return [nodes, stop](MessageType) {
      WalkReply walk;
      uint64_t id = 2;
      for (const Attributes& a : nodes) walk.nodes.items.push_back({{id++}, a});
      walk.stop = stop;
      return Answer{Body(walk)};
    };
  };
  ExpectDead(reply({Directory(), Directory(), Directory()}, WalkStop::kDone), CallWalk);
  ExpectDead(reply({Directory()}, WalkStop::kDone), CallWalk);
  ExpectDead(reply({Regular(), Regular()}, WalkStop::kDone), CallWalk);
  ExpectDead(reply({Directory()}, WalkStop::kSymlink), CallWalk);
  ExpectDead(reply({Directory(), Directory()}, WalkStop::kMissing), CallWalk);
  LyingGofer honest(reply({Directory()}, WalkStop::kMissing));
  EXPECT_EQ(CallWalk(honest.client(), honest.root()), Errno{});
}

TEST(LyingGoferTest, DonatedDescriptorsMustBeWhatWasAskedFor) {
  const UniqueFd directory(open("/", O_RDONLY | O_CLOEXEC));
  char name[] = "/tmp/lying_gofer.XXXXXX";
  const UniqueFd writable(mkstemp(name));
  const UniqueFd readable(open(name, O_RDONLY | O_CLOEXEC));
  unlink(name);
  auto create = [](GoferClient& c, GoferNode& n) {
    auto r = c.Create(n, "f", {}, OpenFlag::kRead);
    return r.ok() ? Errno{} : r.error();
  };
  auto donate = [](std::vector<int> fds) {
    return [fds](MessageType) { return Answer{Body(NewNodeReply{{{2}, Regular()}, Directory()}), fds}; };
  };
  ExpectDead(donate({}), create);
  ExpectDead(donate({directory.get()}), create);
  ExpectDead(donate({writable.get()}), create);
  ExpectDead(donate({readable.get(), readable.get()}), create);
  LyingGofer honest(donate({readable.get()}));
  EXPECT_EQ(create(honest.client(), honest.root()), Errno{});
}

TEST(LyingGoferTest, DirectoryEntriesAreCheckedNames) {
  for (std::string_view name : {"..", ".", "a/b", ""}) {
    ExpectDead(
        [name](MessageType) {
          ReadDirReply reply;
          reply.entries.items.push_back({1, 1, EntryType::kRegular, Name{{name}}});
          return Answer{Body(reply)};
        },
        [](GoferClient& c, GoferNode& n) {
          auto r = c.ReadDir(n, 0);
          return r.ok() ? Errno{} : r.error();
        });
  }
}

TEST(LyingGoferTest, LooksThatCannotBeKillTheConnection) {
  constexpr auto kAll = LookFlag::kReadLink | LookFlag::kList | LookFlag::kContents | LookFlag::kDescend;
  auto call = [](Mask<LookFlag> flags) {
    return [flags](GoferClient& c, GoferNode& n) {
      const std::string_view names[] = {"a", "b"};
      auto r = c.Look(n, names, flags);
      return r.ok() ? Errno{} : r.error();
    };
  };
  auto result = [](std::string_view name, const Attributes& attributes, uint32_t parent = 0) {
    LookResult r;
    r.parent = parent;
    r.name = Name{{name}};
    r.node.items.push_back({{5}, attributes});
    return r;
  };
  auto reply = [](std::vector<LookResult> results) {
    LookReply look;
    for (LookResult& r : results) look.results.items.push_back(r);
    return [body = Body(look)](MessageType) { return Answer{body}; };
  };
  LookResult listed = result("a", Directory());
  listed.listed = true;
  listed.entries.items.push_back({1, 1, EntryType::kDirectory, Name{{"x"}}});
  LookResult whole = result("a", Regular());
  whole.has_contents = true;
  ExpectDead(reply({}), call(kAll));
  ExpectDead(reply({result("b", Regular())}), call(kAll));
  ExpectDead(reply({result("a", Regular()), result("b", Regular()), result("c", Regular())}), call(kAll));
  ExpectDead(reply({result("a", Directory()), result("x", Regular(), 1)}), call(kAll));
  ExpectDead(reply({listed, result("x", Regular(), 2)}), call(kAll));
  ExpectDead(reply({listed, result("x", Regular(), 1), result("c", Regular())}), call(kAll));
  ExpectDead(reply({result("a", Regular(), 1)}), call(kAll));
  ExpectDead(reply({listed, result("x", Regular(), 1)}), call(LookFlag::kList));
  ExpectDead(reply({listed}), call(LookFlag::kContents));
  ExpectDead(reply({whole}), call(LookFlag::kList));
  LookResult lie = whole;
  lie.contents.data = "more than the size says";
  ExpectDead(reply({lie}), call(kAll));
  lie = result("a", Regular());
  lie.target.data = "t";
  ExpectDead(reply({lie}), call(kAll));
  lie = result("a", Regular());
  lie.error = 2;
  ExpectDead(reply({lie}), call(kAll));
  lie.node.items.clear();
  lie.error = 0;
  ExpectDead(reply({lie}), call(kAll));
  lie = result("a", Regular());
  lie.opened = true;
  ExpectDead(reply({lie}), call(kAll));
  ExpectDead(reply({lie}), call(kAll | LookFlag::kOpen));  // without a descriptor
  LyingGofer honest(reply({listed, result("x", Directory(), 1), result("b", Regular())}));
  EXPECT_EQ(call(kAll)(honest.client(), honest.root()), Errno{});
}

TEST(LyingGoferTest, AHangUpFailsEveryThreadThatWaits) {
  std::atomic<int> asked{0};
  LyingGofer gofer([&](MessageType) {
    while (asked < 4) std::this_thread::yield();
    return Answer{.hang_up = true};
  });
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int i = 0; i < 4; i++) {
    threads.emplace_back([&] {
      asked++;
      failed += gofer.client().GetAttr(gofer.root()) == Errno::kEIO;
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(failed, 4);
}

}  // namespace
}  // namespace ringwall::gofer
