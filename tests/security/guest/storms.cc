// storm ROUNDS MORE [KIND]: fork, exec, exit, vfork, threads and signals in every order that hurts, ROUNDS times, and again up to MORE.
// After each of the two a line on standard output; a byte on standard input says that somebody has counted from outside what is left.
#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "tests/security/guest/guest.h"

namespace ringwall::hostile {
namespace {

void Pause(long us) {
  const timespec pause{0, us * 1000};
  nanosleep(&pause, nullptr);
}

pid_t Fork() {
  const pid_t child = fork();
  HOSTILE_REQUIRE(child >= 0, "storm: fork: %s", std::strerror(errno));
  return child;
}

// By name: while the first thread is a zombie, /proc/self/exe leads nowhere.
char g_program[256];

[[noreturn]] void Exec() {
  char name[] = "guest", mode[] = "storm-program";
  char* const words[] = {name, mode, nullptr};
  execve(g_program, words, words + 2);
  _exit(126);
}

// Waits for one child. Stops on the way are not its end.
int End(pid_t child) {
  int status = 0;
  pid_t got;
  do {
    got = waitpid(child, &status, 0);
  } while ((got < 0 && errno == EINTR) || (got == child && WIFSTOPPED(status)));
  HOSTILE_REQUIRE(got == child, "storm: waitpid(%d): %s", child, std::strerror(errno));
  return status;
}

bool Killed(int status, int signal) { return WIFSIGNALED(status) && WTERMSIG(status) == signal; }
bool Left(int status, int code) { return WIFEXITED(status) && WEXITSTATUS(status) == code; }

template <typename Body>
pthread_t Thread(Body body, void* argument) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  const int error = pthread_create(&thread, &attributes, body, argument);
  HOSTILE_REQUIRE(error == 0, "storm: pthread_create: %s", std::strerror(error));
  return thread;
}

void* SpinThread(void*) {
  volatile uint64_t turns = 0;
  for (;;) turns = turns + 1;
}
void* SleepThread(void*) {
  for (;;) pause();
}
void* ExitThread(void* argument) {
  Pause(static_cast<long>(reinterpret_cast<intptr_t>(argument)));
  return nullptr;
}
void* GroupExitThread(void* argument) {
  Pause(static_cast<long>(reinterpret_cast<intptr_t>(argument)));
  _exit(9);
}
void* ExecThread(void* argument) {
  Pause(static_cast<long>(reinterpret_cast<intptr_t>(argument)));
  Exec();
}
// Until exec ends it: clone(2) may fail by then.
void* ThreadMaker(void*) {
  for (pthread_t thread;;) {
    if (pthread_create(&thread, nullptr, ExitThread, nullptr) == 0) pthread_join(thread, nullptr);
  }
}

void* Argument(uint64_t value) { return reinterpret_cast<void*>(value); }

// ---- rounds: each takes care of all that it starts ---------------------------------------------------------------------------

void ForksThatExitAndExec(Random& random) {
  pid_t children[4];
  for (int i = 0; i < 4; ++i) {
    children[i] = Fork();
    if (children[i] == 0 && i == 3) Exec();
    if (children[i] == 0) _exit(i);
  }
  const uint64_t first = random.Below(4);
  for (uint64_t i = 0; i < 4; ++i) {
    const uint64_t n = (first + i) % 4;
    HOSTILE_REQUIRE(Left(End(children[n]), n == 3 ? 7 : static_cast<int>(n)), "storm: a fork's exit status");
  }
}

// The child runs in its creator's memory when it is killed; the creator must go on.
void VforkKilled(Random& random) {
  struct Shared {
    std::atomic<pid_t> child{0};
    uint64_t wait;
  };
  static Shared shared;
  shared.child = 0;
  shared.wait = random.Below(300);
  const pthread_t killer = Thread(
      [](void*) -> void* {
        while (shared.child.load() == 0) sched_yield();
        Pause(static_cast<long>(shared.wait));
        kill(shared.child.load(), SIGKILL);
        return nullptr;
      },
      nullptr);
  const pid_t child = vfork();
  if (child == 0) {
    shared.child.store(static_cast<pid_t>(syscall(SYS_getpid)));
    for (;;) syscall(SYS_pause);
  }
  HOSTILE_REQUIRE(child > 0, "storm: vfork: %s", std::strerror(errno));
  HOSTILE_REQUIRE(Killed(End(child), SIGKILL), "storm: a vfork child did not die of SIGKILL");
  pthread_join(killer, nullptr);
}

void VforkExec(Random& random) {
  const bool exits = random.Below(2) == 0;
  const pid_t child = vfork();
  if (child == 0) {
    if (exits) _exit(5);
    Exec();
  }
  HOSTILE_REQUIRE(child > 0, "storm: vfork: %s", std::strerror(errno));
  HOSTILE_REQUIRE(Left(End(child), exits ? 5 : 7), "storm: a vfork child's exit status");
}

// Threads begin, end, sleep and spin while one of them, not the first, makes a new program of the process.
void ExecAmongThreads(Random& random) {
  const uint64_t wait = random.Below(400);
  const pid_t child = Fork();
  if (child == 0) {
    Thread(ThreadMaker, nullptr);
    Thread(SleepThread, nullptr);
    if (random.Below(2) == 0) Thread(SpinThread, nullptr);
    if (random.Below(2) == 0) {
      Thread(ExecThread, Argument(wait));
      if (random.Below(2) == 0) pthread_exit(nullptr);  // the leader is a zombie when exec comes
      for (;;) pause();
    }
    Pause(static_cast<long>(wait));
    Exec();
  }
  const int status = End(child);
  HOSTILE_REQUIRE(Left(status, 7), "storm: exec among threads: status %x", status);
}

// Two threads exec at once, and a third one exits: one of the three wins.
void ExecAgainstExec(Random& random) {
  const uint64_t wait = random.Below(300);
  const pid_t child = Fork();
  if (child == 0) {
    Thread(ExecThread, Argument(wait));
    Thread(ExecThread, Argument(wait));
    if (random.Below(3) == 0) Thread(GroupExitThread, Argument(wait + random.Below(200)));
    for (;;) pause();
  }
  const int status = End(child);
  HOSTILE_REQUIRE(Left(status, 7) || Left(status, 9), "storm: exec against exec: status %x", status);
}

// Signals that find a process before, in and after execve. The program does not handle SIGUSR1: it dies of it, or was quicker.
void SignalsDuringExec(Random& random) {
  const bool ignored = random.Below(2) == 0;
  const int signal = random.Below(4) == 0 ? SIGKILL : SIGUSR1;
  const pid_t child = Fork();
  if (child == 0) {
    ::signal(SIGUSR1, ignored ? SIG_IGN : SIG_DFL);
    Exec();
  }
  for (int i = 0; i < 10; ++i) {
    kill(child, signal);
    Pause(static_cast<long>(random.Below(100)));
  }
  const int status = End(child);
  HOSTILE_REQUIRE(Left(status, 7) || Killed(status, signal), "storm: signals during exec: status %x", status);
  HOSTILE_REQUIRE(!(signal == SIGUSR1 && ignored) || Left(status, 7) || Killed(status, SIGUSR1), "storm: an ignored signal: status %x",
                  status);
}

// A group of processes, children and grandchildren, some asleep in calls and some computing, ended by one kill.
void GroupKilled(Random& random) {
  const pid_t leader = Fork();
  if (leader == 0) {
    setpgid(0, 0);
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) _exit(1);
    for (int i = 0; i < 3; ++i) {
      if (fork() != 0) continue;
      if (i == 0) (void)fork();  // a grandchild, and its parent, both asleep in read(2)
      char byte;
      if (i < 2) (void)!read(pair[0], &byte, 1);
      SpinThread(nullptr);
    }
    for (;;) pause();
  }
  setpgid(leader, leader);
  Pause(static_cast<long>(random.Below(1500)));
  HOSTILE_REQUIRE(kill(-leader, SIGKILL) == 0, "storm: kill of a group: %s", std::strerror(errno));
  HOSTILE_REQUIRE(Killed(End(leader), SIGKILL), "storm: a group's leader");
}

