// Pipes: order, limits, atomicity, packets, hang-ups, FIFOs, splice.
#include "sentry/pipe/pipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/stat.h"
#include "sentry/fs/anon/anon_inode.h"
#include "sentry/pipe/splice.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::pipe {
namespace {

class PipeTest : public testing::Test {
 protected:
  void Make(uint32_t flags = 0) {
    auto pair = MakePipe(ctx_, flags);
    ASSERT_TRUE(pair.ok());
    reader_ = pair->first;
    writer_ = pair->second;
  }
  Result<size_t> Write(vfs::File& file, std::string_view text) {
    mm::KernelSource source({reinterpret_cast<const std::byte*>(text.data()), text.size()});
    return file.Write(ctx_, source);
  }
  Result<std::string> Read(vfs::File& file, size_t max) {
    std::string out(max, '?');
    mm::KernelSink sink({reinterpret_cast<std::byte*>(out.data()), out.size()});
    const size_t n = TRY(file.Read(ctx_, sink));
    out.resize(n);
    return out;
  }
  vfs::TestContext ctx_;
  RefPtr<vfs::File> reader_, writer_;
};

// Takes `take` bytes, then faults.
class FaultySink final : public mm::IoSink {
 public:
  FaultySink(size_t size, size_t take) : size_(size), take_(take) {}
  size_t remaining() const override { return size_; }
  Result<size_t> Put(absl::Span<const std::byte> from) override {
    const size_t n = std::min(from.size(), take_);
    if (n == 0 && !from.empty()) return Errno::kEFAULT;
    take_ -= n;
    size_ -= n;
    return n;
  }

