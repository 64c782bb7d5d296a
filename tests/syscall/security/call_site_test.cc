// syscall(2): the instruction itself, at places that are used so often that a sandbox may rewrite them: it must stay what it was.
#include <asm/prctl.h>
#include <poll.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "tests/lib/guest.h"

extern "C" {
extern const char __executable_start, etext;
long call_before(long number);
long call_behind(long number, long a, long b, long c);
long call_registers(long* registers);
long call_vector(const double* from, double* to);
extern char call_page[];
extern char call_page_site[];
}

// call_before: the number is loaded right in front of the instruction. call_behind: syscall(3), the number is an argument. call_registers:
// rdi is room for everything behind a call, the red zone included. call_vector: two doubles through a call. call_page: a page of its own.
asm(R"(
  .text
call_before:
  mov $110, %eax
  syscall
  cmp $-4095, %rax
  ret
call_behind:
  mov %rdi, %rax
  mov %rsi, %rdi
  mov %rdx, %rsi
  mov %rcx, %rdx
  syscall
  cmp $-4095, %rax
  jae 1f
1: ret
call_registers:
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rdi, %rbx
  mov $0x1212, %r12
  mov $0x1313, %r13
  mov $0x1414, %r14
  mov $0x1515, %r15
  mov $0x2222, %ebp
  mov $0x88, %r8d
  mov $0x99, %r9d
  mov $0x1010, %r10d
  mov $0xd1, %edi
  mov $0x51, %esi
  mov $0xdd, %edx
  movq $0x4242, -16(%rsp)
  stc
  mov $110, %eax
  syscall
2:
  pushfq
  pop 0(%rbx)
  mov %rcx, 8(%rbx)
  lea 2b(%rip), %rcx
  sub %rcx, 8(%rbx)
  mov %r11, 16(%rbx)
  mov %rbp, 24(%rbx)
  mov %r12, 32(%rbx)
  mov %r13, 40(%rbx)
  mov %r14, 48(%rbx)
  mov %r15, 56(%rbx)
  mov %r8, 64(%rbx)
  mov %r9, 72(%rbx)
  mov %r10, 80(%rbx)
  mov %rdi, 88(%rbx)
  mov %rsi, 96(%rbx)
  mov %rdx, 104(%rbx)
  mov -16(%rsp), %rcx
  mov %rcx, 112(%rbx)
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  ret
call_vector:
  movupd (%rdi), %xmm5
  mov $110, %eax
  syscall
  movupd %xmm5, (%rsi)
  ret
  .balign 4096
call_page:
  mov $110, %eax
call_page_site:
  syscall
  ret
  .balign 4096
  nop
)");

namespace tests {
namespace {

constexpr int kHot = 300;  // more than anybody waits before he rewrites

long PageCall() { return reinterpret_cast<long (*)()>(call_page)(); }

std::atomic<long> strange_address{0};
std::atomic<int> alarms{0};
void NoteAddress(int, siginfo_t*, void* raw) {
  const long rip = static_cast<ucontext_t*>(raw)->uc_mcontext.gregs[REG_RIP];
  if (rip < reinterpret_cast<long>(&__executable_start) || rip > reinterpret_cast<long>(&etext)) strange_address = rip;
  ++alarms;
}

class Alarms {
 public:
  explicit Alarms(int microseconds) {
    struct sigaction action = {};
    action.sa_sigaction = &NoteAddress;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigaction(SIGALRM, &action, &old_);
    alarms = 0;
    strange_address = 0;
    const itimerval often = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &often, nullptr);
  }
  ~Alarms() {
    const itimerval never = {};
    setitimer(ITIMER_REAL, &never, nullptr);
    sigaction(SIGALRM, &old_, nullptr);
  }

