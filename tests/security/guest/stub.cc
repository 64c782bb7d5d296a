// The top of the address space, where a platform may keep code of its own inside the guest: jumped into, overwritten, unmapped.
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/security/guest/guest.h"

namespace ringwall::hostile {
namespace {

constexpr uint64_t kRegion = 0x7fffffff0000;
constexpr uint64_t kRegionEnd = 0x7ffffffff000;
constexpr uint64_t kPage = 4096;

struct Progress {
  volatile uint64_t next;
  volatile uint64_t jumps;
};
Progress* g_progress;
sigjmp_buf g_back;
volatile sig_atomic_t g_unmapped;

void OnFault(int, siginfo_t* info, void* context) {
  const auto* uc = static_cast<ucontext_t*>(context);
  // A fetch from where we jumped to: the rest of this page can't be different.
  const auto rip = static_cast<uint64_t>(uc->uc_mcontext.gregs[REG_RIP]);
  g_unmapped = info->si_signo == SIGSEGV && rip == g_progress->next && reinterpret_cast<uint64_t>(info->si_addr) == rip;
  siglongjmp(g_back, 1);
}

void CatchEverything() {
  CatchSignals({SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGSYS, SIGFPE, SIGALRM}, OnFault, SA_NODEFER);
  const itimerval often{{0, 50'000}, {0, 50'000}};
  setitimer(ITIMER_REAL, &often, nullptr);
}

[[gnu::noinline]] void Jump(uint64_t target, uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  register uint64_t r10 asm("r10") = d;
  register uint64_t r8 asm("r8") = a ^ b;
  register uint64_t r9 asm("r9") = c;
  register uint64_t r11 asm("r11") = target;
  asm volatile("call *%%r11"
               : "+a"(number), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8), "+r"(r9), "+r"(r11)
               :
               : "rcx", "rbx", "r12", "r13", "r14", "r15", "memory", "cc");
}

// Numbers that a confused stub would like to run: memory, descriptors, processes of the host.
constexpr uint64_t kForged[] = {SYS_getpid, SYS_mmap, SYS_munmap,       SYS_mprotect, SYS_open, SYS_openat, SYS_socket,
                                SYS_execve, SYS_kill, SYS_rt_sigreturn, SYS_exit,     231,      0xffff};

void JumpOn(void*) {
  CatchEverything();
  Random random(g_progress->next);
  while (g_progress->next < kRegionEnd) {
    g_unmapped = 0;
    if (sigsetjmp(g_back, 1) == 0) {
      g_progress->jumps = g_progress->jumps + 1;
      const uint64_t number = kForged[random.Below(sizeof(kForged) / sizeof(kForged[0]))];
      Jump(g_progress->next, number, random.Next(), kRegion + random.Below(0x10000), random.Below(0x10000), random.Next());
    }
    g_progress->next = g_unmapped ? (g_progress->next / kPage + 1) * kPage : g_progress->next + 1;
  }
}

const Mode jump("stub-jump", [](int, char**) {
  g_progress = static_cast<Progress*>(mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  g_progress->next = kRegion;
  for (int deaths = 0; g_progress->next < kRegionEnd && deaths < 4000; ++deaths) {
    const uint64_t before = g_progress->next;
    Sacrifice(JumpOn, nullptr, 20);
    if (g_progress->next == before) g_progress->next = before + 1;
    if (deaths % 100 == 0) Canary();
  }
  std::printf("%lu jumps\n", static_cast<unsigned long>(g_progress->jumps));
  Canary();
  return 0;
});

struct Attack {
  uint64_t at;
  int how;
};

void Overwrite(void* argument) {
  const auto* attack = static_cast<Attack*>(argument);
  void* at = reinterpret_cast<void*>(attack->at);
  switch (attack->how) {
    case 0: break;
    case 1: mprotect(at, kPage, PROT_READ | PROT_WRITE | PROT_EXEC); break;
    case 2: munmap(at, kPage); break;
    case 3: mmap(at, kPage, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); break;
    case 4: madvise(at, kPage, MADV_DONTNEED); break;
    case 5: mremap(at, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, reinterpret_cast<void*>(0x10000000)); break;
    case 6: {
      const int zero = open("/dev/zero", O_RDONLY);
      syscall(SYS_read, zero, at, kPage);  // the kernel as the writer
      break;
    }
    default: break;
  }
  auto* bytes = static_cast<volatile unsigned char*>(at);
  for (uint64_t i = 0; i < kPage; ++i) bytes[i] = 0xcc;
  // Still here: whatever was overwritten must have been ours.
  _exit(syscall(SYS_getpid) > 0 ? 0 : 1);
}

const Mode write("stub-write", [](int, char**) {
  for (uint64_t at = kRegion; at < kRegionEnd; at += kPage) {
    for (int how = 0; how < 7; ++how) {
      Attack attack{at, how};
      Sacrifice(Overwrite, &attack, 5);
    }
    Canary();
  }
  return 0;
});

}  // namespace
}  // namespace ringwall::hostile
