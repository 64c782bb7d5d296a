// vmsplice(2), cachestat(2).
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>

#include "tests/lib/guest.h"

namespace {

using namespace tests;

constexpr int kSysCachestat = 451;

TEST(Vmsplice, MemoryGoesIntoThePipe) {
  const Pipe pipe;
  char one[] = "one ", two[] = "two";
  const iovec iov[] = {{one, 4}, {two, 3}};
  EXPECT_THAT(Call(SYS_vmsplice, pipe.writer, iov, 2, 0), SucceedsWith(7));
  char buffer[16] = {};
  EXPECT_THAT(Call(SYS_read, pipe.reader, buffer, sizeof(buffer)), SucceedsWith(7));
  EXPECT_STREQ(buffer, "one two");
}

TEST(Vmsplice, PipeGoesIntoMemory) {
  const Pipe pipe;
  Call(SYS_write, pipe.writer, "hello", 5);
  char one[2] = {}, two[16] = {};
  const iovec iov[] = {{one, 2}, {two, 16}};
  EXPECT_THAT(Call(SYS_vmsplice, pipe.reader, iov, 2, 0), SucceedsWith(5));
  EXPECT_EQ(memcmp(one, "he", 2), 0);
  EXPECT_STREQ(two, "llo");
}

TEST(Vmsplice, NothingToMoveIsZero) {
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_vmsplice, pipe.writer, nullptr, 0, 0), SucceedsWith(0));
}

TEST(Vmsplice, FullPipeWouldBlock) {
  const Pipe pipe;
  fcntl(pipe.writer.get(), F_SETPIPE_SZ, 4096);
  char page[4096] = {};
  const iovec iov{page, sizeof(page)};
  EXPECT_THAT(Call(SYS_vmsplice, pipe.writer, &iov, 1, SPLICE_F_NONBLOCK), Succeeds());
  long result = 1;
  for (int i = 0; i < 64 && result > 0; ++i) result = Call(SYS_vmsplice, pipe.writer, &iov, 1, SPLICE_F_NONBLOCK);
  EXPECT_THAT(result, FailsWith(EAGAIN));
}

TEST(Vmsplice, EmptyPipeWouldBlock) {
  const Pipe pipe;
  char byte;
  const iovec iov{&byte, 1};
  EXPECT_THAT(Call(SYS_vmsplice, pipe.reader, &iov, 1, SPLICE_F_NONBLOCK), FailsWith(EAGAIN));
}

TEST(Vmsplice, OnlyPipes) {
  const ScopedFd file = TempFile();
  char byte = 0;
  const iovec iov{&byte, 1};
  EXPECT_THAT(Call(SYS_vmsplice, file, &iov, 1, 0), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_vmsplice, 9999, &iov, 1, 0), FailsWith(EBADF));
}

TEST(Vmsplice, ArgumentsAreChecked) {
  const Pipe pipe;
  char byte = 0;
  const iovec iov{&byte, 1};
  EXPECT_THAT(Call(SYS_vmsplice, pipe.writer, &iov, 1, 0x100), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_vmsplice, pipe.writer, &iov, 1025, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_vmsplice, pipe.writer, BadAddress(), 1, 0), FailsWith(EFAULT));
}

struct Range {
  uint64_t off, len;
};
struct Stat {
  uint64_t nr_cache, nr_dirty, nr_writeback, nr_evicted, nr_recently_evicted;
};

TEST(Cachestat, CountsThePagesOfARange) {
  const ScopedFd file = TempFile(std::string(3 * 4096 + 1, 'x'));
  Range all{0, 0}, second{4096, 4096}, behind{1 << 20, 4096};
  Stat stat{};
  const long result = Call(kSysCachestat, file, &all, &stat, 0);
  if (result == -ENOSYS) GTEST_SKIP() << "not in this kernel";
  EXPECT_THAT(result, Succeeds());
  EXPECT_EQ(stat.nr_cache, 4u);
  EXPECT_THAT(Call(kSysCachestat, file, &second, &stat, 0), Succeeds());
  EXPECT_EQ(stat.nr_cache, 1u);
  EXPECT_THAT(Call(kSysCachestat, file, &behind, &stat, 0), Succeeds());
  EXPECT_EQ(stat.nr_cache, 0u);
}

TEST(Cachestat, ArgumentsAreChecked) {
  const ScopedFd file = TempFile("x");
  Range all{0, 0};
  Stat stat{};
  if (Call(kSysCachestat, file, &all, &stat, 0) == -ENOSYS) GTEST_SKIP() << "not in this kernel";
  EXPECT_THAT(Call(kSysCachestat, file, &all, &stat, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(kSysCachestat, 9999, &all, &stat, 0), FailsWith(EBADF));
  EXPECT_THAT(Call(kSysCachestat, file, BadAddress(), &stat, 0), FailsWith(EFAULT));
  EXPECT_THAT(Call(kSysCachestat, file, &all, BadAddress(), 0), FailsWith(EFAULT));
}

}  // namespace