 private:
  struct sigaction old_;
};

TEST(CallSite, HotCallsGiveTheSameResults) {
  const long parent = getppid();
  for (int i = 0; i < kHot; ++i) {
    ASSERT_EQ(call_before(0), parent);
    ASSERT_EQ(call_behind(SYS_getpid, 0, 0, 0), getpid());
    ASSERT_EQ(call_behind(SYS_close, -1, 0, 0), -EBADF);
    ASSERT_EQ(call_behind(100000, 0, 0, 0), -ENOSYS);
  }
}
TEST(CallSite, RegistersFlagsAndTheRedZoneAreKept) {
  for (int i = 0; i < kHot; ++i) {
    long r[16] = {};
    call_registers(r);
    ASSERT_EQ(r[0] & 1, 1) << "the carry";
    ASSERT_EQ(r[1], 0) << "rcx is the return address";
    ASSERT_EQ(r[2], r[0]) << "r11 is the flags";
    const std::array<long, 12> kept = {0x2222, 0x1212, 0x1313, 0x1414, 0x1515, 0x88, 0x99, 0x1010, 0xd1, 0x51, 0xdd, 0x4242};
    ASSERT_TRUE(std::equal(kept.begin(), kept.end(), r + 3)) << i;
  }
}
TEST(CallSite, VectorRegistersAreKept) {
  const Alarms alarms_on(500);
  for (int i = 0; i < 20 * kHot; ++i) {
    const double from[2] = {i * 1.5, -i * 2.25};
    double to[2] = {};
    call_vector(from, to);
    ASSERT_EQ(std::memcmp(from, to, sizeof(to)), 0) << i;
  }
}
TEST(CallSite, SignalsSeeOnlyTheProgramsOwnAddresses) {
  const long parent = getppid();
  const Alarms alarms_on(200);
  for (int i = 0; alarms < 300 && i < 3'000'000; ++i) {
    ASSERT_EQ(call_before(0), parent);
    ASSERT_EQ(call_behind(SYS_getpid, 0, 0, 0), getpid());
    ASSERT_EQ(strange_address.load(), 0);
  }
  EXPECT_GE(alarms.load(), 20);
}
TEST(CallSite, InterruptedCallsAreRestarted) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const ScopedFd reader(ends[0]), writer(ends[1]);
  char byte = 'x';
  for (int i = 0; i < kHot; ++i) {
    ASSERT_EQ(call_behind(SYS_write, writer.get(), reinterpret_cast<long>(&byte), 1), 1);
    ASSERT_EQ(call_behind(SYS_read, reader.get(), reinterpret_cast<long>(&byte), 1), 1);
  }
  ScopedThread slow([&] {
    const BlockedSignals blocked(SIGALRM);
    SleepMs(60);
    EXPECT_EQ(Call(SYS_write, writer, "y", 1), 1);
  });
  const Alarms alarms_on(5000);
  EXPECT_EQ(call_behind(SYS_read, reader.get(), reinterpret_cast<long>(&byte), 1), 1);
  EXPECT_EQ(byte, 'y');
  EXPECT_GT(alarms.load(), 2);
  EXPECT_EQ(strange_address.load(), 0);
}
TEST(CallSite, ForkedChildrenHaveThemToo) {
  for (int i = 0; i < kHot; ++i) ASSERT_EQ(call_before(0), getppid());
  InChild([] {
    const pid_t parent = getppid();
    for (int i = 0; i < kHot; ++i) ASSERT_EQ(call_before(0), parent);
    InChild([] {
      for (int i = 0; i < kHot; ++i) ASSERT_EQ(call_behind(SYS_getpid, 0, 0, 0), getpid());
    });
  });
}
TEST(CallSite, ThreadsWarmThemUpTogether) {
  // A child, whose sites are cold where nothing ran before; threads from the start.
  InChild([] {
    const Alarms alarms_on(1000);
    std::vector<std::unique_ptr<ScopedThread>> threads;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 4; ++t) {
      threads.push_back(std::make_unique<ScopedThread>([&] {
        const long me = Call(SYS_gettid);
        for (int i = 0; i < 10 * kHot; ++i) {
          if (call_behind(SYS_gettid, 0, 0, 0) != me) ++wrong;
          long r[16] = {};
          call_registers(r);
          if (r[3] != 0x2222 || r[14] != 0x4242) ++wrong;
        }
      }));
    }
    threads.clear();
    EXPECT_EQ(wrong.load(), 0);
    EXPECT_EQ(strange_address.load(), 0);
  });
}
TEST(CallSite, CodeThatTurnsWritableIsAsItWas) {
  const long parent = getppid();
  for (int i = 0; i < kHot; ++i) ASSERT_EQ(PageCall(), parent);
  ASSERT_EQ(mprotect(call_page, kPage, PROT_READ | PROT_WRITE), 0);
  const unsigned char original[8] = {0xb8, 110, 0, 0, 0, 0x0f, 0x05, 0xc3};
  EXPECT_EQ(std::memcmp(call_page, original, 8), 0);
  call_page[1] = SYS_getpid;
  ASSERT_EQ(mprotect(call_page, kPage, PROT_READ | PROT_EXEC), 0);
  for (int i = 0; i < kHot; ++i) ASSERT_EQ(PageCall(), getpid());
  // The file's page again.
  ASSERT_EQ(madvise(call_page, kPage, MADV_DONTNEED), 0);
  for (int i = 0; i < kHot; ++i) ASSERT_EQ(PageCall(), parent);
}
TEST(CallSite, OtherCodeAtTheSameAddress) {
  const ScopedFd file(Call(SYS_memfd_create, "code", 0));
  unsigned char code[2][8] = {{0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3}, {0xb8, 110, 0, 0, 0, 0x0f, 0x05, 0xc3}};
  ASSERT_EQ(Call(SYS_ftruncate, file, 2 * kPage), 0);
  ASSERT_EQ(Call(SYS_pwrite64, file, code[0], 8, 64), 8);
  ASSERT_EQ(Call(SYS_pwrite64, file, code[1], 8, kPage + 64), 8);
  void* at = mmap(nullptr, kPage, PROT_READ | PROT_EXEC, MAP_PRIVATE, file.get(), 0);
  ASSERT_NE(at, MAP_FAILED);
  const auto call = reinterpret_cast<long (*)()>(static_cast<char*>(at) + 64);
  for (int i = 0; i < kHot; ++i) ASSERT_EQ(call(), getpid());
  ASSERT_EQ(mmap(at, kPage, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, file.get(), kPage), at);
  for (int i = 0; i < kHot; ++i) ASSERT_EQ(call(), getppid());
  // Moved: the bytes go along.
  void* moved = mremap(at, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, static_cast<char*>(at) - 64 * kPage);
  ASSERT_NE(moved, MAP_FAILED);
  const auto there = reinterpret_cast<long (*)()>(static_cast<char*>(moved) + 64);
  for (int i = 0; i < kHot; ++i) ASSERT_EQ(there(), getppid());
  ASSERT_EQ(munmap(moved, kPage), 0);
}
TEST(CallSite, AGuestWithItsOwnGs) {
  for (int i = 0; i < kHot; ++i) ASSERT_EQ(call_before(0), getppid());
  InChild([] {
    static long area[1024];
    area[3] = 0x1234;
    ASSERT_EQ(Call(SYS_arch_prctl, ARCH_SET_GS, area), 0);
    for (int i = 0; i < kHot; ++i) {
      ASSERT_EQ(call_before(0), getppid());
      long value = 0;
      asm volatile("mov %%gs:24, %0" : "=r"(value));
      ASSERT_EQ(value, 0x1234);
    }
    long* base = nullptr;
    ASSERT_EQ(Call(SYS_arch_prctl, ARCH_GET_GS, &base), 0);
    EXPECT_EQ(base, area);
  });
}
TEST(CallSite, BadPointersAreFaultsAfterManyGoodOnes) {
  char buffer[4096];
  const ScopedFd zero(Call(SYS_open, "/dev/zero", O_RDONLY));
  Mapping mapping(2 * kPage);
  char* const page = mapping.get();
  ASSERT_EQ(mprotect(page + kPage, kPage, PROT_NONE), 0);
  for (int i = 0; i < kHot; ++i) ASSERT_EQ(call_behind(SYS_read, zero.get(), reinterpret_cast<long>(buffer), 100), 100);
  EXPECT_EQ(call_behind(SYS_read, zero.get(), 8, 100), -EFAULT);
  EXPECT_EQ(call_behind(SYS_read, zero.get(), reinterpret_cast<long>(page + kPage), 100), -EFAULT);
  EXPECT_EQ(call_behind(SYS_access, 8, 0, 0), -EFAULT);
  EXPECT_EQ(call_behind(SYS_access, -1, 0, 0), -EFAULT);
  // A path that ends with the page, and one that does not end.
  std::memcpy(page + kPage - 5, "/dev", 5);
  EXPECT_EQ(call_behind(SYS_access, reinterpret_cast<long>(page + kPage - 5), F_OK, 0), 0);
  page[kPage - 1] = '/';
  EXPECT_EQ(call_behind(SYS_access, reinterpret_cast<long>(page + kPage - 5), F_OK, 0), -EFAULT);
  // Over a page border.
  ASSERT_EQ(mprotect(page + kPage, kPage, PROT_READ | PROT_WRITE), 0);
  std::strcpy(page + kPage - 3, "/dev/null");
  EXPECT_EQ(call_behind(SYS_access, reinterpret_cast<long>(page + kPage - 3), F_OK, 0), 0);
  const std::string longer(300, '/');
  EXPECT_EQ(call_behind(SYS_access, reinterpret_cast<long>((longer + "dev").c_str()), F_OK, 0), 0);
}
TEST(CallSite, ResultsOfSeveralPointersArrive) {
  for (int i = 0; i < kHot; ++i) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(call_behind(SYS_pipe, reinterpret_cast<long>(ends), 0, 0), 0);
    ASSERT_GE(std::min(ends[0], ends[1]), 0);
    const ScopedFd reader(ends[0]), writer(ends[1]);
    unsigned cpu = 999, node = 999;
    ASSERT_EQ(call_behind(SYS_getcpu, reinterpret_cast<long>(&cpu), reinterpret_cast<long>(&node), 0), 0);
    ASSERT_LT(std::max(cpu, node), 999u);
    // What one call wrote is what the next one reads.
    ASSERT_EQ(call_behind(SYS_write, writer.get(), reinterpret_cast<long>(ends), sizeof(ends)), 8);
    int seen[2] = {};
    ASSERT_EQ(call_behind(SYS_read, reader.get(), reinterpret_cast<long>(seen), sizeof(seen)), 8);
    ASSERT_EQ(std::memcmp(ends, seen, sizeof(ends)), 0);
    uid_t ids[3] = {77, 77, 77};
    ASSERT_EQ(call_behind(SYS_getresuid, reinterpret_cast<long>(&ids[0]), reinterpret_cast<long>(&ids[1]), reinterpret_cast<long>(&ids[2])),
              0);
    ASSERT_EQ(ids[0], getuid());
    ASSERT_EQ(ids[2], geteuid());
  }
}

}  // namespace
}  // namespace tests
