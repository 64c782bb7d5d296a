// prctl(2), arch_prctl(2), personality(2).
#include <asm/prctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Prctl, NameIsCutToFifteenBytes) {
  InChild([] {
    EXPECT_THAT(Call(SYS_prctl, PR_SET_NAME, "0123456789abcdefXYZ"), SucceedsWith(0));
    char name[16];
    EXPECT_THAT(Call(SYS_prctl, PR_GET_NAME, name), SucceedsWith(0));
    EXPECT_STREQ(name, "0123456789abcde");
    EXPECT_THAT(Call(SYS_prctl, PR_SET_NAME, BadAddress()), FailsWith(EFAULT));
  });
}
TEST(Prctl, ParentDeathSignalReadsBackAndIsClearedByFork) {
  InChild([] {
    EXPECT_THAT(Call(SYS_prctl, PR_SET_PDEATHSIG, SIGUSR1), SucceedsWith(0));
    int signal = 0;
    EXPECT_THAT(Call(SYS_prctl, PR_GET_PDEATHSIG, &signal), SucceedsWith(0));
    EXPECT_EQ(signal, SIGUSR1);
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_GET_PDEATHSIG, &signal);
      _exit(signal);
    }
    EXPECT_THAT(StatusOf(child), Exited(0));
    EXPECT_THAT(Call(SYS_prctl, PR_SET_PDEATHSIG, 100), FailsWith(EINVAL));
  });
}
TEST(Prctl, ParentDeathSignalIsSent) {
  const Pipe pipe;
  const pid_t middle = StartChild([&] {
    if (fork() == 0) {
      const sigset_t set = SetOf(SIGUSR1);
      sigprocmask(SIG_BLOCK, &set, nullptr);
      prctl(PR_SET_PDEATHSIG, SIGUSR1);
      Call(SYS_write, pipe.writer, "r", 1);
      const timespec timeout = {2, 0};
      const char got = Call(SYS_rt_sigtimedwait, &set, nullptr, &timeout, kSetSize) == SIGUSR1 ? 'y' : 'n';
      Call(SYS_write, pipe.writer, &got, 1);
      _exit(0);
    }
    while (true) Call(SYS_pause);
  });
  char byte;
  EXPECT_THAT(Call(SYS_read, pipe.reader, &byte, 1), SucceedsWith(1));
  EXPECT_THAT(Call(SYS_kill, middle, SIGKILL), SucceedsWith(0));
  EXPECT_THAT(StatusOf(middle), KilledBy(SIGKILL));
  EXPECT_THAT(Call(SYS_read, pipe.reader, &byte, 1), SucceedsWith(1));
  EXPECT_EQ(byte, 'y');
}
TEST(Prctl, SubreaperAdoptsOrphans) {
  InChild([] {
    EXPECT_THAT(Call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1), SucceedsWith(0));
    const pid_t child = fork();
    if (child == 0) {
      if (fork() == 0) {
        SleepMs(20);
        _exit(55);
      }
      _exit(0);
    }
    EXPECT_THAT(StatusOf(child), Exited(0));
    int status;
    EXPECT_THAT(Call(SYS_wait4, -1, &status, 0, nullptr), Succeeds());
    EXPECT_THAT(status, Exited(55));
  });
}
TEST(Prctl, DumpableReadsBackAndRefusesNonsense) {
  InChild([] {
    EXPECT_THAT(Call(SYS_prctl, PR_SET_DUMPABLE, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_prctl, PR_GET_DUMPABLE), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_prctl, PR_SET_DUMPABLE, 7), FailsWith(EINVAL));
  });
}
TEST(Prctl, UnknownOptionIsInvalid) { EXPECT_THAT(Call(SYS_prctl, 99999), FailsWith(EINVAL)); }
TEST(ArchPrctl, FsBaseReadsBack) {
  unsigned long base = 0;
  EXPECT_THAT(Call(SYS_arch_prctl, ARCH_GET_FS, &base), SucceedsWith(0));
  EXPECT_EQ(base, reinterpret_cast<unsigned long>(pthread_self()));
  EXPECT_THAT(Call(SYS_arch_prctl, ARCH_SET_FS, KernelAddress()), FailsWith(EPERM));
  EXPECT_THAT(Call(SYS_arch_prctl, 0xffff, 0), FailsWith(EINVAL));
}
TEST(ArchPrctl, GsBaseIsPerThreadAndUsable) {
  InChild([] {
    static long cell = 77;
    EXPECT_THAT(Call(SYS_arch_prctl, ARCH_SET_GS, &cell), SucceedsWith(0));
    long value;
    asm volatile("mov %%gs:0, %0" : "=r"(value));
    EXPECT_EQ(value, 77);
  });
}
TEST(Personality, LargeValuesAreNoErrors) {
  InChild([] {
    const long odd = 0xfffffd00;
    EXPECT_THAT(Call(SYS_personality, odd), Succeeds());
    EXPECT_THAT(Call(SYS_personality, 0xffffffffU), SucceedsWith(odd));
  });
}
TEST(Personality, ReadsBackAndIsInherited) {
  InChild([] {
    const long old = Call(SYS_personality, 0xffffffffU);
    EXPECT_THAT(Call(SYS_personality, old | ADDR_NO_RANDOMIZE), SucceedsWith(old));
    InChild([=] { EXPECT_THAT(Call(SYS_personality, 0xffffffffU), SucceedsWith(old | ADDR_NO_RANDOMIZE)); });
  });
}

}  // namespace tests
