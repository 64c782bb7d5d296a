// Programs that other measurements need: one that keeps a CPU busy, one whose threads all sleep.
#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "bench/syscall/bench.h"

namespace ringwall::bench {
namespace {

int g_pipe[2];

void* SleepInTimer(void*) {
  for (;;) {
    const timespec hour = {3600, 0};
    nanosleep(&hour, nullptr);
  }
}

void* SleepInRead(void*) {
  char byte;
  while (read(g_pipe[0], &byte, 1) != 1) {
  }
  return nullptr;
}

}  // namespace

void Spin() {
  volatile uint64_t turns = 0;
  for (;;) turns = turns + 1;
}

void Sleep(int threads, const char* ready_file) {
  BENCH_REQUIRE(pipe(g_pipe) == 0);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  for (int i = 0; i < threads; ++i) {
    pthread_t thread;
    BENCH_REQUIRE(pthread_create(&thread, &attributes, i % 2 == 0 ? SleepInTimer : SleepInRead, nullptr) == 0);
  }
  const int fd = open(ready_file, O_WRONLY | O_CREAT, 0600);
  BENCH_REQUIRE(fd >= 0);
  close(fd);
  for (;;) pause();
}

}  // namespace ringwall::bench
