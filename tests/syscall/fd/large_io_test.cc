// read(2) and write(2) of much at once: a sandbox may move that by another way than little.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include <cstring>
#include <vector>

#include "tests/lib/guest.h"

namespace tests {
namespace {

constexpr size_t kMuch = 1 << 20;

std::vector<unsigned char> Pattern(size_t size, unsigned seed) {
  std::vector<unsigned char> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>((i * 2654435761U + seed) >> 11);
  return bytes;
}

class LargeIo : public testing::Test {
 protected:
  int fd() const { return file_; }
  TempDir dir_;
  std::string path_ = dir_ / "file";
  int file_ = static_cast<int>(Call(SYS_open, path_, O_RDWR | O_CREAT, 0600));
  ~LargeIo() override { Call(SYS_close, file_); }
};

TEST_F(LargeIo, WhatIsWrittenIsRead) {
  const auto written = Pattern(3 * kMuch + 17, 1);
  ASSERT_THAT(Call(SYS_pwrite64, fd(), written.data(), written.size(), 4099), SucceedsWith(static_cast<long>(written.size())));
  std::vector<unsigned char> read(written.size());
  ASSERT_THAT(Call(SYS_pread64, fd(), read.data(), read.size(), 4099), SucceedsWith(static_cast<long>(read.size())));
  EXPECT_TRUE(read == written);
  std::vector<unsigned char> hole(4099, 1);
  EXPECT_THAT(Call(SYS_pread64, fd(), hole.data(), hole.size(), 0), SucceedsWith(4099));
  EXPECT_TRUE(hole == std::vector<unsigned char>(4099));
}

TEST_F(LargeIo, TheOffsetMoves) {
  const auto written = Pattern(kMuch, 2);
  EXPECT_THAT(Call(SYS_write, fd(), written.data(), kMuch), SucceedsWith(kMuch));
  EXPECT_THAT(Call(SYS_write, fd(), written.data(), kMuch / 2), SucceedsWith(kMuch / 2));
  EXPECT_THAT(Call(SYS_lseek, fd(), 0, SEEK_CUR), SucceedsWith(kMuch + kMuch / 2));
  EXPECT_THAT(Call(SYS_lseek, fd(), kMuch / 4, SEEK_SET), SucceedsWith(kMuch / 4));
  std::vector<unsigned char> read(kMuch);
  EXPECT_THAT(Call(SYS_read, fd(), read.data(), kMuch), SucceedsWith(kMuch));
  EXPECT_EQ(std::memcmp(read.data(), written.data() + kMuch / 4, kMuch * 3 / 4), 0);
  EXPECT_EQ(std::memcmp(read.data() + kMuch * 3 / 4, written.data(), kMuch / 4), 0);
}

TEST_F(LargeIo, ReadStopsAtTheEnd) {
  const auto written = Pattern(300'000, 3);
  ASSERT_THAT(Call(SYS_pwrite64, fd(), written.data(), written.size(), 0), SucceedsWith(300'000));
  std::vector<unsigned char> read(kMuch, 0xee);
  EXPECT_THAT(Call(SYS_pread64, fd(), read.data(), kMuch, 1000), SucceedsWith(299'000));
  EXPECT_EQ(std::memcmp(read.data(), written.data() + 1000, 299'000), 0);
  EXPECT_EQ(read[299'000], 0xee);
  EXPECT_THAT(Call(SYS_pread64, fd(), read.data(), kMuch, 300'000), SucceedsWith(0));
}

TEST_F(LargeIo, AppendsAtTheEnd) {
  const auto written = Pattern(kMuch, 4);
  const int appending = static_cast<int>(Call(SYS_open, path_, O_WRONLY | O_APPEND));
  EXPECT_THAT(Call(SYS_write, appending, written.data(), kMuch), SucceedsWith(kMuch));
  EXPECT_THAT(Call(SYS_pwrite64, appending, written.data(), kMuch, 0), SucceedsWith(kMuch));
  Call(SYS_close, appending);
  EXPECT_THAT(Call(SYS_lseek, fd(), 0, SEEK_END), SucceedsWith(2 * kMuch));
}

TEST_F(LargeIo, BadMemoryBehindGoodEndsIt) {
  const auto written = Pattern(kMuch, 5);
  ASSERT_THAT(Call(SYS_pwrite64, fd(), written.data(), kMuch, 0), SucceedsWith(kMuch));
  char* memory = static_cast<char*>(mmap(nullptr, kMuch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_EQ(mprotect(memory + kMuch / 2, kMuch / 2, PROT_NONE), 0);
  EXPECT_THAT(Call(SYS_pread64, fd(), memory, kMuch, 0), SucceedsWith(kMuch / 2));
  EXPECT_EQ(std::memcmp(memory, written.data(), kMuch / 2), 0);
  EXPECT_THAT(Call(SYS_pwrite64, fd(), memory, kMuch, kMuch), SucceedsWith(kMuch / 2));
  EXPECT_THAT(Call(SYS_pread64, fd(), memory + kMuch / 2, kMuch / 2, 0), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_pwrite64, fd(), memory + kMuch / 2, kMuch / 2, 0), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_pread64, fd(), KernelAddress(), kMuch, 0), FailsWith(EFAULT));
  munmap(memory, kMuch);
}

TEST_F(LargeIo, TheSizeLimitIsKept) {
  InChild([&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{200'000, 200'000};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    const auto written = Pattern(kMuch, 6);
    EXPECT_THAT(Call(SYS_pwrite64, fd(), written.data(), kMuch, 0), SucceedsWith(200'000));
    EXPECT_THAT(Call(SYS_pwrite64, fd(), written.data(), kMuch, 200'000), FailsWith(EFBIG));
  });
}

TEST_F(LargeIo, TheOpenModeCounts) {
  const int reader = static_cast<int>(Call(SYS_open, path_, O_RDONLY));
  const int writer = static_cast<int>(Call(SYS_open, path_, O_WRONLY));
  std::vector<unsigned char> bytes(kMuch);
  EXPECT_THAT(Call(SYS_pwrite64, reader, bytes.data(), kMuch, 0), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_pread64, writer, bytes.data(), kMuch, 0), FailsWith(EBADF));
  Call(SYS_close, reader), Call(SYS_close, writer);
}

TEST_F(LargeIo, VectorsOfManySizes) {
  const auto written = Pattern(2 * kMuch + 300, 7);
  std::vector<unsigned char> bytes = written;
  const iovec out[] = {
      {bytes.data(), 100}, {bytes.data() + 100, kMuch}, {bytes.data() + 100 + kMuch, 200}, {bytes.data() + 300 + kMuch, kMuch}};
  EXPECT_THAT(Call(SYS_pwritev, fd(), out, 4, 0, 0), SucceedsWith(static_cast<long>(written.size())));
  std::fill(bytes.begin(), bytes.end(), 0);
  const iovec in[] = {{bytes.data(), kMuch + 7}, {bytes.data() + kMuch + 7, 1}, {bytes.data() + kMuch + 8, kMuch + 292}};
  EXPECT_THAT(Call(SYS_preadv, fd(), in, 3, 0, 0), SucceedsWith(static_cast<long>(written.size())));
  EXPECT_TRUE(bytes == written);
}

TEST_F(LargeIo, IntoSharedMemoryOfThreads) {
  const auto written = Pattern(kMuch, 8);
  ASSERT_THAT(Call(SYS_pwrite64, fd(), written.data(), kMuch, 0), SucceedsWith(kMuch));
  unsigned char* memory = static_cast<unsigned char*>(mmap(nullptr, kMuch, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  {
    ScopedThread one([&] { EXPECT_THAT(Call(SYS_pread64, fd(), memory, kMuch / 2, 0), SucceedsWith(kMuch / 2)); });
    ScopedThread two([&] { EXPECT_THAT(Call(SYS_pread64, fd(), memory + kMuch / 2, kMuch / 2, kMuch / 2), SucceedsWith(kMuch / 2)); });
  }
  InChild([&] { EXPECT_EQ(std::memcmp(memory, written.data(), kMuch), 0); });
  munmap(memory, kMuch);
}

}  // namespace
}  // namespace tests
