// unix(7) sockets against a fake Context: transfers, shutdown and close, names, backlog, files in flight, accounting.
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/socket/unix/family.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::socket {
namespace {

using vfs::TestContext;

struct Unix : testing::Test {
  Unix() : tree(tmpfs::TmpFs::Create(ctx, {})), start(tree.start()) {
    static const bool registered = (RegisterFamily(abi::kAF_UNIX, MakeUnixFamily()), true);
    (void)registered;
  }
  Ref<Socket> New(int32_t type = abi::kSOCK_STREAM) { return socket::Create(ctx, abi::kAF_UNIX, type, 0).value(); }
  std::pair<Ref<Socket>, Ref<Socket>> Pair(int32_t type = abi::kSOCK_STREAM) { return CreatePair(ctx, abi::kAF_UNIX, type, 0).value(); }
  static Address At(std::string_view name) {
    std::string bytes(2, '\0');
    bytes[0] = abi::kAF_UNIX;
    bytes += name;
    return Address::From({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}).value();
  }
  Caller caller() { return {.start = &start, .umask = 022}; }
  Result<size_t> Send(Socket& socket, std::string_view text, SendRequest request = {}) {
    mm::KernelSource source({reinterpret_cast<const std::byte*>(text.data()), text.size()});
    request.caller = caller();
    block = {};
    return socket.SendMsg(ctx, source, request, block);
  }
  Result<std::string> Receive(Socket& socket, size_t room = 1000, uint32_t flags = 0) {
    std::string bytes(room, '?');
    mm::KernelSink sink({reinterpret_cast<std::byte*>(bytes.data()), room});
    result = {};
    const size_t n = TRY(socket.ReceiveMsg(ctx, sink, flags, result));
    bytes.resize(std::min(n, room));
    return bytes;
  }
  Result<void> Connect(Socket& socket, const Address& address) {
    block = {};
    return socket.Connect(ctx, address, caller(), block);
  }
  static uint32_t Poll(Socket& socket) { return socket.Readiness(abi::kPOLLIN | abi::kPOLLOUT | abi::kPOLLRDHUP); }

  TestContext ctx;
  vfs::TestTree tree;
  vfs::WalkStart start;
  ReceiveResult result;
  BlockOn block;
};

struct CountingWaiter : wait::Waiter {
  void OnEvent(wait::EventMask) override { ++count; }
  int count = 0;
};

TEST_F(Unix, FamiliesAndTypes) {
  EXPECT_EQ(socket::Create(ctx, abi::kAF_INET6 + 1, abi::kSOCK_STREAM, 0), Errno::kEAFNOSUPPORT);
  EXPECT_EQ(socket::Create(ctx, 200, abi::kSOCK_STREAM, 0), Errno::kEAFNOSUPPORT);
  EXPECT_EQ(socket::Create(ctx, abi::kAF_UNIX, 99, 0), Errno::kEINVAL);
  EXPECT_EQ(socket::Create(ctx, abi::kAF_UNIX, abi::kSOCK_RDM, 0), Errno::kESOCKTNOSUPPORT);
  EXPECT_EQ(socket::Create(ctx, abi::kAF_UNIX, abi::kSOCK_STREAM, 77), Errno::kEPROTONOSUPPORT);
  EXPECT_EQ(New(abi::kSOCK_STREAM | abi::kSOCK_NONBLOCK)->flags(), abi::kO_RDWR | abi::kO_NONBLOCK);
}

TEST_F(Unix, StreamBytesPeekAndPartialReads) {
  auto [one, two] = Pair();
  EXPECT_EQ(Send(one, "abc").value(), 3u);
  EXPECT_EQ(Send(one, "def").value(), 3u);
  EXPECT_EQ(Receive(two, 4, abi::kMSG_PEEK).value(), "abcd");
  EXPECT_EQ(Receive(two, 4).value(), "abcd");
  EXPECT_EQ(Receive(two).value(), "ef");
  EXPECT_EQ(Receive(two), Errno::kEAGAIN);
}

TEST_F(Unix, StreamFillsAndDrains) {
  auto [one, two] = Pair();
  const std::string block_of_bytes(4096, 'x');
  size_t sent = 0;
  for (;;) {
    const Result<size_t> n = Send(one, block_of_bytes);
    if (!n.ok()) {
      EXPECT_EQ(n, Errno::kEAGAIN);
      break;
    }
    sent += *n;
  }
  EXPECT_GT(sent, 100'000u);
  EXPECT_EQ(Poll(one), 0u);
  CountingWaiter waiter;
  one->AddWaiter(waiter, abi::kPOLLOUT);
  size_t read = 0;
  while (read < sent) read += Receive(two, 10'000).value().size();
  one->RemoveWaiter(waiter);
  EXPECT_GT(waiter.count, 0);
  EXPECT_EQ(Poll(one), abi::kPOLLOUT);
}

TEST_F(Unix, CloseAndShutdown) {
  auto [one, two] = Pair();
  ASSERT_TRUE(two->Shutdown(ctx, abi::kSHUT_WR).ok());
  EXPECT_EQ(Poll(one), abi::kPOLLIN | abi::kPOLLOUT | abi::kPOLLRDHUP);
  EXPECT_EQ(Receive(one).value(), "");
  EXPECT_EQ(Send(two, "x"), Errno::kEPIPE);
  EXPECT_EQ(Send(one, "unread").value(), 6u);
  { const Ref<Socket> gone = std::move(two); }
  EXPECT_EQ(Poll(one) & abi::kPOLLHUP, abi::kPOLLHUP);
  EXPECT_EQ(Send(one, "x"), Errno::kEPIPE);
  EXPECT_EQ(Receive(one), Errno::kECONNRESET);
  EXPECT_EQ(Receive(one).value(), "");
}

TEST_F(Unix, DatagramsKeepBoundaries) {
  auto [one, two] = Pair(abi::kSOCK_DGRAM);
  EXPECT_EQ(Send(one, "abcdef").value(), 6u);
  EXPECT_EQ(Send(one, "").value(), 0u);
  EXPECT_EQ(Receive(two, 3, abi::kMSG_PEEK).value(), "abc");
  EXPECT_EQ(Receive(two, 3).value(), "abc");
  EXPECT_EQ(result.flags & abi::kMSG_TRUNC, abi::kMSG_TRUNC);
  EXPECT_EQ(Receive(two).value(), "");
  EXPECT_EQ(Receive(two), Errno::kEAGAIN);
  EXPECT_EQ(Send(one, std::string(8'000'000, 'x')), Errno::kEMSGSIZE);
  { const Ref<Socket> gone = std::move(two); }
  EXPECT_EQ(Send(one, "x"), Errno::kECONNREFUSED);
  EXPECT_EQ(Send(one, "x"), Errno::kENOTCONN);
}

TEST_F(Unix, FullDatagramReceiverBlocksOthersUntilItReads) {
  const Ref<Socket> server = New(abi::kSOCK_DGRAM), client = New(abi::kSOCK_DGRAM);
  ASSERT_TRUE(server->Bind(ctx, At("/server"), caller()).ok());
  ASSERT_TRUE(Connect(client, At("/server")).ok());
  while (Send(client, "x").ok()) {
  }
  ASSERT_NE(block.object, nullptr);
  EXPECT_EQ(block.object->Readiness(block.mask), 0u);
  CountingWaiter sender, poller;
  client->AddWaiter(poller, abi::kPOLLOUT);
  block.object->AddWaiter(sender, block.mask);
  EXPECT_EQ(Poll(client), 0u);
  EXPECT_EQ(Receive(server).value(), "x");
  EXPECT_EQ(sender.count, 1);
  EXPECT_GE(poller.count, 1);
  EXPECT_EQ(Poll(client), abi::kPOLLOUT);
  block.object->RemoveWaiter(sender);
  client->RemoveWaiter(poller);
}

TEST_F(Unix, PathsAndErrors) {
  const Ref<Socket> listener = New(), client = New(), datagram = New(abi::kSOCK_DGRAM);
  EXPECT_EQ(Connect(client, At("/s")), Errno::kENOENT);
  EXPECT_EQ(listener->Bind(ctx, At("/no/s"), caller()), Errno::kENOENT);
  ASSERT_TRUE(listener->Bind(ctx, At("/s"), caller()).ok());
  EXPECT_EQ(New()->Bind(ctx, At("/s"), caller()), Errno::kEADDRINUSE);
  EXPECT_EQ(listener->Bind(ctx, At("/t"), caller()), Errno::kEINVAL);
  const vfs::Path place = vfs::Walk(ctx, start, "/s", {}).value();
  EXPECT_EQ(vfs::GetAttributes(ctx, place)->mode, abi::kS_IFSOCK | 0755);
  EXPECT_EQ(Connect(client, At("/s")), Errno::kECONNREFUSED);
  EXPECT_EQ(Connect(datagram, At("/s")), Errno::kEPROTOTYPE);
  EXPECT_EQ(New()->Listen(ctx, 1), Errno::kEINVAL);
  EXPECT_EQ(datagram->Listen(ctx, 1), Errno::kEOPNOTSUPP);
  Address peer;
  EXPECT_EQ(listener->Accept(ctx, peer), Errno::kEINVAL);
  ASSERT_TRUE(listener->Listen(ctx, 5).ok());
  EXPECT_EQ(listener->Accept(ctx, peer), Errno::kEAGAIN);
  ASSERT_TRUE(Connect(client, At("/s")).ok());
  EXPECT_EQ(Connect(client, At("/s")), Errno::kEISCONN);
  EXPECT_EQ(Poll(listener), abi::kPOLLIN);
  EXPECT_EQ(Send(client, "early").value(), 5u);
  const Ref<Socket> server = listener->Accept(ctx, peer).value();
  EXPECT_EQ(peer.size(), 2u);
  EXPECT_EQ(Receive(server).value(), "early");
  EXPECT_EQ(client->PeerName(ctx)->size(), 2 + strlen("/s") + 1);
  EXPECT_EQ(listener->PeerName(ctx), Errno::kENOTCONN);
}

TEST_F(Unix, BacklogBlocksAndClosingTheListenerResets) {
  Ref<Socket> listener = New();
  const Ref<Socket> one = New(), two = New();
  const Address name = At(std::string_view("\0backlog", 8));
  ASSERT_TRUE(listener->Bind(ctx, name, caller()).ok());
  ASSERT_TRUE(listener->Listen(ctx, 0).ok());
  ASSERT_TRUE(Connect(one, name).ok());
  EXPECT_EQ(Connect(two, name), Errno::kEAGAIN);
  ASSERT_NE(block.object, nullptr);
  CountingWaiter waiter;
  block.object->AddWaiter(waiter, block.mask);
  { const Ref<Socket> gone = std::move(listener); }
  EXPECT_EQ(waiter.count, 1);
  block.object->RemoveWaiter(waiter);
  EXPECT_EQ(Receive(one), Errno::kECONNRESET);
  EXPECT_EQ(Connect(two, name), Errno::kECONNREFUSED);
  ASSERT_TRUE(two->Bind(ctx, name, caller()).ok());  // the name is free again
}

TEST_F(Unix, AutoBind) {
  const Ref<Socket> socket = New();
  ASSERT_TRUE(socket->Bind(ctx, At(""), caller()).ok());
  EXPECT_EQ(socket->LocalName(ctx)->size(), 8u);
}

TEST_F(Unix, FilesEndARead) {
  auto [one, two] = Pair();
  SendRequest request;
  request.control.files.push_back(New());
  const uint64_t id = request.control.files[0]->id();
  EXPECT_EQ(Send(one, "ab").value(), 2u);
  EXPECT_EQ(Send(one, "f", std::move(request)).value(), 1u);
  EXPECT_EQ(Send(one, "cd").value(), 2u);
  EXPECT_EQ(Receive(two, 1000, abi::kMSG_PEEK).value(), "abf");
  EXPECT_EQ(result.files.size(), 1u);
  EXPECT_EQ(Receive(two).value(), "abf");
  ASSERT_EQ(result.files.size(), 1u);
  EXPECT_EQ(result.files[0]->id(), id);
  EXPECT_EQ(Receive(two).value(), "cd");
  EXPECT_TRUE(result.files.empty());
}

TEST_F(Unix, LongChainsOfSocketsInSocketsDieWithoutRecursion) {
  Ref<Socket> inner = New();
  for (int i = 0; i < 8000; ++i) {
    auto [one, two] = Pair();
    SendRequest request;
    request.control.files.push_back(inner);
    ASSERT_EQ(Send(one, "x", std::move(request)).value(), 1u);
    inner = two;
  }
}

TEST_F(Unix, FilesInFlightAreBounded) {
  auto [one, two] = Pair();
  size_t sent = 0;
  Errno error = static_cast<Errno>(0);
  const Ref<vfs::File> file = New();
  while (static_cast<int32_t>(error) == 0 && sent < 100'000) {
    SendRequest request;
    request.control.files.assign(250, file);
    const Result<size_t> n = Send(one, "x", std::move(request));
    if (!n.ok()) error = n.error();
    sent += 250;
  }
  EXPECT_EQ(error, Errno::kETOOMANYREFS);
  while (Receive(two).ok()) {
  }
  SendRequest request;
  request.control.files.assign(250, file);
  result = {};
  EXPECT_TRUE(Send(one, "x", std::move(request)).ok());
}

TEST_F(Unix, Credentials) {
  auto [one, two] = Pair();
  const int32_t on = 1;
  ASSERT_TRUE(two->SetOption(ctx, abi::kSOL_SOCKET, abi::kSO_PASSCRED, {reinterpret_cast<const std::byte*>(&on), sizeof(on)}).ok());
  EXPECT_EQ(Send(one, "x").value(), 1u);
  ctx.SetCreds(TestContext::User(7, 8));
  EXPECT_EQ(Send(one, "y").value(), 1u);
  EXPECT_EQ(Receive(two).value(), "x");  // another sender's bytes do not join
  EXPECT_TRUE(result.has_credentials);
  EXPECT_EQ(result.credentials.pid, 1);
  EXPECT_EQ(Receive(two).value(), "y");
  EXPECT_EQ(result.credentials.uid, 7u);
  const std::vector<std::byte> bytes = one->GetOption(ctx, abi::kSOL_SOCKET, abi::kSO_PEERCRED).value();
  abi::Ucred peer;
  ASSERT_EQ(bytes.size(), sizeof(peer));
  std::memcpy(&peer, bytes.data(), sizeof(peer));
  EXPECT_EQ(peer.uid, 0u);
  EXPECT_EQ(one->GetOption(ctx, abi::kSOL_SOCKET, 9999), Errno::kENOPROTOOPT);
}

TEST_F(Unix, SeqpacketEndsWithThePeer) {
  auto [one, two] = Pair(abi::kSOCK_SEQPACKET);
  EXPECT_EQ(Send(one, "abc").value(), 3u);
  EXPECT_EQ(Send(one, "de").value(), 2u);
  EXPECT_EQ(Receive(two).value(), "abc");
  { const Ref<Socket> gone = std::move(one); }
  EXPECT_EQ(Receive(two).value(), "de");
  EXPECT_EQ(Receive(two).value(), "");
  EXPECT_EQ(New(abi::kSOCK_SEQPACKET)->PeerName(ctx), Errno::kENOTCONN);
}

}  // namespace
}  // namespace ringwall::socket
