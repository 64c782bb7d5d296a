// Calls that do almost nothing: what entering the kernel costs.
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench/syscall/bench.h"

namespace ringwall::bench {
namespace {

int g_zero = -1;

void Getppid(uint64_t count) {
  while (count-- != 0) syscall(SYS_getppid);
}

void ClockGettime(uint64_t count) {
  timespec ts;
  while (count-- != 0) clock_gettime(CLOCK_MONOTONIC, &ts);
}

void OpenZero() {
  g_zero = open("/dev/zero", O_RDONLY);
  BENCH_REQUIRE(g_zero >= 0);
}
void ReadZero(uint64_t count) {
  char byte;
  while (count-- != 0) BENCH_REQUIRE(read(g_zero, &byte, 1) == 1);
}
void CloseZero() { close(g_zero); }

void OnSignal(int) {}
void CatchSignal() { signal(SIGUSR1, OnSignal); }
void SignalSelf(uint64_t count) {
  const pid_t self = getpid();
  while (count-- != 0) kill(self, SIGUSR1);
}
void DropSignal() { signal(SIGUSR1, SIG_DFL); }

BENCHMARK_OP(getppid, Nothing, Getppid, Nothing);
BENCHMARK_OP(clock_gettime, Nothing, ClockGettime, Nothing);
BENCHMARK_OP(read_zero_1, OpenZero, ReadZero, CloseZero);
BENCHMARK_OP(signal_self, CatchSignal, SignalSelf, DropSignal);

}  // namespace
}  // namespace ringwall::bench
