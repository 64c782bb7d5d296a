// Donated descriptors: pipes, files and sockets of the outside, without blocking and without changing them.
#include "sentry/fs/host/host_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/stat.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::hostfs {
namespace {

struct CountingWaiter final : wait::Waiter {
  void OnEvent(wait::EventMask mask) override { seen |= mask; }
  std::atomic<uint32_t> seen{0};
};

class HostFileTest : public testing::Test {
 protected:
  void SetUp() override {
    auto poller = HostPoller::Create();
    ASSERT_TRUE(poller.ok());
    poller_ = std::move(*poller);
    poller_->Start();
  }
  Result<size_t> Write(vfs::File& file, std::string_view text) {
    mm::KernelSource source({reinterpret_cast<const std::byte*>(text.data()), text.size()});
    return file.Write(ctx_, source);
  }
  Result<std::string> Read(vfs::File& file, size_t max = 1000) {
    std::string out(max, '?');
    mm::KernelSink sink({reinterpret_cast<std::byte*>(out.data()), out.size()});
    const size_t n = TRY(file.Read(ctx_, sink));
    out.resize(n);
    return out;
  }
  vfs::TestContext ctx_;
  std::unique_ptr<HostPoller> poller_;
};

TEST_F(HostFileTest, PipesNeverBlockAndStayBlockingOutside) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  const UniqueFd outside_write(fds[1]);
  const UniqueFd watch(::dup(fds[0]));
  {
    const Ref<vfs::File> file = *ImportHostFd(ctx_, *poller_, UniqueFd(fds[0]));
    EXPECT_TRUE(file->readable());
    EXPECT_FALSE(file->writable());
    EXPECT_EQ(file->GetAttributes(ctx_)->type(), abi::kS_IFIFO);
    EXPECT_TRUE(Read(*file) == Errno::kEAGAIN);
    EXPECT_EQ(file->Readiness(abi::kPOLLIN), 0u);
    CountingWaiter waiter;
    file->AddWaiter(waiter, abi::kPOLLIN);
    ASSERT_EQ(::write(outside_write.get(), "hey", 3), 3);
    for (int i = 0; i < 1000 && waiter.seen.load() == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_NE(waiter.seen.load() & abi::kPOLLIN, 0u);
    file->RemoveWaiter(waiter);
    EXPECT_EQ(*Read(*file), "hey");
  }
  EXPECT_EQ(::fcntl(watch.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(HostFileTest, AFullPipeTakesWhatFits) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  const UniqueFd outside_read(fds[0]);
  const Ref<vfs::File> file = *ImportHostFd(ctx_, *poller_, UniqueFd(fds[1]));
  const std::string big(1 << 20, 'x');
  const auto first = Write(*file, big);
  ASSERT_TRUE(first.ok());
  EXPECT_GE(*first, 4096u);
  EXPECT_LT(*first, big.size());
  EXPECT_TRUE(Write(*file, big) == Errno::kEAGAIN);
  EXPECT_EQ(file->Readiness(abi::kPOLLOUT), 0u);
}

TEST_F(HostFileTest, RegularFilesShareTheHostsPosition) {
  const UniqueFd outside(::memfd_create("host_file_test", MFD_CLOEXEC));
  ASSERT_EQ(::write(outside.get(), "before ", 7), 7);
  const Ref<vfs::File> file = *ImportHostFd(ctx_, *poller_, UniqueFd(::dup(outside.get())));
  EXPECT_EQ(file->kind(), vfs::FileKind::kRegular);
  EXPECT_EQ(*Write(*file, "guest"), 5u);
  ASSERT_EQ(::write(outside.get(), " after", 6), 6);
  EXPECT_EQ(file->GetAttributes(ctx_)->size, 18u);
  EXPECT_EQ(*file->Seek(ctx_, 0, abi::kSEEK_SET), 0);
  EXPECT_EQ(*Read(*file), "before guest after");
  std::string part(5, '?');
  mm::KernelSink sink({reinterpret_cast<std::byte*>(part.data()), part.size()});
  EXPECT_EQ(*file->PRead(ctx_, sink, 7), 5u);
  EXPECT_EQ(part, "guest");
  auto mappable = file->Mmap(ctx_);
  ASSERT_TRUE(mappable.ok());
  EXPECT_TRUE((*mappable)->HostFile(true).ok());
}

TEST_F(HostFileTest, SocketsAndReopening) {
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  const UniqueFd outside(fds[0]);
  const Ref<vfs::File> file = *ImportHostFd(ctx_, *poller_, UniqueFd(fds[1]));
  EXPECT_TRUE(Read(*file) == Errno::kEAGAIN);
  ASSERT_EQ(::send(outside.get(), "s", 1, 0), 1);
  EXPECT_EQ(*Read(*file), "s");
  EXPECT_TRUE(file->path().inode().Open(ctx_, file->path(), {}) == Errno::kENXIO);
  ASSERT_EQ(::pipe(fds), 0);
  const UniqueFd reader(fds[0]);
  const Ref<vfs::File> out = *ImportHostFd(ctx_, *poller_, UniqueFd(fds[1]));
  auto again = out->path().inode().Open(ctx_, out->path(), {.flags = abi::kO_WRONLY});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*Write(**again, "x"), 1u);
  EXPECT_TRUE(out->path().inode().Open(ctx_, out->path(), {.flags = abi::kO_RDONLY}) == Errno::kEACCES);
}

}  // namespace
}  // namespace ringwall::hostfs
