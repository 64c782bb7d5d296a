// membarrier(2).
#include <linux/membarrier.h>

#include "tests/lib/guest.h"

namespace tests {

static long Barrier(int command, unsigned flags = 0, int cpu = 0) { return Call(SYS_membarrier, command, flags, cpu); }
constexpr int kGetRegistrations = 1 << 9;

TEST(Membarrier, QueryOffersTheUsualCommands) {
  const long offered = Barrier(MEMBARRIER_CMD_QUERY);
  for (const int command : {MEMBARRIER_CMD_GLOBAL, MEMBARRIER_CMD_GLOBAL_EXPEDITED, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED,
                            MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
                            MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE}) {
    EXPECT_EQ(offered & command, command) << command;
  }
}
TEST(Membarrier, UnknownCommandIsInvalid) {
  EXPECT_THAT(Barrier(1 << 20), FailsWith(EINVAL));
  EXPECT_THAT(Barrier(-1), FailsWith(EINVAL));
  EXPECT_THAT(Barrier(MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED), FailsWith(EINVAL));
}
TEST(Membarrier, FlagsAreInvalid) {
  EXPECT_THAT(Barrier(MEMBARRIER_CMD_QUERY, 1), FailsWith(EINVAL));
  EXPECT_THAT(Barrier(MEMBARRIER_CMD_GLOBAL, 2), FailsWith(EINVAL));
}
TEST(Membarrier, PrivateNeedsRegistration) {
  InChild([] { EXPECT_THAT(Barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED), FailsWith(EPERM)); });
}
TEST(Membarrier, SyncCoreNeedsItsOwnRegistration) {
  InChild([] {
    EXPECT_THAT(Barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED), SucceedsWith(0));
    EXPECT_THAT(Barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE), FailsWith(EPERM));
    EXPECT_THAT(Barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE), SucceedsWith(0));
    EXPECT_THAT(Barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE), SucceedsWith(0));
  });
}
TEST(Membarrier, PrivateOfASingleThread) {
  InChild([] {
    EXPECT_THAT(Barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED), SucceedsWith(0));
    EXPECT_THAT(Barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED), SucceedsWith(0));
  });
}
TEST(Membarrier, GlobalNeedsNoRegistration) { EXPECT_THAT(Barrier(MEMBARRIER_CMD_GLOBAL), SucceedsWith(0)); }
TEST(Membarrier, GlobalExpeditedNeedsNoRegistration) {
  InChild([] { EXPECT_THAT(Barrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED), SucceedsWith(0)); });
}
TEST(Membarrier, RegistrationsAreKnown) {
  InChild([] {
    EXPECT_THAT(Barrier(kGetRegistrations), SucceedsWith(0));
    Barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    EXPECT_THAT(Barrier(kGetRegistrations), SucceedsWith(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED));
    Barrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
    EXPECT_THAT(Barrier(kGetRegistrations),
                SucceedsWith(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED));
  });
}
TEST(Membarrier, RegistrationTwiceIsFine) {
  InChild([] {
    EXPECT_THAT(Barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED), SucceedsWith(0));
    EXPECT_THAT(Barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED), SucceedsWith(0));
  });
}
TEST(Membarrier, ThreadsShareTheRegistration) {
  InChild([] {
    ScopedThread other([] { Barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED); });
    other.Join();
    EXPECT_THAT(Barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED), SucceedsWith(0));
  });
}
TEST(Membarrier, RegistrationIsInheritedByFork) {
  InChild([] {
    Barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    InChild([] { EXPECT_THAT(Barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED), SucceedsWith(0)); });
  });
}
ROLE(barrier) { return Barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == -EPERM ? 1 : 2; }
TEST(Membarrier, RegistrationEndsWithExec) {
  EXPECT_THAT(ChildStatus([] {
                Barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
                ExecRole("barrier");
              }),
              Exited(1));
}

// The asymmetric Dekker lock that the call was made for: the frequent side has no fence at all, only the rare one calls the kernel. Both
// may not see the other's flag as unset.
static void AsymmetricLock(int command) {
  static std::atomic<int> frequent, rare, start, stop;
  static int both;
  frequent = rare = start = stop = both = 0;
  constexpr int kRounds = 60;
  ScopedThread other([] {
    for (int round = 1; round <= kRounds; ++round) {
      while (start.load(std::memory_order_acquire) != round) {
      }
      frequent.store(round, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      const int seen = rare.load(std::memory_order_relaxed);
      stop.store(seen == round ? round : -round, std::memory_order_release);
    }
  });
  for (int round = 1; round <= kRounds; ++round) {
    start.store(round, std::memory_order_release);
    rare.store(round, std::memory_order_relaxed);
    EXPECT_THAT(Call(SYS_membarrier, command, 0, 0), SucceedsWith(0));
    const int seen = frequent.load(std::memory_order_relaxed);
    int result;
    while ((result = stop.load(std::memory_order_acquire)) != round && result != -round) {
    }
    if (seen != round && result == -round) ++both;
  }
  EXPECT_EQ(both, 0);
}
TEST(Membarrier, PrivateOrdersRunningThreads) {
  Barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
  AsymmetricLock(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}
TEST(Membarrier, SyncCoreOrdersRunningThreads) {
  Barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE);
  AsymmetricLock(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE);
}
TEST(Membarrier, GlobalExpeditedOrdersRegisteredThreads) {
  Barrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
  AsymmetricLock(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
}
TEST(Membarrier, ManyCallersAtOnce) {
  Barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
  auto work = [] {
    for (int i = 0; i < 50; ++i) EXPECT_THAT(Barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED), SucceedsWith(0));
  };
  ScopedThread a(work), b(work), c(work);
  work();
}

}  // namespace tests