 private:
  size_t size_, take_;
};

TEST_F(PipeTest, BytesComeOutInOrder) {
  Make();
  EXPECT_EQ(*Write(*writer_, "hello "), 6u);
  EXPECT_EQ(*Write(*writer_, "world"), 5u);
  EXPECT_EQ(*Read(*reader_, 3), "hel");
  EXPECT_EQ(*Write(*writer_, "!"), 1u);
  EXPECT_EQ(*Read(*reader_, 100), "lo world!");
  EXPECT_TRUE(Read(*reader_, 1) == Errno::kEAGAIN);
}

TEST_F(PipeTest, EndOfFileAndBrokenPipe) {
  Make();
  EXPECT_EQ(*Write(*writer_, "x"), 1u);
  writer_.reset();
  EXPECT_EQ(reader_->Readiness(abi::kPOLLIN), abi::kPOLLIN | abi::kPOLLHUP);
  EXPECT_EQ(*Read(*reader_, 9), "x");
  EXPECT_EQ(*Read(*reader_, 9), "");
  EXPECT_EQ(reader_->Readiness(abi::kPOLLIN), abi::kPOLLHUP);
  Make();
  reader_.reset();
  EXPECT_TRUE(Write(*writer_, "x") == Errno::kEPIPE);
  EXPECT_EQ(*Write(*writer_, ""), 0u);
  EXPECT_NE(writer_->Readiness(abi::kPOLLOUT) & abi::kPOLLERR, 0u);
}

TEST_F(PipeTest, HoldsItsCapacityAndSmallWritesAreAtomic) {
  Make();
  const std::string page(4096, 'p');
  for (int i = 0; i < 16; ++i) EXPECT_EQ(*Write(*writer_, page), 4096u);
  EXPECT_TRUE(Write(*writer_, "x") == Errno::kEAGAIN);
  EXPECT_EQ(writer_->Readiness(abi::kPOLLOUT), 0u);
  // Half a page out frees no slot: an atomic page does not fit.
  EXPECT_EQ(Read(*reader_, 2048)->size(), 2048u);
  EXPECT_TRUE(Write(*writer_, page) == Errno::kEAGAIN);
  EXPECT_EQ(Read(*reader_, 2048)->size(), 2048u);
  EXPECT_EQ(writer_->Readiness(abi::kPOLLOUT), abi::kPOLLOUT);
  EXPECT_EQ(*Write(*writer_, page), 4096u);
}

TEST_F(PipeTest, LargeWritesArePartial) {
  Make();
  const std::string big(100000, 'b');
  EXPECT_EQ(*Write(*writer_, big), 65536u);
  EXPECT_EQ(Read(*reader_, 200000)->size(), 65536u);
}

TEST_F(PipeTest, CapacityIsAPowerOfTwoOfPages) {
  Make();
  EXPECT_EQ(*GetCapacity(*reader_), 65536);
  EXPECT_EQ(*SetCapacity(ctx_, *reader_, 1), 4096);
  EXPECT_EQ(*SetCapacity(ctx_, *reader_, 3 * 4096), 4 * 4096);
  EXPECT_TRUE(SetCapacity(ctx_, *reader_, 2 << 20) == Errno::kEPERM);
  EXPECT_EQ(*Write(*writer_, std::string(3 * 4096 + 1, 'x')), 3u * 4096 + 1);
  EXPECT_TRUE(SetCapacity(ctx_, *reader_, 4096) == Errno::kEBUSY);
}

TEST_F(PipeTest, PacketsKeepTheirBoundsAndDropTheRest) {
  Make(abi::kO_DIRECT);
  EXPECT_EQ(*Write(*writer_, "first"), 5u);
  EXPECT_EQ(*Write(*writer_, "second"), 6u);
  EXPECT_EQ(*Read(*reader_, 3), "fir");
  EXPECT_EQ(*Read(*reader_, 100), "second");
  EXPECT_EQ(*Write(*writer_, std::string(5000, 'x')), 5000u);
  EXPECT_EQ(Read(*reader_, 9000)->size(), 4096u);
  EXPECT_EQ(Read(*reader_, 9000)->size(), 904u);
}

TEST_F(PipeTest, AFaultLosesNothing) {
  Make();
  EXPECT_EQ(*Write(*writer_, "abcdef"), 6u);
  FaultySink nothing(6, 0);
  EXPECT_TRUE(reader_->Read(ctx_, nothing) == Errno::kEFAULT);
  FaultySink some(6, 2);
  EXPECT_EQ(*reader_->Read(ctx_, some), 2u);
  EXPECT_EQ(*Read(*reader_, 9), "cdef");
}

TEST_F(PipeTest, StatShowsAFifo) {
  Make();
  auto attributes = reader_->GetAttributes(ctx_);
  ASSERT_TRUE(attributes.ok());
  EXPECT_EQ(attributes->mode, abi::kS_IFIFO | 0600);
  EXPECT_THAT(reader_->DisplayName(), testing::StartsWith("pipe:["));
  EXPECT_TRUE(reader_->Seek(ctx_, 0, 0) == Errno::kESPIPE);
}

TEST_F(PipeTest, FifoOpenWaitsForTheOtherEnd) {
  const Ref<anon::AnonInode> inode = MakeRef<anon::AnonInode>(anon::PipeFs(), ctx_, abi::kS_IFIFO | 0600);
  const vfs::Path path = vfs::AnonymousPath(inode, "fifo");
  EXPECT_TRUE(OpenFifo(ctx_, *inode, path, {.flags = abi::kO_WRONLY | abi::kO_NONBLOCK}) == Errno::kENXIO);
  auto reader = OpenFifo(ctx_, *inode, path, {.flags = abi::kO_RDONLY});
  ASSERT_TRUE(reader.ok());
  ASSERT_NE(PendingOpen(**reader), nullptr);
  {
    auto writer = OpenFifo(ctx_, *inode, path, {.flags = abi::kO_WRONLY});
    ASSERT_TRUE(writer.ok());
    EXPECT_EQ(PendingOpen(**writer), nullptr);
    EXPECT_EQ(*Write(**writer, "fifo"), 4u);
  }
  // The writer came and went: the open is over all the same.
  EXPECT_EQ(PendingOpen(**reader), nullptr);
  EXPECT_EQ(*Read(**reader, 9), "fifo");
  EXPECT_EQ(*Read(**reader, 9), "");
  auto quiet = OpenFifo(ctx_, *inode, path, {.flags = abi::kO_RDONLY | abi::kO_NONBLOCK});
  ASSERT_TRUE(quiet.ok());
  EXPECT_EQ((*quiet)->Readiness(abi::kPOLLIN), 0u);
}

TEST_F(PipeTest, TeeAndSpliceMoveBuffers) {
  Make();
  const RefPtr<vfs::File> in_reader = reader_, in_writer = writer_;
  Make();
  auto& in = *in_reader->As<PipeFile>();
  auto& out = *writer_->As<PipeFile>();
  EXPECT_TRUE(SplicePipes(in, out, 10) == Errno::kEAGAIN);
  EXPECT_EQ(*Write(*in_writer, "abcdef"), 6u);
  EXPECT_EQ(*Tee(in, out, 4), 4u);
  EXPECT_EQ(*SplicePipes(in, out, 5), 5u);
  EXPECT_EQ(*Write(*in_writer, "g"), 1u);
  EXPECT_EQ(*Write(*writer_, "Z"), 1u);
  EXPECT_EQ(*Read(*reader_, 100), "abcdabcdeZ");
  EXPECT_EQ(*Read(*in_reader, 100), "fg");
}

TEST_F(PipeTest, ConcurrentReadersAndWritersLoseNoByte) {
  Make();
  constexpr size_t kEach = 200'000;
  std::atomic<size_t> read_total{0};
  auto write = [&] {
    vfs::TestContext ctx;
    std::string chunk(777, 'c');
    size_t done = 0;
    while (done < kEach) {
      mm::KernelSource source({reinterpret_cast<const std::byte*>(chunk.data()), std::min(chunk.size(), kEach - done)});
      auto n = writer_->Write(ctx, source);
      if (n.ok())
        done += *n;
      else
        std::this_thread::yield();
    }
  };
  auto read = [&] {
    vfs::TestContext ctx;
    std::string buffer(1000, 0);
    while (read_total.load() < 2 * kEach) {
      mm::KernelSink sink({reinterpret_cast<std::byte*>(buffer.data()), buffer.size()});
      auto n = reader_->Read(ctx, sink);
      if (n.ok())
        read_total += *n;
      else
        std::this_thread::yield();
    }
  };
  std::thread a(write), b(write), c(read), d(read);
  a.join(), b.join(), c.join(), d.join();
  EXPECT_EQ(read_total.load(), 2 * kEach);
}

}  // namespace
}  // namespace ringwall::pipe