// The first thread ends; the others go on until one ends the process.
void LeaderLeaves(Random& random) {
  const uint64_t wait = random.Below(500);
  const pid_t child = Fork();
  if (child == 0) {
    for (int i = 0; i < 3; ++i) Thread(ExitThread, Argument(random.Below(400)));
    Thread(SleepThread, nullptr);
    Thread(GroupExitThread, Argument(wait));
    pthread_exit(nullptr);
  }
  HOSTILE_REQUIRE(Left(End(child), 9), "storm: exit without the leader");
}

// A timer's signals interrupt fork, wait and thread creation.
void TimerSignals(Random& random) {
  const pid_t child = Fork();
  if (child == 0) {
    struct sigaction action = {};
    action.sa_handler = [](int) {};
    action.sa_flags = random.Below(2) == 0 ? SA_RESTART : 0;
    sigaction(SIGALRM, &action, nullptr);
    const itimerval fast{{0, 300}, {0, 300}};
    setitimer(ITIMER_REAL, &fast, nullptr);
    for (int i = 0; i < 4; ++i) {
      const pid_t grandchild = fork();
      if (grandchild == 0) _exit(i);
      if (grandchild < 0 || !Left(End(grandchild), i)) _exit(1);
      pthread_join(Thread(ExitThread, nullptr), nullptr);
    }
    _exit(3);
  }
  HOSTILE_REQUIRE(Left(End(child), 3), "storm: forks under a timer");
}

