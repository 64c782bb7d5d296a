// Calls that do almost nothing: what entering the kernel costs.
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
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

int g_epoll = -1, g_event = -1;

void MakeReadyEpoll() {
  g_epoll = epoll_create1(0);
  g_event = eventfd(1, 0);
  epoll_event event = {};
  event.events = EPOLLIN;
  BENCH_REQUIRE(g_epoll >= 0 && g_event >= 0 && epoll_ctl(g_epoll, EPOLL_CTL_ADD, g_event, &event) == 0);
}
// Level-triggered and never read: every wait finds the event at once.
void EpollReady(uint64_t count) {
  epoll_event event;
  while (count-- != 0) BENCH_REQUIRE(epoll_wait(g_epoll, &event, 1, -1) == 1);
}
void CloseEpoll() {
  close(g_epoll);
  close(g_event);
}

int g_word = 0;
void FutexWake(uint64_t count) {
  while (count-- != 0) BENCH_REQUIRE(syscall(SYS_futex, &g_word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0) == 0);
}

BENCHMARK_OP(getppid, Nothing, Getppid, Nothing);
BENCHMARK_OP(clock_gettime, Nothing, ClockGettime, Nothing);
BENCHMARK_OP(read_zero_1, OpenZero, ReadZero, CloseZero);
BENCHMARK_OP(signal_self, CatchSignal, SignalSelf, DropSignal);
BENCHMARK_OP(epoll_ready, MakeReadyEpoll, EpollReady, CloseEpoll);
BENCHMARK_OP(futex_wake, Nothing, FutexWake, Nothing);

}  // namespace
}  // namespace ringwall::bench
