// Processes and threads: making, replacing and ending them.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/syscall/bench.h"

namespace ringwall::bench {
namespace {

char g_self[] = "/proc/self/exe";
char g_exit[] = "--exit";
char* const g_arguments[] = {g_self, g_exit, nullptr};

void Reap(pid_t child) {
  BENCH_REQUIRE(child > 0);
  int status = 0;
  BENCH_REQUIRE(waitpid(child, &status, 0) == child);
  BENCH_REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void ForkExitWait(uint64_t count) {
  while (count-- != 0) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    Reap(child);
  }
}
void ForkExecWait(uint64_t count) {
  while (count-- != 0) {
    const pid_t child = fork();
    if (child == 0) {
      execv(g_self, g_arguments);
      _exit(127);
    }
    Reap(child);
  }
}
void VforkExecWait(uint64_t count) {
  while (count-- != 0) {
    const pid_t child = vfork();
    if (child == 0) {
      execv(g_self, g_arguments);
      _exit(127);
    }
    Reap(child);
  }
}

void* Return(void*) { return nullptr; }
void ThreadCreateJoin(uint64_t count) {
  while (count-- != 0) {
    pthread_t thread;
    BENCH_REQUIRE(pthread_create(&thread, nullptr, Return, nullptr) == 0);
    pthread_join(thread, nullptr);
  }
}

BENCHMARK_OP(fork_exit_wait, Nothing, ForkExitWait, Nothing);
BENCHMARK_OP(fork_exec_wait, Nothing, ForkExecWait, Nothing);
BENCHMARK_OP(vfork_exec_wait, Nothing, VforkExecWait, Nothing);
BENCHMARK_OP(pthread_create_join, Nothing, ThreadCreateJoin, Nothing);

}  // namespace
}  // namespace ringwall::bench
