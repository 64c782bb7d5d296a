// Wire format: what is encoded decodes to the same, and everything else is refused.
#include <gtest/gtest.h>

#include <random>

#include "gofer/protocol/requests.h"

namespace ringwall::gofer {
namespace {

template <typename T>
std::string Encoded(const T& v) {
  Writer w;
  Put(w, v);
  EXPECT_TRUE(w.ok());
  return std::string(w.data(), w.size());
}

Attributes SomeAttributes() {
  Attributes a;
  a.ino = 7;
  a.dev = uint64_t{8} << 32 | 1;
  a.mode = kTypeRegular | 0644;
  a.blksize = 4096;
  a.size = 123;
  a.has_btime = true;
  a.btime = {-5, 999'999'999};
  return a;
}

TEST(Wire, AttributesSurviveTheTrip) {
  const std::string bytes = Encoded(AttributesReply{SomeAttributes()});
  AttributesReply out;
  ASSERT_TRUE(Decode(bytes, out));
  EXPECT_EQ(out.attributes.dev, uint64_t{8} << 32 | 1);
  EXPECT_EQ(out.attributes.btime, (Timestamp{-5, 999'999'999}));
  EXPECT_EQ(Encoded(out), bytes);
}

TEST(Wire, EveryTruncationAndEveryExtraByteIsRefused) {
  WalkRequest walk;
  walk.directory = {3};
  walk.names.items.push_back(Name{{"usr"}});
  walk.names.items.push_back(Name{{"lib"}});
  const std::string bytes = Encoded(walk);
  WalkRequest out;
  ASSERT_TRUE(Decode(bytes, out));
  EXPECT_EQ(out.names.items[1].view(), "lib");
  for (size_t n = 0; n < bytes.size(); n++) EXPECT_FALSE(Decode(std::string_view(bytes).substr(0, n), out)) << n;
  EXPECT_FALSE(Decode(bytes + "x", out));
}

TEST(Wire, ImpossibleAttributesAreRefused) {
  auto refused = [](auto change) {
    AttributesReply reply{SomeAttributes()};
    change(reply.attributes);
    AttributesReply out;
    return !Decode(Encoded(reply), out);
  };
  EXPECT_TRUE(refused([](Attributes& a) { a.mode = 0; }));
  EXPECT_TRUE(refused([](Attributes& a) { a.mode = kTypeMask; }));
  EXPECT_TRUE(refused([](Attributes& a) { a.mode |= 1u << 20; }));
  EXPECT_TRUE(refused([](Attributes& a) { a.size = UINT64_MAX; }));
  EXPECT_TRUE(refused([](Attributes& a) { a.blksize = 0; }));
  EXPECT_TRUE(refused([](Attributes& a) { a.mtime.nanoseconds = 1'000'000'000; }));
}

TEST(Wire, EnumsFlagsAndCountsOutOfRangeAreRefused) {
  OpenRequest open;
  open.flags.bits = 32;
  OpenRequest open_out;
  EXPECT_FALSE(Decode(Encoded(open), open_out));
  UnlinkRequest unlink;
  unlink.kind = static_cast<UnlinkKind>(2);
  UnlinkRequest unlink_out;
  EXPECT_FALSE(Decode(Encoded(unlink), unlink_out));
  Writer w;
  Put(w, NodeId{1});
  Put(w, uint32_t{0});
  Put(w, uint32_t{0xffffffff});  // a count of names that are not there
  WalkRequest walk;
  EXPECT_FALSE(Decode(std::string_view(w.data(), w.size()), walk));
  ErrorReply error;
  for (int32_t bad : {0, -1, 134, 512}) EXPECT_FALSE(Decode(Encoded(ErrorReply{bad}), error)) << bad;
}

TEST(Wire, TooMuchIsRefusedByTheWriter) {
  const std::string big(kMaxXattrValue + 1, 'x');
  Writer w;
  SetXattrRequest request;
  request.value.data = big;
  Put(w, request);
  EXPECT_FALSE(w.ok());
  WalkRequest walk;
  for (size_t i = 0; i < kMaxWalk + 1; i++) walk.names.items.push_back(Name{{"a"}});
  Writer w2;
  Put(w2, walk);
  EXPECT_FALSE(w2.ok());
}

TEST(Wire, TheBiggestRepliesFitAMessage) {
  Writer w;
  const MessageHeader header{};
  w.Raw(&header, sizeof header);
  const std::string big(kMaxXattrValue, 'x');
  SetXattrRequest request;
  const std::string name(kMaxXattrName, 'n');
  request.name.data = name;
  request.value.data = big;
  Put(w, request);
  EXPECT_TRUE(w.ok());
  EXPECT_LE(w.size() + kMaxForgets * 8, kMaxMessage);
}

TEST(Wire, HeadersMustFitTheirBytesAndDirection) {
  const uint16_t walk = static_cast<uint16_t>(MessageType::kWalk);
  EXPECT_TRUE(ValidHeader({16, walk, 0, 1}, 16, Direction::kRequest));
  EXPECT_FALSE(ValidHeader({17, walk, 0, 1}, 16, Direction::kRequest));
  EXPECT_FALSE(ValidHeader({16, walk, 1, 1}, 16, Direction::kRequest));
  EXPECT_TRUE(ValidHeader({24, walk, 1, 1}, 24, Direction::kRequest));
  EXPECT_FALSE(ValidHeader({16, 0, 0, 1}, 16, Direction::kRequest));
  EXPECT_FALSE(ValidHeader({16, ReplyType(MessageType::kWalk), 0, 1}, 16, Direction::kRequest));
  EXPECT_FALSE(ValidHeader({16, walk, 0, 1}, 16, Direction::kReply));
  EXPECT_TRUE(ValidHeader({16, ReplyType(MessageType::kWalk), 0, 1}, 16, Direction::kReply));
  EXPECT_FALSE(ValidHeader({4, walk, 0, 1}, 4, Direction::kRequest));
}

TEST(Wire, EveryMessageTypeHasAName) {
  for (uint16_t t = 1; t <= static_cast<uint16_t>(MessageType::kLast); t++) EXPECT_STRNE(MessageTypeName(t), "?") << t;
  EXPECT_STREQ(MessageTypeName(99), "?");
}

TEST(Wire, ComponentsAreSingleNames) {
  EXPECT_TRUE(ValidComponent("a"));
  EXPECT_TRUE(ValidComponent("..."));
  EXPECT_TRUE(ValidComponent(std::string(255, 'x')));
  for (std::string_view bad : {"", ".", "..", "/", "a/", "a/b"}) EXPECT_FALSE(ValidComponent(bad)) << bad;
  EXPECT_FALSE(ValidComponent(std::string_view("a\0", 2)));
  EXPECT_EQ(ComponentError(std::string(256, 'x')), Errno::kENAMETOOLONG);
  EXPECT_EQ(ComponentError(""), Errno::kENOENT);
}

TEST(Wire, RandomBytesDecodeToWhatTheyEncode) {
  std::mt19937 random(1);
  for (int i = 0; i < 20000; i++) {
    std::string bytes(random() % 80, '\0');
    for (char& c : bytes) c = static_cast<char>(random() % 8 == 0 ? random() : 0);
    RenameRequest rename;
    if (Decode(bytes, rename)) {
      EXPECT_EQ(Encoded(rename), bytes);
    }
    WalkRequest walk;
    if (Decode(bytes, walk)) {
      EXPECT_EQ(Encoded(walk), bytes);
    }
  }
}

}  // namespace
}  // namespace ringwall::gofer
