// UserMemory's rules: faults, strings across pages, partial transfers, iovecs.
#include "sentry/mm/user_memory.h"

#include <gtest/gtest.h>

#include "sentry/mm/fake_address_space.h"

namespace ringwall::mm {
namespace {

absl::Span<const std::byte> Bytes(std::string_view s) {
  return absl::MakeConstSpan(reinterpret_cast<const std::byte*>(s.data()), s.size());
}

class UserMemoryTest : public testing::Test {
 protected:
  UserMemoryTest() {
    const platform::MemoryOp op{
        .kind = platform::MemoryOp::Kind::kMap, .address = kAt, .length = 8192, .prot = {.read = true, .write = true}};
    EXPECT_TRUE(space_->Apply(absl::MakeConstSpan(&op, 1), nullptr).ok());
  }
  static constexpr uint64_t kAt = 0x20000, kEnd = kAt + 8192;
  Ref<FakeAddressSpace> space_ = MakeRef<FakeAddressSpace>();
  UserMemory memory_{space_.get(), nullptr};
};

TEST_F(UserMemoryTest, FaultsAndOverflowsAreEfault) {
  EXPECT_TRUE(memory_.WriteValue<uint32_t>(kEnd - 4, 1).ok());
  EXPECT_EQ(memory_.WriteValue<uint32_t>(kEnd - 2, 1), Errno::kEFAULT);
  EXPECT_EQ(memory_.ReadValue<uint64_t>(~uint64_t{0} - 3), Errno::kEFAULT);
  EXPECT_EQ(memory_.ReadValue<uint64_t>(space_->end() - 4), Errno::kEFAULT);
  EXPECT_EQ(memory_.Clear(kAt, ~uint64_t{0}), Errno::kEFAULT);
  EXPECT_TRUE(memory_.Clear(kAt, 8192).ok());
  EXPECT_EQ(memory_.CompareExchange(kAt + 1, 0, 0), Errno::kEINVAL);
  EXPECT_EQ(*memory_.CompareExchange(kAt, 0, 9), 0u);
  EXPECT_EQ(*memory_.ReadValue<uint32_t>(kAt), 9u);
}

TEST_F(UserMemoryTest, Strings) {
  ASSERT_TRUE(memory_.Write(kAt + 4094, Bytes(std::string_view("hello\0", 6))).ok());
  EXPECT_EQ(*memory_.ReadString(kAt + 4094, 4096, Errno::kENAMETOOLONG), "hello");
  EXPECT_EQ(*memory_.ReadString(kAt + 4094, 6, Errno::kENAMETOOLONG), "hello");
  EXPECT_EQ(memory_.ReadString(kAt + 4094, 5, Errno::kENAMETOOLONG), Errno::kENAMETOOLONG);
  const std::string rest(kEnd - (kAt + 5000), 'x');
  ASSERT_TRUE(memory_.Write(kAt + 5000, Bytes(rest)).ok());
  EXPECT_EQ(memory_.ReadString(kAt + 5000, 1 << 20, Errno::kENAMETOOLONG), Errno::kEFAULT);
}

TEST_F(UserMemoryTest, SinkAndSourceStopAtTheFault) {
  UserSink sink(memory_, IovecList{{kAt, 3}, {kEnd - 2, 10}});
  EXPECT_EQ(sink.remaining(), 13u);
  EXPECT_EQ(*sink.Put(Bytes("abcdefgh")), 5u);
  EXPECT_EQ(sink.Put(Bytes("fgh")), Errno::kEFAULT);
  UserSource source(memory_, IovecList{{kAt, 3}, {kEnd - 2, 2}});
  std::byte out[8];
  EXPECT_EQ(*source.Peek(absl::MakeSpan(out)), 5u);
  EXPECT_EQ(std::memcmp(out, "abcde", 5), 0);
  source.Skip(4);
  EXPECT_EQ(*source.Take(absl::MakeSpan(out)), 1u);
  EXPECT_EQ(out[0], std::byte{'e'});
  EXPECT_EQ(source.remaining(), 0u);
}

TEST_F(UserMemoryTest, Iovecs) {
  abi::Iovec v[2];
  v[0].iov_base = kAt;
  v[0].iov_len = 0x7ffff000 - 10;
  v[1].iov_base = kAt;
  v[1].iov_len = 100;
  ASSERT_TRUE(memory_.WriteArray<abi::Iovec>(kAt, absl::MakeConstSpan(v)).ok());
  const auto list = ReadIovecs(memory_, kAt, 2);
  ASSERT_TRUE(list.ok());
  EXPECT_EQ((*list)[1].iov_len, 10u);
  EXPECT_EQ(ReadIovecs(memory_, kAt, 1025).error(), Errno::kEINVAL);
  EXPECT_EQ(ReadIovecs(memory_, 0x5000, 1).error(), Errno::kEFAULT);
  v[0].iov_len = ~uint64_t{0};
  ASSERT_TRUE(memory_.WriteArray<abi::Iovec>(kAt, absl::MakeConstSpan(v)).ok());
  EXPECT_EQ(ReadIovecs(memory_, kAt, 1).error(), Errno::kEINVAL);
}

}  // namespace
}  // namespace ringwall::mm
