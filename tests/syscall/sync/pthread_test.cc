// pthreads(7) on top of futexes: mutex, condition, barrier, robust mutex between processes.
#include "tests/lib/guest.h"

namespace tests {

TEST(Pthread, MutexKeepsACounterExact) {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  long counter = 0;
  auto body = [&] {
    for (int i = 0; i < 5000; ++i) {
      pthread_mutex_lock(&mutex);
      ++counter;
      pthread_mutex_unlock(&mutex);
    }
  };
  { ScopedThread a(body), b(body), c(body), d(body); }
  EXPECT_EQ(counter, 20000);
}
TEST(Pthread, ConditionHandsATokenAround) {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
  int turn = 0;
  auto body = [&](int self) {
    for (int i = 0; i < 200; ++i) {
      pthread_mutex_lock(&mutex);
      while (turn != self) pthread_cond_wait(&condition, &mutex);
      turn = (turn + 1) % 3;
      pthread_cond_broadcast(&condition);
      pthread_mutex_unlock(&mutex);
    }
  };
  {
    ScopedThread a([&] { body(0); }), b([&] { body(1); }), c([&] { body(2); });
  }
  EXPECT_EQ(turn, 0);
}
TEST(Pthread, TimedWaitTimesOut) {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
  timespec until{};
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += 20 * kMillisecond;
  if (until.tv_nsec >= 1'000'000'000) {
    until.tv_nsec -= 1'000'000'000;
    ++until.tv_sec;
  }
  pthread_mutex_lock(&mutex);
  EXPECT_EQ(pthread_cond_timedwait(&condition, &mutex, &until), ETIMEDOUT);
  pthread_mutex_unlock(&mutex);
}
TEST(Pthread, BarrierReleasesAllTogether) {
  pthread_barrier_t barrier;
  ASSERT_EQ(pthread_barrier_init(&barrier, nullptr, 3), 0);
  std::atomic<int> before{0}, serial{0};
  auto body = [&] {
    for (int round = 1; round <= 20; ++round) {
      before.fetch_add(1);
      if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) serial.fetch_add(1);
      EXPECT_GE(before.load(), 3 * round);
    }
  };
  { ScopedThread a(body), b(body), c(body); }
  EXPECT_EQ(serial.load(), 20);
  pthread_barrier_destroy(&barrier);
}
TEST(Pthread, RobustMutexOfADeadProcessIsRecovered) {
  const Mapping page(kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  auto* mutex = reinterpret_cast<pthread_mutex_t*>(page.get());
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  ASSERT_EQ(pthread_mutex_init(mutex, &attributes), 0);
  InChild([&] { EXPECT_EQ(pthread_mutex_lock(mutex), 0); });
  EXPECT_EQ(pthread_mutex_lock(mutex), EOWNERDEAD);
  EXPECT_EQ(pthread_mutex_consistent(mutex), 0);
  EXPECT_EQ(pthread_mutex_unlock(mutex), 0);
}
TEST(Pthread, ManyThreadsStartAndEnd) {
  std::atomic<int> ran{0};
  for (int round = 0; round < 5; ++round) {
    std::vector<std::unique_ptr<ScopedThread>> threads;
    for (int i = 0; i < 20; ++i) threads.push_back(std::make_unique<ScopedThread>([&] { ran.fetch_add(1); }));
  }
  EXPECT_EQ(ran.load(), 100);
}

}  // namespace tests
