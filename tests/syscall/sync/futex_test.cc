// futex(2) and robust lists (get_robust_list(2)).
#include <linux/futex.h>
#include <stdint.h>

#include "tests/lib/guest.h"

namespace tests {

static long Futex(std::atomic<uint32_t>* word, int op, uint32_t value, const timespec* timeout = nullptr,
                  std::atomic<uint32_t>* second = nullptr, uint32_t third = 0) {
  return Call(SYS_futex, word, op, value, timeout, second, third);
}
// Wakes until one waiter has gone: it may not be asleep yet.
static void WakeOne(std::atomic<uint32_t>* word, int op = FUTEX_WAKE_PRIVATE) {
  for (int i = 0; i < 1000; ++i) {
    if (Futex(word, op, 1) == 1) return;
    SleepMs(1);
  }
  ADD_FAILURE() << "nobody waited";
}

TEST(FutexWait, ValueMismatchIsEagain) {
  std::atomic<uint32_t> word{1};
  EXPECT_THAT(Futex(&word, FUTEX_WAIT_PRIVATE, 2), FailsWith(EAGAIN));
}
TEST(FutexWait, RelativeTimeoutPasses) {
  std::atomic<uint32_t> word{1};
  const timespec timeout = Ms(20);
  const Stopwatch watch;
  EXPECT_THAT(Futex(&word, FUTEX_WAIT_PRIVATE, 1, &timeout), FailsWith(ETIMEDOUT));
  EXPECT_GE(watch.ms(), 19);
}
TEST(FutexWait, BadTimeIsInvalid) {
  std::atomic<uint32_t> word{1};
  const timespec bad = {0, 1'000'000'000};
  EXPECT_THAT(Futex(&word, FUTEX_WAIT_PRIVATE, 1, &bad), FailsWith(EINVAL));
}
TEST(FutexWait, UnalignedIsInvalidAndUnmappedFaults) {
  char bytes[8] = {};
  EXPECT_THAT(Call(SYS_futex, bytes + 1, FUTEX_WAIT_PRIVATE, 0, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_futex, BadAddress(), FUTEX_WAIT_PRIVATE, 0, nullptr), FailsWith(EFAULT));
}
TEST(FutexWait, HandlerInterruptsAWaitWithTimeout) {
  std::atomic<uint32_t> word{1};
  SignalRecorder recorder(SIGUSR1);
  ScopedThread waiter([&] {
    const timespec timeout = {10, 0};
    EXPECT_THAT(Futex(&word, FUTEX_WAIT_PRIVATE, 1, &timeout), FailsWith(EINTR));
  });
  WaitUntilAsleep(waiter.tid());
  EXPECT_THAT(Call(SYS_tgkill, getpid(), waiter.tid(), SIGUSR1), SucceedsWith(0));
}
TEST(FutexWake, ReturnsHowManyItWoke) {
  std::atomic<uint32_t> word{1};
  EXPECT_THAT(Futex(&word, FUTEX_WAKE_PRIVATE, 10), SucceedsWith(0));
  auto body = [&] { EXPECT_THAT(Futex(&word, FUTEX_WAIT_PRIVATE, 1), SucceedsWith(0)); };
  ScopedThread one(body), two(body), three(body);
  WaitUntilAsleep(one.tid());
  WaitUntilAsleep(two.tid());
  WaitUntilAsleep(three.tid());
  EXPECT_THAT(Futex(&word, FUTEX_WAKE_PRIVATE, 2), SucceedsWith(2));
  EXPECT_THAT(Futex(&word, FUTEX_WAKE_PRIVATE, 2), SucceedsWith(1));
}
TEST(FutexWake, NeedsNoReadableWordWhenPrivate) {
  // The key of a private futex is its address alone.
  EXPECT_THAT(Call(SYS_futex, BadAddress(), FUTEX_WAKE_PRIVATE, 1), SucceedsWith(0));
}
TEST(FutexBitset, WakesOnlyMatchingBits) {
  std::atomic<uint32_t> word{1};
  auto wait = [&](uint32_t bits) { EXPECT_THAT(Futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, nullptr, nullptr, bits), SucceedsWith(0)); };
  ScopedThread one([&] { wait(1); }), two([&] { wait(2); });
  WaitUntilAsleep(one.tid());
  WaitUntilAsleep(two.tid());
  EXPECT_THAT(Futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, nullptr, nullptr, 4), SucceedsWith(0));
  EXPECT_THAT(Futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, nullptr, nullptr, 2), SucceedsWith(1));
  EXPECT_THAT(Futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, nullptr, nullptr, 1), SucceedsWith(1));
}
TEST(FutexBitset, EmptyBitsetIsInvalid) {
  std::atomic<uint32_t> word{1};
  EXPECT_THAT(Futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, nullptr, nullptr, 0), FailsWith(EINVAL));
  EXPECT_THAT(Futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, nullptr, nullptr, 0), FailsWith(EINVAL));
}
TEST(FutexBitset, TimeoutIsAbsolute) {
  std::atomic<uint32_t> word{1};
  timespec past{};
  clock_gettime(CLOCK_MONOTONIC, &past);
  EXPECT_THAT(Futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, &past, nullptr, ~0U), FailsWith(ETIMEDOUT));
  clock_gettime(CLOCK_REALTIME, &past);
  EXPECT_THAT(Futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 1, &past, nullptr, ~0U), FailsWith(ETIMEDOUT));
}
TEST(FutexRequeue, MovesWaitersToTheSecondWord) {
  std::atomic<uint32_t> first{1}, second{2};
  auto body = [&] { EXPECT_THAT(Futex(&first, FUTEX_WAIT_PRIVATE, 1), SucceedsWith(0)); };
  ScopedThread one(body), two(body), three(body);
  WaitUntilAsleep(one.tid());
  WaitUntilAsleep(two.tid());
  WaitUntilAsleep(three.tid());
  EXPECT_THAT(Call(SYS_futex, &first, FUTEX_REQUEUE_PRIVATE, 1, 1, &second), SucceedsWith(2));
  EXPECT_THAT(Futex(&first, FUTEX_WAKE_PRIVATE, 10), SucceedsWith(1));
  EXPECT_THAT(Futex(&second, FUTEX_WAKE_PRIVATE, 10), SucceedsWith(1));
}
TEST(FutexCmpRequeue, ValueMismatchIsEagain) {
  std::atomic<uint32_t> first{1}, second{2};
  EXPECT_THAT(Call(SYS_futex, &first, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, &second, 9), FailsWith(EAGAIN));
  EXPECT_THAT(Call(SYS_futex, &first, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, &second, 1), SucceedsWith(0));
}
TEST(FutexCmpRequeue, NegativeCountIsInvalid) {
  std::atomic<uint32_t> first{1}, second{2};
  EXPECT_THAT(Call(SYS_futex, &first, FUTEX_CMP_REQUEUE_PRIVATE, -1, 1, &second, 1), FailsWith(EINVAL));
}
TEST(FutexWakeOp, ChangesTheSecondWordAndComparesTheOldValue) {
  std::atomic<uint32_t> first{1}, second{5};
  ScopedThread waiter([&] { EXPECT_THAT(Futex(&second, FUTEX_WAIT_PRIVATE, 5), SucceedsWith(0)); });
  WaitUntilAsleep(waiter.tid());
  const uint32_t op = FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5);
  EXPECT_THAT(Call(SYS_futex, &first, FUTEX_WAKE_OP_PRIVATE, 1, 1, &second, op), SucceedsWith(1));
  EXPECT_EQ(second.load(), 8u);
}
TEST(FutexWakeOp, FalseComparisonWakesOnlyTheFirst) {
  std::atomic<uint32_t> first{1}, second{5};
  ScopedThread waiter([&] { EXPECT_THAT(Futex(&second, FUTEX_WAIT_PRIVATE, 5), SucceedsWith(0)); });
  WaitUntilAsleep(waiter.tid());
  const uint32_t op = FUTEX_OP(FUTEX_OP_SET, 6, FUTEX_OP_CMP_GT, 5);
  EXPECT_THAT(Call(SYS_futex, &first, FUTEX_WAKE_OP_PRIVATE, 1, 1, &second, op), SucceedsWith(0));
  EXPECT_EQ(second.load(), 6u);
  WakeOne(&second);
}
TEST(FutexShared, WakesAcrossProcesses) {
  const Mapping page(kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  auto* word = reinterpret_cast<std::atomic<uint32_t>*>(page.get());
  const pid_t child = StartChild([&] { EXPECT_THAT(Futex(word, FUTEX_WAIT, 0), SucceedsWith(0)); });
  WakeOne(word, FUTEX_WAKE);
  EXPECT_THAT(StatusOf(child), Exited(0));
}
TEST(FutexPrivate, DoesNotCrossProcesses) {
  const Mapping page(kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  auto* word = reinterpret_cast<std::atomic<uint32_t>*>(page.get());
  const pid_t child = StartChild([&] {
    const timespec timeout = Ms(100);
    EXPECT_THAT(Futex(word, FUTEX_WAIT_PRIVATE, 0, &timeout), FailsWith(ETIMEDOUT));
  });
  WaitUntilAsleep(child);
  EXPECT_THAT(Futex(word, FUTEX_WAKE_PRIVATE, 1), SucceedsWith(0));
  EXPECT_THAT(StatusOf(child), Exited(0));
}
TEST(Futex, UnknownOperationIsEnosys) {
  std::atomic<uint32_t> word{1};
  EXPECT_THAT(Futex(&word, 99, 1), FailsWith(ENOSYS));
}
TEST(FutexPi, LockAndUnlockOwnTheWord) {
  std::atomic<uint32_t> word{0};
  EXPECT_THAT(Futex(&word, FUTEX_LOCK_PI_PRIVATE, 0), SucceedsWith(0));
  EXPECT_EQ(word.load() & FUTEX_TID_MASK, static_cast<uint32_t>(gettid()));
  EXPECT_THAT(Futex(&word, FUTEX_LOCK_PI_PRIVATE, 0), FailsWith(EDEADLK));
  ScopedThread other([&] {
    EXPECT_THAT(Futex(&word, FUTEX_TRYLOCK_PI_PRIVATE, 0), FailsWithEither(EAGAIN, EDEADLK));
    EXPECT_THAT(Futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0), FailsWith(EPERM));
  });
  other.Join();
  EXPECT_THAT(Futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0), SucceedsWith(0));
  EXPECT_EQ(word.load() & FUTEX_TID_MASK, 0u);
}
TEST(ThreadExit, ClearsAndWakesTheTidWord) {
  // pthread_join sleeps on the word that clone's CLONE_CHILD_CLEARTID names.
  std::atomic<int> ran{0};
  for (int i = 0; i < 50; ++i) {
    ScopedThread thread([&] { ran.fetch_add(1); });
    thread.Join();
  }
  EXPECT_EQ(ran.load(), 50);
}
struct RobustNode {
  robust_list link;
  std::atomic<uint32_t> word;
};
TEST(RobustList, DeadOwnerIsMarkedAndWaiterWoken) {
  const Mapping page(kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  auto* node = reinterpret_cast<RobustNode*>(page.get());
  auto* head = reinterpret_cast<robust_list_head*>(page + 1024);
  const pid_t child = StartChild([&] {
    head->list.next = &node->link;
    node->link.next = &head->list;
    head->futex_offset = offsetof(RobustNode, word);
    head->list_op_pending = nullptr;
    EXPECT_THAT(Call(SYS_set_robust_list, head, sizeof *head), SucceedsWith(0));
    node->word.store(static_cast<uint32_t>(gettid()) | FUTEX_WAITERS);
    SleepMs(50);
  });
  uint32_t value;
  while ((value = node->word.load()) == 0) usleep(100);
  while (((value = node->word.load()) & FUTEX_OWNER_DIED) == 0) {
    const timespec timeout = {1, 0};
    Futex(&node->word, FUTEX_WAIT, value, &timeout);
  }
  EXPECT_EQ(value & FUTEX_TID_MASK, 0u);
  EXPECT_THAT(StatusOf(child), Exited(0));
}
TEST(RobustList, WrongSizeIsInvalidAndTheHeadReadsBack) {
  robust_list_head head = {};
  EXPECT_THAT(Call(SYS_set_robust_list, &head, 8), FailsWith(EINVAL));
  InChild([&] {
    head.list.next = &head.list;
    EXPECT_THAT(Call(SYS_set_robust_list, &head, sizeof head), SucceedsWith(0));
    robust_list_head* got = nullptr;
    size_t size = 0;
    EXPECT_THAT(Call(SYS_get_robust_list, 0, &got, &size), SucceedsWith(0));
    EXPECT_EQ(got, &head);
    EXPECT_EQ(size, sizeof head);
  });
}

}  // namespace tests
