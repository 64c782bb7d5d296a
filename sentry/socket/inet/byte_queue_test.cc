// ByteQueue against a string: whatever is appended comes out in order, and the charge returns to nothing.
#include "sentry/socket/inet/byte_queue.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

namespace ringwall::socket::inet {
namespace {

absl::Span<const std::byte> Span(const std::string& text) { return {reinterpret_cast<const std::byte*>(text.data()), text.size()}; }
Segment MakeSegment(const std::string& text) {
  Segment segment{MakeRef<Payload>(text.size())};
  std::memcpy(segment.payload->data(), text.data(), text.size());
  segment.length = static_cast<uint32_t>(text.size());
  return segment;
}
std::string Text(const Segments& segments) {
  std::string text;
  for (const Segment& s : segments) text.append(reinterpret_cast<const char*>(s.bytes().data()), s.length);
  return text;
}

TEST(ByteQueue, SmallAppendsShareAPayload) {
  ByteQueue queue;
  for (int i = 0; i < 100; ++i) queue.AppendCopy(Span("x"));
  EXPECT_EQ(queue.size(), 100u);
  EXPECT_EQ(queue.Peek(0, 1000).size(), 1u);
}
TEST(ByteQueue, NothingIsAddedBehindWhatAReaderHolds) {
  ByteQueue queue;
  queue.AppendCopy(Span("abc"));
  const Segments held = queue.Peek(0, 3);
  queue.AppendCopy(Span("def"));
  EXPECT_EQ(Text(held), "abc");
  EXPECT_EQ(Text(queue.Take(10)), "abcdef");
}
TEST(ByteQueue, PutBackComesFirst) {
  ByteQueue queue;
  queue.Append(MakeSegment("hello "));
  queue.Append(MakeSegment("world"));
  Segments taken = queue.Take(8);
  EXPECT_EQ(Text(taken), "hello wo");
  queue.PutBack(std::move(taken));
  EXPECT_EQ(Text(queue.Take(100)), "hello world");
  EXPECT_EQ(queue.charge(), 0u);
}
TEST(ByteQueue, BehavesLikeAString) {
  const uint64_t before = ByteQueue::TotalCharge();
  std::mt19937 random(7);
  std::string model;
  {
    ByteQueue queue;
    for (int i = 0; i < 20'000; ++i) {
      const std::string text(random() % 300 + 1, static_cast<char>('a' + random() % 26));
      switch (random() % 5) {
        case 0:
          queue.AppendCopy(Span(text));
          model += text;
          break;
        case 1:
          queue.Append(MakeSegment(text));
          model += text;
          break;
        case 2: {
          const uint64_t n = random() % 500;
          ASSERT_EQ(Text(queue.Take(n)), model.substr(0, n));
          model.erase(0, n);
          break;
        }
        case 3: {
          const uint64_t skip = random() % 200, n = random() % 500;
          ASSERT_EQ(Text(queue.Peek(skip, n)), skip > model.size() ? "" : model.substr(skip, n));
          break;
        }
        case 4: {
          Segments taken = queue.Take(random() % 500);
          queue.PutBack(std::move(taken));
          break;
        }
      }
      ASSERT_EQ(queue.size(), model.size());
      ASSERT_GE(queue.charge(), queue.size());
    }
  }
  EXPECT_EQ(ByteQueue::TotalCharge(), before);
}

}  // namespace
}  // namespace ringwall::socket::inet
