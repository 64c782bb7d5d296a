// tee(2); preadv(2); eventfd(2) and signalfd(2) in their forms without flags.
#include <fcntl.h>
#include <sys/uio.h>

#include "tests/lib/guest.h"

namespace {

using namespace tests;

constexpr int kNonblock = 2;  // SPLICE_F_NONBLOCK

TEST(Tee, CopiesWithoutTaking) {
  const Pipe from, to;
  Call(SYS_write, from.writer, "hello", 5);
  EXPECT_THAT(Call(SYS_tee, from.reader, to.writer, 3, 0), SucceedsWith(3));
  EXPECT_THAT(Call(SYS_tee, from.reader, to.writer, 100, 0), SucceedsWith(5));
  char text[16] = {};
  EXPECT_THAT(Call(SYS_read, to.reader, text, 16), SucceedsWith(8));
  EXPECT_STREQ(text, "helhello");
  EXPECT_THAT(Call(SYS_read, from.reader, text, 16), SucceedsWith(5)) << "still there";
}

TEST(Tee, EmptyFullAndEnded) {
  Pipe from;
  const Pipe to;
  EXPECT_THAT(Call(SYS_tee, from.reader, to.writer, 10, kNonblock), FailsWith(EAGAIN));
  EXPECT_THAT(Call(SYS_tee, from.reader, to.writer, 0, 0), SucceedsWith(0));
  from.writer.Reset();
  EXPECT_THAT(Call(SYS_tee, from.reader, to.writer, 10, 0), SucceedsWith(0)) << "no more writers";
}

TEST(Tee, Errors) {
  const Pipe from, to;
  const ScopedFd file = TempFile("x");
  Call(SYS_write, from.writer, "hello", 5);
  EXPECT_THAT(Call(SYS_tee, from.reader, to.writer, 5, 0x10), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_tee, from.reader, from.writer, 5, 0), FailsWith(EINVAL)) << "onto itself";
  EXPECT_THAT(Call(SYS_tee, file, to.writer, 5, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_tee, from.reader, 9999, 5, 0), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_tee, from.writer, to.writer, 5, 0), FailsWith(EBADF)) << "not open for reading";
}

TEST(Preadv, ReadsAtAPlaceAndMovesNothing) {
  const ScopedFd file = TempFile("0123456789");
  char one[3] = {}, two[16] = {};
  const iovec parts[] = {{one, 2}, {two, 15}};
  EXPECT_THAT(Call(SYS_preadv, file, parts, 2, 5), SucceedsWith(5));
  EXPECT_STREQ(one, "56");
  EXPECT_STREQ(two, "789");
  EXPECT_EQ(Offset(file.get()), 0);
  EXPECT_THAT(Call(SYS_preadv, file, parts, 2, 10), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_preadv, file, parts, 2, -1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_preadv, file, parts, 1025, 0), FailsWith(EINVAL));
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_preadv, pipe.reader, parts, 2, 0), FailsWith(ESPIPE));
  EXPECT_THAT(Call(SYS_preadv, file, BadAddress(), 2, 0), FailsWith(EFAULT));
}

TEST(Eventfd1, HasNoFlags) {
  const ScopedFd fd(Call(SYS_eventfd, 5));
  ASSERT_THAT(fd.get(), Succeeds());
  unsigned long value = 0;
  EXPECT_THAT(Call(SYS_read, fd, &value, 8), SucceedsWith(8));
  EXPECT_EQ(value, 5u);
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFD), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFL), SucceedsWith(O_RDWR));
}

TEST(Signalfd1, ReadsABlockedSignal) {
  SignalRecorder recorder(SIGUSR1);
  sigset_t set, old;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  ASSERT_THAT(Call(SYS_rt_sigprocmask, SIG_BLOCK, &set, &old, 8), SucceedsWith(0));
  const ScopedFd fd(Call(SYS_signalfd, -1, &set, 8));
  ASSERT_THAT(fd.get(), Succeeds());
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFD), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_tgkill, getpid(), Call(SYS_gettid), SIGUSR1), SucceedsWith(0));
  unsigned info[32] = {};
  EXPECT_THAT(Call(SYS_read, fd, info, sizeof info), SucceedsWith(128));
  EXPECT_EQ(info[0], static_cast<unsigned>(SIGUSR1));
  EXPECT_THAT(Call(SYS_signalfd, -1, &set, 4), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_signalfd, 0, &set, 8), FailsWith(EINVAL)) << "another kind of file";
  EXPECT_THAT(Call(SYS_signalfd, 9999, &set, 8), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_rt_sigprocmask, SIG_SETMASK, &old, nullptr, 8), SucceedsWith(0));
  EXPECT_EQ(recorder.count(), 0);
}

}  // namespace
