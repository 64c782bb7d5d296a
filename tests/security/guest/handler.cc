// The systrap platform's handler, which guest code can reach: each of its system call instructions with forged registers.
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/security/guest/handler.h"

namespace ringwall::hostile {

Told* g_told;

Told* ShareTold() {
  void* at = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  HOSTILE_REQUIRE(at != MAP_FAILED, "mmap: %s", std::strerror(errno));
  return g_told = static_cast<Told*>(at);
}

namespace {
sigjmp_buf g_back;
void GoBack(int) { siglongjmp(g_back, 1); }
}  // namespace

bool Readable(uint64_t address) {
  struct sigaction action {
  }, old_segv, old_bus;
  action.sa_handler = GoBack;
  sigaction(SIGSEGV, &action, &old_segv);
  sigaction(SIGBUS, &action, &old_bus);
  volatile bool readable = false;
  if (sigsetjmp(g_back, 1) == 0) {
    (void)*reinterpret_cast<volatile unsigned char*>(address);
    readable = true;
  }
  sigaction(SIGSEGV, &old_segv, nullptr);
  sigaction(SIGBUS, &old_bus, nullptr);
  return readable;
}

bool HandlerIsHere() { return Readable(systrap::kCodeAddress); }

uint64_t OwnContext() {
  uint64_t base;
  asm volatile("rdgsbase %0" : "=r"(base));
  const bool ours = base >= systrap::kContextsAddress && base < systrap::kZygoteAddress && Readable(base);
  return ours ? base : 0;
}

std::vector<uint64_t> Instructions() {
  std::vector<uint64_t> found;
  const auto* code = reinterpret_cast<const unsigned char*>(systrap::kCodeAddress);
  for (uint64_t i = 0; i + 1 < systrap::kShapesOffset; ++i) {
    if (code[i] == 0x0f && code[i + 1] == 0x05) found.push_back(systrap::kCodeAddress + i);
  }
  return found;
}

[[gnu::naked]] void Enter(const Registers*) {
  asm volatile(
      "mov 8(%rdi), %rsp\n\t"
      "mov 16(%rdi), %rax\n\t"
      "mov 32(%rdi), %rsi\n\t"
      "mov 40(%rdi), %rdx\n\t"
      "mov 48(%rdi), %r10\n\t"
      "mov 56(%rdi), %r8\n\t"
      "mov 64(%rdi), %r9\n\t"
      "mov 72(%rdi), %rbx\n\t"
      "mov 0(%rdi), %r11\n\t"
      "mov 24(%rdi), %rdi\n\t"
      "jmp *%r11");
}

alignas(4096) char g_stacks[4][4 * kPage];

namespace {

struct Forged {
  const char* what;
  uint64_t number, a[6];
};

char g_path[] = "/";
char g_room[256];
uint64_t Path() { return reinterpret_cast<uint64_t>(g_path); }
uint64_t Room() { return reinterpret_cast<uint64_t>(g_room); }

// Calls that must not be made for guest code, whatever the instruction: each ends the process that tries it.
std::vector<Forged> Refused() {
  const uint64_t self = static_cast<uint64_t>(getpid()), rw = PROT_READ | PROT_WRITE;
  const uint64_t high = systrap::kContextsAddress, bytes = systrap::kContextBytes;
  std::vector<Forged> calls = {
      {"open", SYS_open, {Path(), O_RDONLY}},
      {"openat", SYS_openat, {static_cast<uint64_t>(AT_FDCWD), Path(), O_RDONLY}},
      {"socket", SYS_socket, {1, 1, 0}},
      {"execve", SYS_execve, {Path(), 0, 0}},
      {"execveat", SYS_execveat, {1, Path(), 0, 0, 0x1000}},
      {"fork", SYS_fork, {}},
      {"vfork", SYS_vfork, {}},
      {"clone3", SYS_clone3, {Room(), 88}},
      {"clone of a process", SYS_clone, {SIGCHLD}},
      {"clone of a thread", SYS_clone, {0x50f00, Room()}},
      {"clone into the parent", SYS_clone, {0x8000 | SIGCHLD}},
      {"clone of namespaces", SYS_clone, {0x10000000 | SIGCHLD}},
      {"kill", SYS_kill, {self, 0}},
      {"kill of all", SYS_kill, {static_cast<uint64_t>(-1), 9}},
      {"tgkill", SYS_tgkill, {1, 1, 9}},
      {"ptrace", SYS_ptrace, {16, 1}},
      {"process_vm_readv", SYS_process_vm_readv, {1, Room(), 1, Room(), 1}},
      {"process_vm_writev", SYS_process_vm_writev, {1, Room(), 1, Room(), 1}},
      {"read", SYS_read, {0, Room(), 16}},
      {"write", SYS_write, {0, Room(), 16}},
      {"pwrite of the contexts", SYS_pwrite64, {1, Room(), 256, 0}},
      {"sendmsg", SYS_sendmsg, {0, Room(), 0}},
      {"recvmsg", SYS_recvmsg, {0, Room(), 0}},
      {"ioctl", SYS_ioctl, {2, 0xc0502100, Room()}},
      {"dup", SYS_dup, {0}},
      {"dup2", SYS_dup2, {1, 200}},
      {"fcntl", SYS_fcntl, {0, 0, 100}},
      {"close", SYS_close, {1}},
      {"close_range", SYS_close_range, {0, 0xffffffff}},
      {"ftruncate", SYS_ftruncate, {1, 0}},
      {"pidfd_open", SYS_pidfd_open, {1}},
      {"pidfd_getfd", SYS_pidfd_getfd, {3, 0}},
      {"seccomp", SYS_seccomp, {1, 8, Room()}},
      {"prctl: no death signal", SYS_prctl, {1, 0}},
      {"prctl: another death signal", SYS_prctl, {1, SIGCONT}},
      {"prctl: seccomp", SYS_prctl, {22, 2, Room()}},
      {"prctl: dumpable", SYS_prctl, {4, 1}},
      {"rt_sigaction", SYS_rt_sigaction, {31, Room(), 0, 8}},
      {"rt_sigprocmask", SYS_rt_sigprocmask, {0, Room(), 0, 8}},
      {"sigaltstack", SYS_sigaltstack, {Room(), 0}},
      {"arch_prctl", SYS_arch_prctl, {0x1002, Room()}},
      {"unshare", SYS_unshare, {0x20000}},
      {"setns", SYS_setns, {0, 0}},
      {"mount", SYS_mount, {Path(), Path(), 0, 4096}},
      {"bpf", SYS_bpf, {0, Room(), 16}},
      {"io_uring_setup", SYS_io_uring_setup, {8, Room()}},
      {"userfaultfd", SYS_userfaultfd, {0}},
      {"memfd_create", SYS_memfd_create, {Path(), 0}},
      {"perf_event_open", SYS_perf_event_open, {Room(), 0}},
      {"personality", SYS_personality, {0x400000}},
      {"setrlimit", SYS_prlimit64, {0, 4, Room()}},
      {"getrusage of the process", SYS_getrusage, {0, Room()}},
      {"futex", SYS_futex, {Room(), 1, 1}},
      {"rseq", SYS_rseq, {Room(), 32}},
      {"shmat", SYS_shmat, {0, 0, 0}},
      {"remap_file_pages", SYS_remap_file_pages, {Room(), kPage, 0, 0, 0}},
      {"pkey_mprotect", SYS_pkey_mprotect, {Room(), kPage, 7, 0}},
      {"x32 getpid", 0x40000000 | SYS_getpid, {}},
      {"x32 mmap", 0x40000000 | SYS_mmap, {0, kPage, 3, 0x22}},
      {"no such call", 1000, {}},
      {"mmap of the contexts at another place", SYS_mmap, {0x10000000, 16 * bytes, rw, MAP_SHARED | MAP_FIXED, systrap::kZygoteMemory, 0}},
      {"mmap of a file for writing", SYS_mmap, {0x10000000, kPage, rw, MAP_SHARED | MAP_FIXED, systrap::kFirstFile, 0}},
      {"mmap over the code", SYS_mmap, {systrap::kCodeAddress, kPage, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~uint64_t{0}, 0}},
      {"mmap over contexts", SYS_mmap, {high, 64 * bytes, rw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~uint64_t{0}, 0}},
      {"mmap shared with children", SYS_mmap, {0x10000000, kPage, rw, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, ~uint64_t{0}, 0}},
      {"mprotect of the code", SYS_mprotect, {systrap::kCodeAddress, kPage, 7}},
      {"mprotect for writing", SYS_mprotect, {Room() & ~(kPage - 1), kPage, rw}},
      {"munmap of contexts", SYS_munmap, {high, 64 * bytes}},
      {"munmap of the code", SYS_munmap, {systrap::kCodeAddress, kPage}},
      {"mremap of contexts", SYS_mremap, {high, bytes, bytes, 3, 0x10000000}},
      {"mremap onto contexts", SYS_mremap, {Room() & ~(kPage - 1), kPage, kPage, 3, high}},
      {"madvise of contexts", SYS_madvise, {high, 64 * bytes, MADV_DOFORK}},
      {"madvise, mergeable", SYS_madvise, {Room() & ~(kPage - 1), kPage, MADV_MERGEABLE}},
      {"a request long past", systrap::kHandOverCall, {0xfffffff0}},
      {"a request too early", systrap::kHandOverCall, {0x7fffffff}},
  };
  // Contexts of others at their own places, and files that others may have mapped.
  for (uint64_t slot = 0; slot < 8; ++slot) {
    calls.push_back(
        {"mmap of a context", SYS_mmap, {high + slot * bytes, bytes, rw, MAP_SHARED | MAP_FIXED, systrap::kZygoteMemory, slot * bytes}});
    calls.push_back({"mmap of a file", SYS_mmap, {0x10000000, kPage, PROT_READ, MAP_PRIVATE | MAP_FIXED, systrap::kFirstFile + slot, 0}});
  }
  return calls;
}

struct Attempt {
  uint64_t instruction;
  Forged call;
};

void OnReturn(int, siginfo_t*, void* raw) {
  const auto* uc = static_cast<ucontext_t*>(raw);
  g_told->result = uc->uc_mcontext.gregs[REG_RAX];
  g_told->passed = true;
  _exit(0);
}

void TryCall(void* argument) {
  const auto* attempt = static_cast<const Attempt*>(argument);
  CatchSignals({SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS}, OnReturn);
  Registers r{};
  r.rip = attempt->instruction;
  r.rsp = reinterpret_cast<uint64_t>(g_stacks[0]) + sizeof(g_stacks[0]) - 64;
  r.rax = attempt->call.number;
  r.rdi = attempt->call.a[0], r.rsi = attempt->call.a[1], r.rdx = attempt->call.a[2];
  r.r10 = attempt->call.a[3], r.r8 = attempt->call.a[4], r.r9 = attempt->call.a[5];
  // Code behind the instruction may use it as a context.
  r.rbx = reinterpret_cast<uint64_t>(g_stacks[1]);
  g_told->began = true;
  Enter(&r);
}

const Mode calls("handler-calls", [](int, char**) {
  ShareTold();
  if (!HandlerIsHere()) {
    std::puts("no handler here");
    return 0;
  }
  const std::vector<uint64_t> instructions = Instructions();
  HOSTILE_REQUIRE(instructions.size() > 3, "the handler has %zu system call instructions", instructions.size());
  const std::vector<Forged> refused = Refused();
  unsigned tries = 0;
  // All calls at the instructions that are followed by nothing (their result would be seen), and at others in turn.
  for (size_t i = 0; i < instructions.size(); ++i) {
    const auto* behind = reinterpret_cast<const unsigned char*>(instructions[i] + 2);
    const bool bare = *behind == 0xf4;  // hlt
    for (size_t k = 0; k < refused.size(); ++k) {
      if (!bare && (i + k) % 7 != 0) continue;
      Attempt attempt{instructions[i], refused[k]};
      g_told->passed = g_told->began = false;
      const int status = Sacrifice(TryCall, &attempt, 5);
      ++tries;
      HOSTILE_REQUIRE(g_told->began, "%s: the attacker did not start", refused[k].what);
      HOSTILE_REQUIRE(!g_told->passed, "%s at %lx: came back with %ld", refused[k].what, static_cast<unsigned long>(instructions[i]),
                      static_cast<long>(g_told->result));
      HOSTILE_REQUIRE(WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGSYS), "%s at %lx: status %x",
                      refused[k].what, static_cast<unsigned long>(instructions[i]), status);
    }
    Canary();
  }
  std::printf("%zu instructions, %u forged calls\n", instructions.size(), tries);
  return 0;
});

}  // namespace
}  // namespace ringwall::hostile
