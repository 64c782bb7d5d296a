// Calls by several threads or processes at once: what one costs whoever makes it, when others compete for the CPUs and for the sentry.
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/syscall/bench.h"

namespace ringwall::bench {
namespace {

constexpr int kMostWorkers = 64;
constexpr int kBatch = 16;

struct Worker {
  double active_ns;  // in calls, pauses left out
  uint64_t calls;
};
struct Shared {
  int start[2];  // workers begin when the last writing end of this pipe is closed
  double budget_ns;
  bool bursty;
  Worker workers[kMostWorkers];
};
Shared* g_shared = nullptr;

double NowNs() {
  timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<double>(ts.tv_sec) * 1e9 + static_cast<double>(ts.tv_nsec);
}

void* Work(void* argument) {
  Worker& self = *static_cast<Worker*>(argument);
  char byte;
  (void)!read(g_shared->start[0], &byte, 1);
  const double begin = NowNs();
  for (double now = begin; now - begin < g_shared->budget_ns;) {
    const double before = NowNs();
    // Not one that a sandbox may answer without a hand-off.
    for (int i = 0; i < kBatch; ++i) syscall(SYS_getpgid, 0);
    now = NowNs();
    self.active_ns += now - before;
    self.calls += kBatch;
    if (g_shared->bursty) {
      const timespec pause = {0, 300'000};
      nanosleep(&pause, nullptr);
    }
  }
  return nullptr;
}

}  // namespace

double Handoff(int workers, bool processes, bool bursty, double budget_ns) {
  BENCH_REQUIRE(workers >= 1 && workers <= kMostWorkers);
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  BENCH_REQUIRE(memory != MAP_FAILED);
  g_shared = static_cast<Shared*>(memory);
  g_shared->budget_ns = budget_ns;
  g_shared->bursty = bursty;
  BENCH_REQUIRE(pipe(g_shared->start) == 0);
  pthread_t threads[kMostWorkers];
  pid_t children[kMostWorkers];
  for (int i = 0; i < workers; ++i) {
    Worker* worker = &g_shared->workers[i];
    if (!processes) {
      BENCH_REQUIRE(pthread_create(&threads[i], nullptr, Work, worker) == 0);
      continue;
    }
    children[i] = fork();
    BENCH_REQUIRE(children[i] >= 0);
    if (children[i] == 0) {
      close(g_shared->start[1]);
      Work(worker);
      _exit(0);
    }
  }
  close(g_shared->start[1]);
  double active_ns = 0;
  uint64_t calls = 0;
  for (int i = 0; i < workers; ++i) {
    if (processes) {
      BENCH_REQUIRE(waitpid(children[i], nullptr, 0) == children[i]);
    } else {
      BENCH_REQUIRE(pthread_join(threads[i], nullptr) == 0);
    }
    active_ns += g_shared->workers[i].active_ns;
    calls += g_shared->workers[i].calls;
  }
  BENCH_REQUIRE(calls != 0);
  return active_ns / static_cast<double>(calls);
}

}  // namespace ringwall::bench