// Threads of one process signal each other and die in the middle of it.
void ThreadsSignalEachOther(Random& random) {
  const pid_t child = Fork();
  if (child == 0) {
    struct sigaction action = {};
    action.sa_handler = [](int) {};
    sigaction(SIGUSR2, &action, nullptr);
    const auto self = static_cast<pid_t>(syscall(SYS_getpid));
    for (int i = 0; i < 3; ++i) {
      Thread(
          [](void* process) -> void* {
            const auto pid = static_cast<pid_t>(reinterpret_cast<intptr_t>(process));
            for (;;) kill(pid, SIGUSR2);
          },
          Argument(static_cast<uint64_t>(self)));
    }
    Pause(static_cast<long>(random.Below(1500)));
    if (random.Below(2) == 0) kill(self, SIGKILL);
    _exit(4);
  }
  const int status = End(child);
  HOSTILE_REQUIRE(Left(status, 4) || Killed(status, SIGKILL), "storm: threads that signal: status %x", status);
}

// Stopped, continued, killed while stopped.
void StopsAndKills(Random& random) {
  const pid_t child = Fork();
  if (child == 0) {
    Thread(SpinThread, nullptr);
    for (;;) pause();
  }
  const uint64_t turns = 1 + random.Below(3);
  for (uint64_t i = 0; i < turns; ++i) {
    kill(child, SIGSTOP);
    if (random.Below(2) == 0) Pause(200);
    if (i + 1 < turns) kill(child, SIGCONT);
  }
  kill(child, SIGKILL);
  HOSTILE_REQUIRE(Killed(End(child), SIGKILL), "storm: killed while stopped");
}

