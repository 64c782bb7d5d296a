// Other doors into the kernel than `syscall`, and every call number with arguments that make no sense.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "tests/security/guest/guest.h"

namespace ringwall::hostile {
namespace {

void Int80(void*) {
  // 20 is getpid(2) for 32-bit programs. Their kernel may be absent, but never the host's.
  int64_t result = 20;
  asm volatile("int $0x80" : "+a"(result) : : "r8", "r9", "r10", "r11", "memory");
  _exit(result > 0 && result != getpid() ? 99 : 0);
}
void Sysenter(void*) {
  asm volatile("sysenter" : : "a"(20) : "rcx", "rdx", "memory");
  _exit(0);
}
void OddNumbers(void*) {
  const uint64_t numbers[] = {0x40000000u | 39, 0x40000200u,      0xffffffffu, ~uint64_t{0}, 0x100000000u | 39,
                              0x7fffffffu,      0x80000000u | 39, 512,         547,          1024};
  for (const uint64_t number : numbers) {
    int64_t result = static_cast<int64_t>(number);
    asm volatile("syscall" : "+a"(result) : "D"(0), "S"(0), "d"(0) : "rcx", "r11", "memory");
    if (result >= 0 && result != getpid()) _exit(99);
  }
  _exit(0);
}
const Mode doors("odd-entries", [](int, char**) {
  for (auto* body : {Int80, Sysenter, OddNumbers}) {
    const int status = Sacrifice(body, nullptr, 5);
    HOSTILE_REQUIRE(status >> 8 != 99, "an odd entry answered with something that is not ours");
  }
  Canary();
  return 0;
});

void Trace(void*) {
  const pid_t victim = fork();
  if (victim == 0) {
    for (;;) pause();
  }
  // Not the parent: it would be stopped with us.
  const pid_t targets[] = {victim, 0, -1, getpid(), 0x7fffffff};
  for (const pid_t pid : targets) {
    for (const long request : {long{PTRACE_ATTACH}, long{PTRACE_SEIZE}, long{PTRACE_PEEKDATA}, long{PTRACE_POKEDATA}, long{PTRACE_GETREGS},
                               long{PTRACE_SETREGS}, long{31}, long{PTRACE_KILL}, long{PTRACE_DETACH}}) {
      syscall(SYS_ptrace, request, pid, 0x7fffffff0000, 0x1000);
    }
    char byte = 0;
    iovec local{&byte, 1}, remote{reinterpret_cast<void*>(0x7fffffff0000), 1};
    syscall(SYS_process_vm_readv, pid, &local, 1, &remote, 1, 0);
    syscall(SYS_process_vm_writev, pid, &local, 1, &remote, 1, 0);
    syscall(SYS_kcmp, getpid(), pid, 0, 0, 0);
    syscall(SYS_pidfd_open, pid, 0);
  }
  syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
  kill(victim, SIGKILL);
  raise(SIGTRAP);
}
const Mode trace("ptrace-tricks", [](int, char**) {
  for (int i = 0; i < 5; ++i) Sacrifice(Trace, nullptr, 2);
  Canary();
  return 0;
});

// Calls that would only multiply, end or hide the attacker's own process, or that are aimed at the parent by chance.
bool Skipped(uint64_t number) {
  switch (number) {
    case SYS_fork:
    case SYS_vfork:
    case SYS_clone:
    case SYS_clone3:
    case SYS_exit:
    case SYS_exit_group:
    case SYS_kill:
    case SYS_tkill:
    case SYS_tgkill:
    case SYS_rt_sigqueueinfo:
    case SYS_rt_tgsigqueueinfo:
    case SYS_pidfd_send_signal:
    case SYS_setpgid:
    case SYS_setsid: return true;
    default: return false;
  }
}

constexpr int kCallsPerChild = 50;
char g_scratch[64 * 1024];

uint64_t BadArgument(Random& random) {
  static const uint64_t kBorders[] = {0,
                                      1,
                                      2,
                                      3,
                                      7,
                                      8,
                                      16,
                                      64,
                                      255,
                                      1024,
                                      4095,
                                      4096,
                                      4097,
                                      65536,
                                      0x7fffffff,
                                      0x80000000,
                                      0xffffffff,
                                      0x7fffffff0000,
                                      0x7fffffffeff8,
                                      0x7ffffffff000,
                                      0x800000000000,
                                      0xffff800000000000,
                                      0xffffffffff600000,
                                      ~uint64_t{0},
                                      ~uint64_t{0} - 4095,
                                      uint64_t{1} << 63,
                                      (uint64_t{1} << 63) - 1,
                                      static_cast<uint64_t>(-100)};
  switch (random.Below(4)) {
    case 0: return kBorders[random.Below(sizeof(kBorders) / sizeof(kBorders[0]))];
    case 1: return reinterpret_cast<uint64_t>(g_scratch) + random.Below(sizeof(g_scratch));
    case 2: return random.Below(16);
    default: return random.Next() >> random.Below(64);
  }
}

void OnAlarm(int) {}
void CallAtRandom(void* argument) {
  Random random(*static_cast<uint64_t*>(argument));
  struct sigaction action {};
  action.sa_handler = OnAlarm;
  sigaction(SIGALRM, &action, nullptr);
  const rlimit memory{uint64_t{1} << 30, uint64_t{1} << 30}, file{16 << 20, 16 << 20};
  setrlimit(RLIMIT_AS, &memory);
  setrlimit(RLIMIT_FSIZE, &file);
  for (size_t i = 0; i < sizeof(g_scratch); i += 8)
    *reinterpret_cast<uint64_t*>(g_scratch + i) = random.Below(3) == 0 ? BadArgument(random) : random.Below(256);
  for (int i = 0; i < kCallsPerChild; ++i) {
    const itimerval soon{{0, 5000}, {0, 5000}};  // a call that waits is interrupted
    setitimer(ITIMER_REAL, &soon, nullptr);
    const uint64_t number = random.Below(601);
    uint64_t a[6];
    for (auto& value : a) value = BadArgument(random);
    if (!Skipped(number)) syscall(static_cast<long>(number), a[0], a[1], a[2], a[3], a[4], a[5]);
  }
}
const Mode random_calls("random-calls", [](int argc, char** argv) {
  const uint64_t calls = argc > 0 ? std::strtoull(argv[0], nullptr, 10) : 10'000;
  for (uint64_t seed = 1; seed * kCallsPerChild <= calls; ++seed) {
    Sacrifice(CallAtRandom, &seed, 3);
    if (seed % 20 == 0) Canary();
  }
  Canary();
  return 0;
});

}  // namespace
}  // namespace ringwall::hostile
