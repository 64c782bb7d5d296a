// One byte there and one byte back: what a blocked reader costs. And a stream, whose reader and writer take turns to block.
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/syscall/bench.h"

namespace ringwall::bench {
namespace {

int g_near[2], g_far[2];  // [0] reads, [1] writes
pid_t g_child = 0;
pthread_t g_thread;

void* Echo(void*) {
  char byte;
  while (read(g_far[0], &byte, 1) == 1 && write(g_far[1], &byte, 1) == 1) {
  }
  return nullptr;
}

void MakePipes() {
  int there[2], back[2];
  BENCH_REQUIRE(pipe(there) == 0 && pipe(back) == 0);
  g_near[0] = back[0], g_near[1] = there[1];
  g_far[0] = there[0], g_far[1] = back[1];
}
void MakeSockets() {
  int pair[2];
  BENCH_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  g_near[0] = pair[0], g_far[0] = pair[1];
  g_near[1] = dup(pair[0]), g_far[1] = dup(pair[1]);
  BENCH_REQUIRE(g_near[1] >= 0 && g_far[1] >= 0);
}
void CloseBoth(const int (&ends)[2]) {
  close(ends[0]);
  close(ends[1]);
}

void StartProcess() {
  g_child = fork();
  BENCH_REQUIRE(g_child >= 0);
  if (g_child == 0) {
    CloseBoth(g_near);
    Echo(nullptr);
    _exit(0);
  }
  CloseBoth(g_far);
}
void StopProcess() {
  CloseBoth(g_near);
  waitpid(g_child, nullptr, 0);
}
void StartThread() { BENCH_REQUIRE(pthread_create(&g_thread, nullptr, Echo, nullptr) == 0); }
void StopThread() {
  // The writer's end first: the echo sees the end of file before its own descriptors go.
  close(g_near[1]);
  pthread_join(g_thread, nullptr);
  close(g_near[0]);
  CloseBoth(g_far);
}

void PipeProcesses() {
  MakePipes();
  StartProcess();
}
void PipeThreads() {
  MakePipes();
  StartThread();
}
void SocketProcesses() {
  MakeSockets();
  StartProcess();
}

void RoundTrip(uint64_t count) {
  char byte = 'x';
  while (count-- != 0) BENCH_REQUIRE(write(g_near[1], &byte, 1) == 1 && read(g_near[0], &byte, 1) == 1);
}

constexpr size_t kChunk = 64 * 1024;
char g_chunk[kChunk];

void Drain() {
  while (read(g_far[0], g_chunk, kChunk) > 0) {
  }
}
void StartDrain() {
  MakePipes();
  g_child = fork();
  BENCH_REQUIRE(g_child >= 0);
  if (g_child == 0) {
    CloseBoth(g_near);
    Drain();
    _exit(0);
  }
  CloseBoth(g_far);
}
void Stream(uint64_t count) {
  while (count-- != 0) BENCH_REQUIRE(write(g_near[1], g_chunk, kChunk) == static_cast<ssize_t>(kChunk));
}

BENCHMARK_OP(pipe_stream_64k, StartDrain, Stream, StopProcess);
BENCHMARK_OP(pipe_round_trip_processes, PipeProcesses, RoundTrip, StopProcess);
BENCHMARK_OP(pipe_round_trip_threads, PipeThreads, RoundTrip, StopThread);
BENCHMARK_OP(unix_round_trip_processes, SocketProcesses, RoundTrip, StopProcess);

}  // namespace
}  // namespace ringwall::bench
