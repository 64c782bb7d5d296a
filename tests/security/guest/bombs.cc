// Things made without end: processes, descriptors, timers, futex waiters, signals.
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "tests/security/guest/guest.h"

namespace ringwall::hostile {
namespace {

void ForkUntilRefused(void*) {
  const rlimit limit{64, 64};
  setrlimit(RLIMIT_NPROC, &limit);
  if (setresgid(54321, 54321, 54321) != 0 || setresuid(54321, 54321, 54321) != 0) _exit(98);
  for (int made = 0; made < 300; ++made) {
    const pid_t child = fork();
    if (child == 0) {
      for (;;) pause();
    }
    if (child < 0) _exit(errno == EAGAIN && made <= 64 ? 7 : 98);
  }
  _exit(99);
}
const Mode fork_bomb("fork-bomb", [](int, char**) {
  const int status = Sacrifice(ForkUntilRefused, nullptr, 30);
  HOSTILE_REQUIRE(status == 7 << 8, "RLIMIT_NPROC did not end in EAGAIN: status %x", status);
  Canary();
  return 0;
});

void OpenUntilRefused(void*) {
  const rlimit limit{1000, 1000};
  setrlimit(RLIMIT_NOFILE, &limit);
  for (int i = 0; i < 5000; ++i) {
    int ends[2];
    int got = -1;
    switch (i % 6) {
      case 0: got = pipe(ends); break;
      case 1: got = socketpair(AF_UNIX, SOCK_STREAM, 0, ends); break;
      case 2: got = epoll_create1(0); break;
      case 3: got = timerfd_create(CLOCK_MONOTONIC, 0); break;
      case 4: got = open("/proc/self/maps", O_RDONLY); break;
      default: got = static_cast<int>(syscall(SYS_memfd_create, "bomb", 0)); break;
    }
    if (got < 0 && errno == EMFILE) _exit(7);
  }
  _exit(99);
}
const Mode fd_bomb("fd-bomb", [](int, char**) {
  for (int i = 0; i < 10; ++i) {
    const int status = Sacrifice(OpenUntilRefused, nullptr, 30);
    HOSTILE_REQUIRE(status == 7 << 8, "RLIMIT_NOFILE did not end in EMFILE: status %x", status);
  }
  Canary();
  return 0;
});

void Timers(void*) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(SIGALRM, &action, nullptr);
  const itimerspec fast{{0, 1}, {0, 1}};
  for (int i = 0; i < 20'000; ++i) {
    timer_t id;
    if (timer_create(CLOCK_MONOTONIC, nullptr, &id) != 0) break;
    timer_settime(id, 0, &fast, nullptr);
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (fd >= 0) timerfd_settime(fd, 0, &fast, nullptr);
  }
  for (int i = 0; i < 2000; ++i) sched_yield();
}
const Mode timers("timer-bomb", [](int, char**) {
  Sacrifice(Timers, nullptr, 8);
  Canary();
  return 0;
});

uint32_t g_words[8];
void* Futexes(void* argument) {
  Random random(reinterpret_cast<uint64_t>(argument));
  for (int i = 0; i < 400; ++i) {
    const timespec timeout{0, static_cast<long>(random.Below(200'000))};
    uint32_t* word = &g_words[random.Below(8)];
    const uint64_t operation = random.Below(14) | (random.Below(2) ? FUTEX_PRIVATE_FLAG : 0);
    // A PI futex names its owner in the word: any value is a claim about any thread.
    if (random.Below(8) == 0)
      __atomic_store_n(word, static_cast<uint32_t>(random.Below(4) ? random.Below(40) : random.Next()), __ATOMIC_RELAXED);
    // FUTEX_LOCK_PI and its like without an end would only stop ourselves.
    syscall(SYS_futex, word, operation, __atomic_load_n(word, __ATOMIC_RELAXED), &timeout, &g_words[random.Below(8)], random.Next());
  }
  return nullptr;
}
void FutexThreads(void*) {
  pthread_t threads[48];
  int made = 0;
  for (; made < 48; ++made) {
    if (pthread_create(&threads[made], nullptr, Futexes, reinterpret_cast<void*>(static_cast<uintptr_t>(made + 1))) != 0) break;
  }
  for (int i = 0; i < made; ++i) pthread_join(threads[i], nullptr);
}
const Mode futexes("futex-bomb", [](int, char**) {
  for (int i = 0; i < 3; ++i) Sacrifice(FutexThreads, nullptr, 10);
  Canary();
  return 0;
});

volatile sig_atomic_t g_depth, g_seen;
void OnStorm(int signo) {
  g_seen = g_seen + 1;
  if (g_depth < 40) {
    g_depth = g_depth + 1;
    raise(signo == SIGUSR1 ? SIGUSR2 : SIGUSR1);
    g_depth = g_depth - 1;
  }
}
void Storm(void*) {
  struct sigaction action {};
  action.sa_handler = OnStorm;
  action.sa_flags = SA_NODEFER;
  for (const int signo : {SIGUSR1, SIGUSR2, SIGRTMIN}) sigaction(signo, &action, nullptr);
  action.sa_flags = 0;  // this one never ends: nested, it would only fill our own stack
  sigaction(SIGALRM, &action, nullptr);
  // The alarm's handler is a storm of its own: faster than one of them, alarms would leave the program no instruction on any kernel.
  timespec before{}, after{};
  clock_gettime(CLOCK_MONOTONIC, &before);
  raise(SIGUSR1);
  clock_gettime(CLOCK_MONOTONIC, &after);
  const long one_us = (after.tv_sec - before.tv_sec) * 1'000'000 + (after.tv_nsec - before.tv_nsec) / 1000;
  const long period_us = one_us * 4 < 200 ? 200 : one_us * 4 < 500'000 ? one_us * 4 : 500'000;
  const itimerval fast{{0, period_us}, {0, period_us}};
  setitimer(ITIMER_REAL, &fast, nullptr);
  for (int i = 0; i < 300; ++i) raise(i % 2 ? SIGUSR1 : SIGUSR2);
  // A queue that nobody empties has an end (RLIMIT_SIGPENDING).
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  const rlimit limit{500, 500};
  setrlimit(RLIMIT_SIGPENDING, &limit);
  for (int i = 0; i < 2000; ++i) {
    if (sigqueue(getpid(), SIGRTMIN, sigval{.sival_int = i}) != 0) _exit(errno == EAGAIN ? 7 : 98);
  }
  _exit(99);
}
const Mode storm("signal-storm", [](int, char**) {
  const int status = Sacrifice(Storm, nullptr, 30);
  HOSTILE_REQUIRE(status == 7 << 8, "RLIMIT_SIGPENDING did not end in EAGAIN: status %x", status);
  Canary();
  return 0;
});

}  // namespace
}  // namespace ringwall::hostile
