// pidfd_getfd(2), and fork(2), vfork(2) and getpgrp(2) as calls of their own: the C library makes others.
#include <fcntl.h>
#include <sys/wait.h>

#include "tests/lib/guest.h"

namespace {

using namespace tests;

TEST(PidfdGetfd, SharesTheOpenFile) {
  const ScopedFd mine = TempFile("0123456789");
  const pid_t child = StartChild([] { pause(); });
  const ScopedFd pidfd(Call(SYS_pidfd_open, child, 0));
  const ScopedFd taken(Call(SYS_pidfd_getfd, pidfd, mine, 0));
  ASSERT_THAT(taken.get(), Succeeds());
  EXPECT_THAT(Call(SYS_lseek, taken, 4, SEEK_SET), SucceedsWith(4));
  EXPECT_EQ(Offset(mine.get()), 4) << "one open file description";
  EXPECT_THAT(Call(SYS_fcntl, taken, F_GETFD), SucceedsWith(FD_CLOEXEC));
  EXPECT_THAT(Call(SYS_pidfd_getfd, pidfd, 9999, 0), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_pidfd_getfd, pidfd, mine, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_pidfd_getfd, mine, mine, 0), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_pidfd_getfd, -1, 0, 0), FailsWith(EBADF));
  kill(child, SIGKILL);
  StatusOf(child);
  EXPECT_THAT(Call(SYS_pidfd_getfd, pidfd, mine, 0), FailsWith(ESRCH));
}

TEST(PidfdGetfd, StrangersProcessesAreRefused) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    const pid_t child = StartChild([] { pause(); });
    const ScopedFd pidfd(Call(SYS_pidfd_open, child, 0));
    InChild([&] {
      DropToNobody();
      EXPECT_THAT(Call(SYS_pidfd_getfd, pidfd, 0, 0), FailsWith(EPERM));
    });
    kill(child, SIGKILL);
    StatusOf(child);
  });
}

TEST(Fork, AsACallOfItsOwn) {
  const long child = Call(SYS_fork);
  if (child == 0) Call(SYS_exit_group, 9);
  ASSERT_THAT(child, Succeeds());
  EXPECT_THAT(StatusOf(static_cast<pid_t>(child)), Exited(9));
}

TEST(Getpgrp, IsGetpgidOfSelf) {
  EXPECT_THAT(Call(SYS_getpgrp), SucceedsWith(Call(SYS_getpgid, 0)));
  InChild([] {
    EXPECT_THAT(Call(SYS_setpgid, 0, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_getpgrp), SucceedsWith(getpid()));
  });
}

// The child runs on our stack until it ends: not even a return address may be written before.
TEST(Vfork, ParentWaitsForTheChildsEnd) {
  calls_made[SYS_vfork] = 1;
  volatile int seen = 0;
  long child;
  asm volatile(
      "syscall\n"
      "test %%rax, %%rax\n"
      "jnz 1f\n"
      "movl $5, (%%rbx)\n"
      "mov %[exit], %%eax\n"
      "mov $3, %%edi\n"
      "syscall\n"
      "1:\n"
      : "=a"(child)
      : "a"(static_cast<long>(SYS_vfork)), "b"(&seen), [exit] "i"(SYS_exit_group)
      : "rcx", "r11", "rdi", "memory", "cc");
  ASSERT_THAT(child, Succeeds());
  EXPECT_EQ(seen, 5) << "one memory, and the child came first";
  EXPECT_THAT(StatusOf(static_cast<pid_t>(child)), Exited(3));
}

}  // namespace
