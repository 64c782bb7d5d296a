// getrusage(2), times(2), CPU-time clocks, RLIMIT_CPU (getrlimit(2)).
#include <sys/resource.h>
#include <sys/times.h>
#include <time.h>

#include "tests/lib/guest.h"

namespace tests {

static double Seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; }
static double Clock(clockid_t clock) {
  timespec t{};
  EXPECT_THAT(Call(SYS_clock_gettime, clock, &t), SucceedsWith(0));
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}
static rusage Usage(int who) {
  rusage usage{};
  EXPECT_THAT(Call(SYS_getrusage, who, &usage), SucceedsWith(0));
  return usage;
}
static void Compute(double seconds) {
  const double end = Clock(CLOCK_THREAD_CPUTIME_ID) + seconds;
  while (Clock(CLOCK_THREAD_CPUTIME_ID) < end) {
    for (volatile int i = 0; i < 20000;) i = i + 1;
  }
}
// Calls that make the kernel work.
static void CallOften(int times) {
  char bytes[4096];
  const ScopedFd fd(open("/dev/zero", O_RDONLY));
  for (int i = 0; i < times; ++i) Call(SYS_read, fd, bytes, sizeof(bytes));
}

TEST(Getrusage, BadArguments) {
  rusage usage;
  EXPECT_THAT(Call(SYS_getrusage, 5, &usage), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_getrusage, RUSAGE_SELF, BadAddress()), FailsWith(EFAULT));
}
TEST(Getrusage, UserTimeGrows) {
  const double before = Seconds(Usage(RUSAGE_SELF).ru_utime);
  Compute(0.1);
  EXPECT_GT(Seconds(Usage(RUSAGE_SELF).ru_utime), before + 0.03);
}
TEST(Getrusage, SystemTimeGrowsWithCalls) {
  const double before = Seconds(Usage(RUSAGE_SELF).ru_stime);
  for (int i = 0; i < 100 && Seconds(Usage(RUSAGE_SELF).ru_stime) < before + 0.02; ++i) CallOften(2000);
  EXPECT_GE(Seconds(Usage(RUSAGE_SELF).ru_stime), before + 0.02);
}
TEST(Getrusage, SleepingCostsNothing) {
  const rusage before = Usage(RUSAGE_SELF);
  usleep(200000);
  const rusage after = Usage(RUSAGE_SELF);
  EXPECT_LT(Seconds(after.ru_utime) + Seconds(after.ru_stime), Seconds(before.ru_utime) + Seconds(before.ru_stime) + 0.1);
}
TEST(Getrusage, ThreadCountsItself) {
  ScopedThread other([] {
    Compute(0.05);
    const rusage own = Usage(RUSAGE_THREAD);
    EXPECT_GT(Seconds(own.ru_utime) + Seconds(own.ru_stime), 0.04);
  });
  other.Join();
  EXPECT_GT(Seconds(Usage(RUSAGE_SELF).ru_utime) + Seconds(Usage(RUSAGE_SELF).ru_stime), 0.04);  // the process keeps it
}
TEST(Getrusage, ChildrenCountWhenReaped) {
  InChild([] {
    const pid_t child = StartChild([] { Compute(0.05); });
    siginfo_t info;
    waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
    EXPECT_EQ(Seconds(Usage(RUSAGE_CHILDREN).ru_utime), 0.0);
    waitpid(child, nullptr, 0);
    EXPECT_GT(Seconds(Usage(RUSAGE_CHILDREN).ru_utime) + Seconds(Usage(RUSAGE_CHILDREN).ru_stime), 0.03);
  });
}
TEST(Getrusage, Wait4GivesTheChilds) {
  const pid_t child = StartChild([] { Compute(0.05); });
  rusage usage{};
  int status;
  EXPECT_THAT(Call(SYS_wait4, child, &status, 0, &usage), SucceedsWith(child));
  EXPECT_GT(Seconds(usage.ru_utime) + Seconds(usage.ru_stime), 0.03);
}
TEST(Times, CountsTicks) {
  InChild([] {
    Compute(0.1);
    tms t{};
    EXPECT_THAT(Call(SYS_times, &t), Succeeds());
    EXPECT_GE(t.tms_utime + t.tms_stime, 5);
    EXPECT_EQ(t.tms_cutime, 0);
    InChild([] { Compute(0.1); });
    Call(SYS_times, &t);
    EXPECT_GE(t.tms_cutime + t.tms_cstime, 5);
  });
}
TEST(CpuClock, ProcessIsTheSumOfItsThreads) {
  const double before = Clock(CLOCK_PROCESS_CPUTIME_ID);
  {
    ScopedThread a([] { Compute(0.05); }), b([] { Compute(0.05); });
  }
  EXPECT_GT(Clock(CLOCK_PROCESS_CPUTIME_ID), before + 0.09);
}
TEST(CpuClock, SystemTimeCounts) {
  const double before = Clock(CLOCK_THREAD_CPUTIME_ID);
  const rusage usage = Usage(RUSAGE_THREAD);
  CallOften(5000);
  const rusage after = Usage(RUSAGE_THREAD);
  const double used = Seconds(after.ru_utime) + Seconds(after.ru_stime) - Seconds(usage.ru_utime) - Seconds(usage.ru_stime);
  EXPECT_GT(Clock(CLOCK_THREAD_CPUTIME_ID) - before + 0.02, used);
}
TEST(CpuClock, NeverGoesBack) {
  double last = 0;
  for (int i = 0; i < 2000; ++i) {
    const double now = Clock(CLOCK_PROCESS_CPUTIME_ID);
    EXPECT_GE(now, last);
    last = now;
    if ((i & 63) == 0) CallOften(20);
  }
}

static void LimitCpu(rlim_t soft, rlim_t hard) {
  const rlimit limit{soft, hard};
  EXPECT_THAT(Call(SYS_setrlimit, RLIMIT_CPU, &limit), SucceedsWith(0));
}
static void ComputeForever() {
  for (volatile long i = 0;;) i = i + 1;
}
TEST(RlimitCpu, SoftLimitIsSigxcpu) {
  EXPECT_THAT(ChildStatus([] {
                LimitCpu(1, 10);
                ComputeForever();
              }),
              KilledBy(SIGXCPU));
}
TEST(RlimitCpu, HardLimitIsSigkill) {
  EXPECT_THAT(ChildStatus([] {
                signal(SIGXCPU, SIG_IGN);
                LimitCpu(1, 1);
                ComputeForever();
              }),
              KilledBy(SIGKILL));
}
TEST(RlimitCpu, CaughtSignalComesAgain) {
  EXPECT_THAT(ChildStatus([] {
                SignalRecorder recorder(SIGXCPU);
                LimitCpu(1, 10);
                while (recorder.count() < 2) {
                  for (volatile int i = 0; i < 100000;) i = i + 1;
                }
                rlimit limit{};
                getrlimit(RLIMIT_CPU, &limit);
                _exit(static_cast<int>(limit.rlim_cur));  // Linux raises it with every signal
              }),
              Exited(3));
}
TEST(RlimitCpu, ChildHasItToo) {
  InChild([] {
    LimitCpu(1, 10);
    EXPECT_THAT(ChildStatus([] { ComputeForever(); }), KilledBy(SIGXCPU));
  });
}

}  // namespace tests