// Memory of every kind, shared with a child, and waiters on a futex in it when they are killed.
void MemoryAndFutexes(Random& random) {
  constexpr size_t kBytes = 1 << 20;
  auto* shared = static_cast<uint32_t*>(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  HOSTILE_REQUIRE(shared != MAP_FAILED, "storm: mmap: %s", std::strerror(errno));
  pid_t children[3];
  for (pid_t& child : children) {
    child = Fork();
    if (child == 0) {
      auto* own = static_cast<char*>(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
      for (size_t at = 0; at < kBytes; at += 4096) own[at] = 1, shared[at / 4] = 1;
      for (;;) syscall(SYS_futex, shared, FUTEX_WAIT, 1, nullptr, nullptr, 0);
    }
  }
  Pause(static_cast<long>(random.Below(1500)));
  syscall(SYS_futex, shared, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  for (const pid_t child : children) kill(child, SIGKILL);
  for (const pid_t child : children) HOSTILE_REQUIRE(Killed(End(child), SIGKILL), "storm: killed in futex(2)");
  munmap(shared, kBytes);
}

// Descriptors that only the dead held.
void DescriptorsOfTheDead(Random& random) {
  const pid_t child = Fork();
  if (child == 0) {
    for (int i = 0; i < 8; ++i) {
      int ends[2];
      if (pipe(ends) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) _exit(1);
      (void)!open("/proc/self/stat", O_RDONLY);
      (void)!open("/guest", O_RDONLY);
    }
    if (fork() == 0) _exit(0);
    if (random.Below(2) == 0) Exec();
    for (;;) pause();
  }
  Pause(static_cast<long>(random.Below(2000)));
  kill(child, SIGKILL);
  const int status = End(child);
  HOSTILE_REQUIRE(Left(status, 7) || Killed(status, SIGKILL), "storm: descriptors of the dead: status %x", status);
}

using Round = void (*)(Random&);
constexpr Round kRounds[] = {ForksThatExitAndExec, VforkKilled,      VforkExec,           ExecAmongThreads, ExecAgainstExec,
                             SignalsDuringExec,    GroupKilled,      LeaderLeaves,        TimerSignals,     ThreadsSignalEachOther,
                             StopsAndKills,        MemoryAndFutexes, DescriptorsOfTheDead};

// Orphans become ours when their parents die; none may be left.
void ReapOrphans() {
  int status;
  while (waitpid(-1, &status, 0) >= 0 || errno == EINTR) {
  }
  HOSTILE_REQUIRE(errno == ECHILD, "storm: waitpid: %s", std::strerror(errno));
}

int Numbers(const char* path) {
  DIR* dir = opendir(path);
  HOSTILE_REQUIRE(dir != nullptr, "storm: %s: %s", path, std::strerror(errno));
  int count = 0;
  while (const dirent* entry = readdir(dir)) count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9' ? 1 : 0;
  closedir(dir);
  return count;
}

const Mode storm_program("storm-program", [](int, char**) {
  _exit(7);
  return 0;
});

const Mode storm("storm", [](int argc, char** argv) {
  HOSTILE_REQUIRE(argc >= 2, "storm ROUNDS MORE");
  const int stops[] = {std::atoi(argv[0]), std::atoi(argv[1])};
  HOSTILE_REQUIRE(readlink("/proc/self/exe", g_program, sizeof(g_program) - 1) > 0, "storm: /proc/self/exe: %s", std::strerror(errno));
  HOSTILE_REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "storm: prctl: %s", std::strerror(errno));
  const int descriptors = Numbers("/proc/self/fd");
  const int processes = Numbers("/proc");
  Random random(2026);
  int round = 0;
  for (const int stop : stops) {
    for (; round < stop; ++round) {
      // In turn, so that short runs have them all.
      kRounds[static_cast<size_t>(argc > 2 ? std::atoi(argv[2]) : round) % std::size(kRounds)](random);
      ReapOrphans();
    }
    HOSTILE_REQUIRE(Numbers("/proc/self/fd") == descriptors, "storm: descriptors are left");
    HOSTILE_REQUIRE(getpid() != 1 || Numbers("/proc") == processes, "storm: processes are left");
    std::printf("rounds %d\n", round);
    std::fflush(stdout);
    char byte;
    HOSTILE_REQUIRE(read(0, &byte, 1) == 1, "storm: nobody says go on");
  }
  Canary();
  return 0;
});

}  // namespace
}  // namespace ringwall::hostile
