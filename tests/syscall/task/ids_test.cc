// getpid(2), setsid(2), setpgid(2), getsid(2).
#include "tests/lib/guest.h"

namespace tests {

static pid_t SleepingChild() {
  const pid_t child = ForkChild();
  while (child == 0) Call(SYS_pause);
  return child;
}
static void End(pid_t child) {
  Call(SYS_kill, child, SIGKILL);
  Call(SYS_wait4, child, nullptr, 0, nullptr);
}

ROLE(wait_forever) {
  while (true) Call(SYS_pause);
}

TEST(Setsid, MakesALeaderOfSessionAndGroup) {
  InChild([] {
    EXPECT_THAT(Call(SYS_setsid), SucceedsWith(getpid()));
    EXPECT_THAT(Call(SYS_getsid, 0), SucceedsWith(getpid()));
    EXPECT_THAT(Call(SYS_getpgid, 0), SucceedsWith(getpid()));
    EXPECT_THAT(Call(SYS_setsid), FailsWith(EPERM));
  });
}
TEST(Setsid, GroupLeaderMayNot) {
  InChild([] {
    EXPECT_THAT(Call(SYS_setpgid, 0, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setsid), FailsWith(EPERM));
  });
}
TEST(Setpgid, ChildMovesToItsOwnGroup) {
  const pid_t child = SleepingChild();
  EXPECT_THAT(Call(SYS_setpgid, child, child), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_getpgid, child), SucceedsWith(child));
  EXPECT_THAT(Call(SYS_setpgid, child, getpgrp()), SucceedsWith(0));
  End(child);
}
TEST(Setpgid, Errors) {
  EXPECT_THAT(Call(SYS_setpgid, 0, -1), FailsWith(EINVAL));
  // In a child: pid 1 itself is a session leader, EPERM.
  InChild([] { EXPECT_THAT(Call(SYS_setpgid, 1, 0), FailsWith(ESRCH)); });
  const pid_t child = SleepingChild();
  EXPECT_THAT(Call(SYS_setpgid, child, 0x3fffffff), FailsWith(EPERM));
  End(child);
}
TEST(Setpgid, SessionLeaderAndOtherSessionAreEperm) {
  const Pipe pipe;
  const pid_t child = ForkChild();
  if (child == 0) {
    Call(SYS_setsid);
    Call(SYS_write, pipe.writer, "r", 1);
    while (true) Call(SYS_pause);
  }
  char byte;
  EXPECT_THAT(Call(SYS_read, pipe.reader, &byte, 1), SucceedsWith(1));
  EXPECT_THAT(Call(SYS_setpgid, child, 0), FailsWith(EPERM));
  End(child);
}
TEST(Setpgid, AfterTheChildsExecIsEacces) {
  Pipe pipe(O_CLOEXEC);
  const pid_t child = ForkChild();
  if (child == 0) {
    ExecRole("wait_forever");
    _exit(1);
  }
  pipe.writer.Reset();
  char byte;
  EXPECT_THAT(Call(SYS_read, pipe.reader, &byte, 1), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_setpgid, child, child), FailsWith(EACCES));
  End(child);
}
TEST(Getpgid, UnknownPidIsEsrch) {
  EXPECT_THAT(Call(SYS_getpgid, 0x3fffffff), FailsWith(ESRCH));
  EXPECT_THAT(Call(SYS_getsid, 0x3fffffff), FailsWith(ESRCH));
}
TEST(Getppid, IsTheParent) {
  const pid_t parent = getpid();
  InChild([=] { EXPECT_THAT(Call(SYS_getppid), SucceedsWith(parent)); });
}

}  // namespace tests
