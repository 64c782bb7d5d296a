// getrlimit(2), prlimit64(2), getrusage(2), times(2), uname(2), sched_*(2), getpriority(2).
#include <linux/capability.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <sys/utsname.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Rlimit, SoftLimitMovesBelowTheHardOne) {
  InChild([] {
    rlimit limit{100, 200}, seen{};
    EXPECT_THAT(Call(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, nullptr), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_getrlimit, RLIMIT_NOFILE, &seen), SucceedsWith(0));
    EXPECT_EQ(seen.rlim_cur, 100u);
    EXPECT_EQ(seen.rlim_max, 200u);
    limit = {201, 200};
    EXPECT_THAT(Call(SYS_setrlimit, RLIMIT_NOFILE, &limit), FailsWith(EINVAL));
  });
}
TEST(Rlimit, RaisingTheHardLimitNeedsThePrivilege) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    rlimit limit{100, 200};
    EXPECT_THAT(Call(SYS_setrlimit, RLIMIT_NOFILE, &limit), SucceedsWith(0));
    DropToNobody();
    limit = {100, 201};
    EXPECT_THAT(Call(SYS_setrlimit, RLIMIT_NOFILE, &limit), FailsWith(EPERM));
  });
}
TEST(Rlimit, Errors) {
  rlimit limit;
  EXPECT_THAT(Call(SYS_getrlimit, 99, &limit), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_getrlimit, RLIMIT_NOFILE, BadAddress()), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_prlimit64, 0x3fffffff, RLIMIT_NOFILE, nullptr, &limit), FailsWith(ESRCH));
}
TEST(Rlimit, IsInherited) {
  InChild([] {
    const rlimit limit{123, 200};
    EXPECT_THAT(Call(SYS_setrlimit, RLIMIT_NOFILE, &limit), SucceedsWith(0));
    InChild([] {
      rlimit seen{};
      EXPECT_THAT(Call(SYS_getrlimit, RLIMIT_NOFILE, &seen), SucceedsWith(0));
      EXPECT_EQ(seen.rlim_cur, 123u);
    });
  });
}
TEST(Getrusage, SelfAndChildren) {
  rusage usage = {};
  EXPECT_THAT(Call(SYS_getrusage, RUSAGE_SELF, &usage), SucceedsWith(0));
  EXPECT_GT(usage.ru_maxrss, 0);
  EXPECT_THAT(Call(SYS_getrusage, RUSAGE_CHILDREN, &usage), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_getrusage, RUSAGE_THREAD, &usage), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_getrusage, 99, &usage), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_getrusage, RUSAGE_SELF, BadAddress()), FailsWith(EFAULT));
}
TEST(Times, ReturnsTicksAndAcceptsNull) {
  tms spent;
  EXPECT_GT(Call(SYS_times, &spent), 0);
  EXPECT_GT(Call(SYS_times, nullptr), 0);
}
TEST(Uname, NamesALinux) {
  utsname name = {};
  EXPECT_THAT(Call(SYS_uname, &name), SucceedsWith(0));
  EXPECT_STREQ(name.sysname, "Linux");
  EXPECT_STREQ(name.machine, "x86_64");
  EXPECT_GE(atoi(name.release), 4);
  EXPECT_THAT(Call(SYS_uname, BadAddress()), FailsWith(EFAULT));
}
TEST(Sethostname, NeedsThePrivilege) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_sethostname, "x", 1), FailsWith(EPERM));
  });
}
TEST(Sched, AffinityIsNotEmptyAndReadsBack) {
  InChild([] {
    unsigned long mask[16] = {};
    const long bytes = Call(SYS_sched_getaffinity, 0, sizeof mask, mask);
    EXPECT_GT(bytes, 0);
    const unsigned long lowest = mask[0] & -mask[0];
    EXPECT_NE(lowest, 0u);
    EXPECT_THAT(Call(SYS_sched_setaffinity, 0, 8, &lowest), SucceedsWith(0));
    unsigned long now[16] = {};
    EXPECT_THAT(Call(SYS_sched_getaffinity, 0, sizeof now, now), Succeeds());
    EXPECT_EQ(now[0], lowest);
    const unsigned long none = 0;
    EXPECT_THAT(Call(SYS_sched_setaffinity, 0, 8, &none), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_sched_getaffinity, 0, 1, now), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_sched_getaffinity, 0x3fffffff, sizeof now, now), FailsWith(ESRCH));
  });
}
TEST(Sched, NegativeIdIsNobodyForAffinityAndInvalidForPolicies) {
  unsigned long mask[16] = {};
  EXPECT_THAT(Call(SYS_sched_getaffinity, -1, sizeof mask, mask), FailsWith(ESRCH));
  EXPECT_THAT(Call(SYS_sched_setaffinity, -1, sizeof mask, mask), FailsWith(ESRCH));
  EXPECT_THAT(Call(SYS_sched_getaffinity, -1, 1, mask), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sched_getscheduler, -1), FailsWith(EINVAL));
}
TEST(Sched, YieldSucceeds) { EXPECT_THAT(Call(SYS_sched_yield), SucceedsWith(0)); }
TEST(Sched, DefaultPolicyAndPriorityRange) {
  EXPECT_THAT(Call(SYS_sched_getscheduler, 0), SucceedsWith(SCHED_OTHER));
  EXPECT_THAT(Call(SYS_sched_get_priority_max, SCHED_FIFO), SucceedsWith(99));
  EXPECT_THAT(Call(SYS_sched_get_priority_min, SCHED_FIFO), SucceedsWith(1));
  EXPECT_THAT(Call(SYS_sched_get_priority_max, SCHED_OTHER), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_sched_get_priority_max, 99), FailsWith(EINVAL));
}
TEST(Sched, SetschedulerChecksThePriority) {
  sched_param param = {};
  param.sched_priority = 5;
  EXPECT_THAT(Call(SYS_sched_setscheduler, 0, SCHED_OTHER, &param), FailsWith(EINVAL));
  param.sched_priority = 0;
  EXPECT_THAT(Call(SYS_sched_setscheduler, 0, SCHED_OTHER, &param), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_sched_setscheduler, 0, 99, &param), FailsWith(EINVAL));
}
TEST(Priority, NiceValueReadsBackInKernelForm) {
  InChild([] {
    EXPECT_THAT(Call(SYS_setpriority, PRIO_PROCESS, 0, 5), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_getpriority, PRIO_PROCESS, 0), SucceedsWith(20 - 5));
    EXPECT_THAT(Call(SYS_setpriority, PRIO_PROCESS, 0, 100), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_getpriority, PRIO_PROCESS, 0), SucceedsWith(1));
    EXPECT_THAT(Call(SYS_getpriority, 99, 0), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_getpriority, PRIO_PROCESS, 0x3fffffff), FailsWith(ESRCH));
  });
}

}  // namespace tests
