// sched_setparam(2), sched_setattr(2), sched_rr_get_interval(2), ioprio_set(2).
#include <sched.h>
#include <sys/resource.h>

#include "tests/lib/guest.h"
#include "tests/lib/sched_attr.h"

namespace {

using namespace tests;

constexpr int kProcess = 1;  // IOPRIO_WHO_PROCESS
constexpr int IoPriority(int level, int data) { return level << 13 | data; }

TEST(SchedParam, OrdinaryTasksHaveNone) {
  int priority = 77;
  EXPECT_THAT(Call(SYS_sched_getparam, 0, &priority), SucceedsWith(0));
  EXPECT_EQ(priority, 0);
  EXPECT_THAT(Call(SYS_sched_setparam, 0, &priority), SucceedsWith(0));
  priority = 1;
  EXPECT_THAT(Call(SYS_sched_setparam, 0, &priority), FailsWith(EINVAL)) << "SCHED_OTHER has priority 0 alone";
}

TEST(SchedParam, Errors) {
  int priority = 0;
  EXPECT_THAT(Call(SYS_sched_getparam, -1, &priority), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sched_getparam, 0, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sched_getparam, 0x3fffffff, &priority), FailsWith(ESRCH));
  EXPECT_THAT(Call(SYS_sched_getparam, 0, BadAddress()), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_sched_setparam, -1, &priority), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sched_setparam, 0, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sched_setparam, 0, BadAddress()), FailsWith(EFAULT));
}

TEST(SchedParam, BatchIsAnswered) {
  InChild([] {
    const int priority = 0;
    EXPECT_THAT(Call(SYS_sched_setscheduler, 0, SCHED_BATCH, &priority), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_sched_getscheduler, 0), SucceedsWith(SCHED_BATCH));
    EXPECT_THAT(Call(SYS_sched_setparam, 0, &priority), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_sched_getscheduler, 0), SucceedsWith(SCHED_BATCH)) << "the policy stays";
  });
}

TEST(SchedRrGetInterval, IsWrittenForSelf) {
  timespec interval{-1, -1};
  EXPECT_THAT(Call(SYS_sched_rr_get_interval, 0, &interval), SucceedsWith(0));
  EXPECT_GE(interval.tv_sec, 0);
  EXPECT_GE(interval.tv_nsec, 0);
  EXPECT_LT(interval.tv_sec, 10);
  EXPECT_THAT(Call(SYS_sched_rr_get_interval, -1, &interval), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sched_rr_get_interval, 0x3fffffff, &interval), FailsWith(ESRCH));
  EXPECT_THAT(Call(SYS_sched_rr_get_interval, 0, BadAddress()), FailsWith(EFAULT));
}

TEST(SchedAttr, NiceIsSeenByGetpriority) {
  InChild([] {
    SchedAttr own{};
    EXPECT_THAT(Call(SYS_sched_getattr, 0, &own, sizeof own, 0), SucceedsWith(0));
    EXPECT_GE(own.size, 48u);
    own.size = sizeof own;
    own.policy = SCHED_OTHER;
    own.flags = 0;
    own.nice = 7;
    EXPECT_THAT(Call(SYS_sched_setattr, 0, &own, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_getpriority, PRIO_PROCESS, 0), SucceedsWith(20 - 7));
    SchedAttr back{};
    EXPECT_THAT(Call(SYS_sched_getattr, 0, &back, sizeof back, 0), SucceedsWith(0));
    EXPECT_EQ(back.nice, 7);
    EXPECT_EQ(back.policy, static_cast<uint32_t>(SCHED_OTHER));
  });
}

TEST(SchedAttr, Errors) {
  SchedAttr own{};
  own.size = sizeof own;
  EXPECT_THAT(Call(SYS_sched_getattr, 0, nullptr, sizeof own, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sched_getattr, 0, &own, 8, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sched_getattr, 0, &own, sizeof own, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sched_getattr, -1, &own, sizeof own, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sched_getattr, 0x3fffffff, &own, sizeof own, 0), FailsWith(ESRCH));
  EXPECT_THAT(Call(SYS_sched_getattr, 0, BadAddress(), sizeof own, 0), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_sched_setattr, 0, nullptr, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sched_setattr, 0, &own, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sched_setattr, 0, BadAddress(), 0), FailsWith(EFAULT));
  own.policy = 99;
  EXPECT_THAT(Call(SYS_sched_setattr, 0, &own, 0), FailsWith(EINVAL));
  own.size = 4;
  EXPECT_THAT(Call(SYS_sched_setattr, 0, &own, 0), FailsWith(E2BIG));
}

TEST(Ioprio, WhatWasSetIsReported) {
  InChild([] {
    EXPECT_THAT(Call(SYS_ioprio_set, kProcess, 0, IoPriority(2, 6)), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_ioprio_get, kProcess, 0), SucceedsWith(IoPriority(2, 6)));
    EXPECT_THAT(Call(SYS_ioprio_set, kProcess, 0, IoPriority(3, 0)), SucceedsWith(0)) << "idle";
    EXPECT_THAT(Call(SYS_ioprio_get, kProcess, getpid()), SucceedsWith(IoPriority(3, 0)));
  });
}

TEST(Ioprio, Errors) {
  EXPECT_THAT(Call(SYS_ioprio_set, kProcess, 0, IoPriority(7, 0)), FailsWith(EINVAL)) << "no such class";
  EXPECT_THAT(Call(SYS_ioprio_set, kProcess, 0, IoPriority(0, 1)), FailsWith(EINVAL)) << "no class, but a level";
  EXPECT_THAT(Call(SYS_ioprio_set, 9, 0, IoPriority(2, 4)), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_ioprio_set, kProcess, 0x3fffffff, IoPriority(2, 4)), FailsWith(ESRCH));
  EXPECT_THAT(Call(SYS_ioprio_get, 9, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_ioprio_get, kProcess, 0x3fffffff), FailsWith(ESRCH));
}

}  // namespace
