// dup(2), dup2(2), dup3(2).
#include <sys/resource.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Dup, TakesTheLowestFreeNumberWithoutCloexec) {
  const ScopedFd fd(open("/", O_RDONLY | O_CLOEXEC));
  const int lowest = LowestFreeFd();
  const ScopedFd copy(Call(SYS_dup, fd));
  EXPECT_EQ(copy.get(), lowest);
  EXPECT_THAT(Call(SYS_fcntl, copy, F_GETFD), SucceedsWith(0));
}
TEST(Dup, BadDescriptorIsBad) { EXPECT_THAT(Call(SYS_dup, 9999), FailsWith(EBADF)); }
TEST(Dup2, ReplacesAnOpenDescriptorSilently) {
  const Pipe pipe;
  ScopedFd other(open("/", O_RDONLY));
  EXPECT_THAT(Call(SYS_dup2, pipe.writer, other), SucceedsWith(other.get()));
  EXPECT_THAT(Call(SYS_write, other, "x", 1), SucceedsWith(1));
}
TEST(Dup2, SameNumberIsANoOpOnAnOpenDescriptor) {
  const ScopedFd fd(open("/", O_RDONLY | O_CLOEXEC));
  EXPECT_THAT(Call(SYS_dup2, fd, fd), SucceedsWith(fd.get()));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFD), SucceedsWith(FD_CLOEXEC));
}
TEST(Dup2, SameBadNumberIsBad) { EXPECT_THAT(Call(SYS_dup2, 9999, 9999), FailsWith(EBADF)); }
TEST(Dup2, TargetAtTheLimitIsBad) {
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_THAT(Call(SYS_dup2, 1, limit.rlim_cur), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_dup2, 1, -1), FailsWith(EBADF));
}
TEST(Dup3, SetsCloexec) {
  const ScopedFd fd(Call(SYS_dup3, 1, 200, O_CLOEXEC));
  EXPECT_EQ(fd.get(), 200);
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFD), SucceedsWith(FD_CLOEXEC));
}
TEST(Dup3, SameNumberIsInvalid) { EXPECT_THAT(Call(SYS_dup3, 1, 1, 0), FailsWith(EINVAL)); }
TEST(Dup3, UnknownFlagIsInvalid) { EXPECT_THAT(Call(SYS_dup3, 1, 200, O_NONBLOCK), FailsWith(EINVAL)); }
TEST(Dup, AtTheDescriptorLimitIsEmfile) {
  InChild([] {
    const rlimit limit{static_cast<rlim_t>(LowestFreeFd()), 1000};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_THAT(Call(SYS_dup, 1), FailsWith(EMFILE));
  });
}

}  // namespace tests
