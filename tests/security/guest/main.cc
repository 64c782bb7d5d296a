// security_guest MODE [ARGUMENT...]
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/security/guest/guest.h"

namespace ringwall::hostile {

const Mode* Mode::Find(const char* name) {
  for (const Mode* mode = head(); mode != nullptr; mode = mode->next_) {
    if (std::strcmp(mode->name_, name) == 0) return mode;
  }
  return nullptr;
}

void CatchSignals(std::initializer_list<int> signals, void (*handler)(int, siginfo_t*, void*), int flags) {
  static char stack[64 * 1024];
  stack_t alternate{};
  alternate.ss_sp = stack;
  alternate.ss_size = sizeof(stack);
  sigaltstack(&alternate, nullptr);
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | flags;
  for (const int signal : signals) sigaction(signal, &action, nullptr);
}

int Sacrifice(void (*body)(void*), void* argument, unsigned seconds) {
  const pid_t child = fork();
  HOSTILE_REQUIRE(child >= 0, "fork: %s", std::strerror(errno));
  if (child == 0) {
    setpgid(0, 0);
    body(argument);
    _exit(0);
  }
  setpgid(child, child);
  // Polled: the child may have blocked every signal, its own alarm included.
  for (unsigned tick = 0;; ++tick) {
    int status = 0;
    const pid_t got = waitpid(child, &status, WNOHANG);
    HOSTILE_REQUIRE(got >= 0, "waitpid: %s", std::strerror(errno));
    const bool ended = got == child && !WIFSTOPPED(status);
    if (ended || tick == seconds * 500) {
      kill(-child, SIGKILL);
      kill(child, SIGKILL);
      if (!ended) {
        while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        }
      }
      return status;
    }
    const timespec pause{0, 2'000'000};
    nanosleep(&pause, nullptr);
  }
}

void Canary() {
  int ends[2];
  HOSTILE_REQUIRE(pipe(ends) == 0, "canary: pipe: %s", std::strerror(errno));
  const pid_t child = fork();
  HOSTILE_REQUIRE(child >= 0, "canary: fork: %s", std::strerror(errno));
  if (child == 0) {
    const bool sent = write(ends[1], "alive", 5) == 5;
    _exit(sent ? 42 : 1);
  }
  char text[5];
  HOSTILE_REQUIRE(read(ends[0], text, 5) == 5 && std::memcmp(text, "alive", 5) == 0, "canary: the child's bytes did not arrive");
  int status = 0;
  HOSTILE_REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 42, "canary: status %x", status);
  close(ends[0]);
  close(ends[1]);
  volatile char* page = static_cast<char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  HOSTILE_REQUIRE(page != MAP_FAILED, "canary: mmap: %s", std::strerror(errno));
  page[0] = 1;
  munmap(const_cast<char*>(page), 4096);
  pthread_t thread;
  HOSTILE_REQUIRE(pthread_create(
                      &thread, nullptr, [](void* p) { return p; }, nullptr) == 0,
                  "canary: pthread_create");
  pthread_join(thread, nullptr);
  const int fd = open("/proc/self/stat", O_RDONLY);
  HOSTILE_REQUIRE(fd >= 0 && read(fd, text, 1) == 1, "canary: /proc/self/stat: %s", std::strerror(errno));
  close(fd);
}

namespace {
const Mode sleep_mode("sleep", [](int, char**) {
  std::puts("ready");
  std::fflush(stdout);
  for (;;) pause();
  return 0;
});
const Mode sleepers_mode("sleepers", [](int argc, char** argv) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  // In a timer, in a futex and in a call that only a signal ends.
  static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&held);
  void* (*const bodies[])(void*) = {[](void*) -> void* {
                                      const timespec hour{3600, 0};
                                      for (;;) nanosleep(&hour, nullptr);
                                    },
                                    [](void*) -> void* {
                                      for (;;) pthread_mutex_lock(&held);
                                    },
                                    [](void*) -> void* {
                                      for (;;) pause();
                                    }};
  const int count = argc > 0 ? std::atoi(argv[0]) : 1;
  for (int i = 0; i < count; ++i) {
    pthread_t thread;
    HOSTILE_REQUIRE(pthread_create(&thread, &attributes, bodies[i % 3], nullptr) == 0, "sleepers: pthread_create");
  }
  std::puts("ready");
  std::fflush(stdout);
  for (;;) pause();
  return 0;
});
const Mode canary_mode("canary", [](int, char**) {
  Canary();
  return 0;
});
}  // namespace
}  // namespace ringwall::hostile

int main(int argc, char** argv) {
  const auto* mode = argc > 1 ? ringwall::hostile::Mode::Find(argv[1]) : nullptr;
  if (mode == nullptr) {
    std::fprintf(stderr, "usage: security_guest MODE [ARGUMENT...]\n");
    return 2;
  }
  const int status = mode->Run(argc - 2, argv + 2);
  if (status == 0) std::puts("survived");
  return status;
}
