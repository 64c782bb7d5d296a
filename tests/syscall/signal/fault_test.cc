// Processor exceptions as signals: codes, addresses, registers, and FPU state across handlers (sigreturn(2)).
#include <immintrin.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Fault, UnmappedReadIsSegvMaperrWithItsAddress) {
  const Fault fault = FaultOf([](void* at) { *static_cast<volatile char*>(at); }, BadAddress() + 3);
  EXPECT_EQ(fault.signo, SIGSEGV);
  EXPECT_EQ(fault.code, SEGV_MAPERR);
  EXPECT_EQ(fault.address, BadAddress() + 3);
}
TEST(Fault, KernelHalfAccessIsSegv) {
  const Fault fault = FaultOf([](void* at) { *static_cast<volatile char*>(at); }, KernelAddress());
  EXPECT_EQ(fault.signo, SIGSEGV);
}
TEST(Fault, NonCanonicalAccessIsSegvFromTheKernel) {
  const Fault fault = FaultOf([](void* at) { *static_cast<volatile char*>(at); }, reinterpret_cast<void*>(0x1234'0000'0000'0000));
  EXPECT_EQ(fault.signo, SIGSEGV);
  EXPECT_EQ(fault.code, SI_KERNEL);
  EXPECT_EQ(fault.address, nullptr);
}
TEST(Fault, DivisionByZeroIsFpeIntdiv) {
  const Fault fault = FaultOf(
      [](void*) {
        asm volatile("xor %%ecx, %%ecx; mov $1, %%eax; cdq; idiv %%ecx" ::: "eax", "ecx", "edx");
      },
      nullptr);
  EXPECT_EQ(fault.signo, SIGFPE);
  EXPECT_EQ(fault.code, FPE_INTDIV);
}
TEST(Fault, IllegalInstructionIsIll) {
  const Fault fault = FaultOf([](void*) { asm volatile("ud2"); }, nullptr);
  EXPECT_EQ(fault.signo, SIGILL);
  EXPECT_EQ(fault.code, ILL_ILLOPN);
}
TEST(Fault, PrivilegedInstructionIsSegv) {
  const Fault fault = FaultOf([](void*) { asm volatile("hlt"); }, nullptr);
  EXPECT_EQ(fault.signo, SIGSEGV);
  EXPECT_EQ(fault.code, SI_KERNEL);
}
TEST(Fault, BreakpointIsTrap) {
  const Fault fault = FaultOf([](void*) { asm volatile("int3"); }, nullptr);
  EXPECT_EQ(fault.signo, SIGTRAP);
  EXPECT_EQ(fault.code, SI_KERNEL);
}
TEST(Fault, SingleStepFlagIsTrapTrace) {
  const Fault fault = FaultOf([](void*) { asm volatile("pushfq; orq $0x100, (%%rsp); popfq; nop; nop" ::: "cc", "memory"); }, nullptr);
  EXPECT_EQ(fault.signo, SIGTRAP);
  EXPECT_EQ(fault.code, TRAP_TRACE);
}
TEST(Fault, BlockedFaultSignalKills) {
  EXPECT_THAT(ChildStatus([] {
                signal(SIGSEGV, [](int) { _exit(1); });
                const sigset_t set = SetOf(SIGSEGV);
                sigprocmask(SIG_BLOCK, &set, nullptr);
                *reinterpret_cast<volatile char*>(0x1000) = 1;
              }),
              KilledBy(SIGSEGV));
}
TEST(Fault, IgnoredFaultSignalKills) {
  EXPECT_THAT(ChildStatus([] {
                signal(SIGSEGV, SIG_IGN);
                *reinterpret_cast<volatile char*>(0x1000) = 1;
              }),
              KilledBy(SIGSEGV));
}
TEST(Sigreturn, HandlerMayChangeTheInstructionPointerAndRegisters) {
  struct sigaction action = {}, old;
  action.sa_sigaction = [](int, siginfo_t*, void* raw) {
    auto* context = static_cast<ucontext_t*>(raw);
    context->uc_mcontext.gregs[REG_RIP] += 2;  // over the ud2
    context->uc_mcontext.gregs[REG_RAX] = 4711;
  };
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &action, &old);
  long value = 0;
  asm volatile("ud2" : "=a"(value) : : "memory");
  sigaction(SIGILL, &old, nullptr);
  EXPECT_EQ(value, 4711);
}
TEST(Sigreturn, FaultContextNamesTheTrapAndTheAddress) {
  static long trap, error, address;
  struct sigaction action = {}, old;
  action.sa_sigaction = [](int, siginfo_t*, void* raw) {
    auto* context = static_cast<ucontext_t*>(raw);
    trap = context->uc_mcontext.gregs[REG_TRAPNO];
    error = context->uc_mcontext.gregs[REG_ERR];
    address = context->uc_mcontext.gregs[REG_CR2];
    context->uc_mcontext.gregs[REG_RIP] += 3;
  };
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, &old);
  asm volatile(".byte 0xc6, 0x00, 0x01" : : "a"(0x1008) : "memory");  // movb $1, (%rax)
  sigaction(SIGSEGV, &old, nullptr);
  EXPECT_EQ(trap, 14);
  EXPECT_EQ(error, 6);  // user, write, not present
  EXPECT_EQ(address, 0x1008);
}
TEST(Sigreturn, GeneralRegistersAndFlagsSurviveAHandler) {
  SignalRecorder recorder(SIGUSR1);
  unsigned long r12 = 0x1212, r13 = 0x1313, rbx = 0xb0b0, carry = 0;
  const long pid = getpid();
  long number = SYS_kill;
  asm volatile(
      "stc\n\t"
      "syscall\n\t"
      "mov $0, %3\n\t"
      "adc $0, %3\n\t"
      : "+r"(r12), "+r"(r13), "+b"(rbx), "=&r"(carry), "+a"(number)
      : "D"(pid), "S"(static_cast<long>(SIGUSR1))
      : "rcx", "r11", "memory", "cc");
  EXPECT_EQ(recorder.count(), 1);
  EXPECT_EQ(r12, 0x1212u);
  EXPECT_EQ(r13, 0x1313u);
  EXPECT_EQ(rbx, 0xb0b0u);
  EXPECT_EQ(carry, 1u);
}
TEST(Syscall, ClobbersOnlyRcxAndR11) {
  unsigned long rdi = 1, rsi = 2, rdx = 3, result = SYS_getpid, after_rcx, after_r11;
  register unsigned long r8 asm("r8") = 8;
  register unsigned long r9 asm("r9") = 9;
  register unsigned long r10 asm("r10") = 10;
  asm volatile(
      "syscall\n\t"
      "mov %%rcx, %0\n\t"
      "mov %%r11, %1\n\t"
      : "=&r"(after_rcx), "=&r"(after_r11), "+a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r8), "+r"(r9), "+r"(r10)
      :
      : "rcx", "r11", "memory");
  // Copied at once: the next call may use these registers.
  const unsigned long extra[3] = {r8, r9, r10};
  EXPECT_EQ(result, static_cast<unsigned long>(getpid()));
  EXPECT_EQ(rdi, 1u);
  EXPECT_EQ(rsi, 2u);
  EXPECT_EQ(rdx, 3u);
  EXPECT_EQ(extra[0], 8u);
  EXPECT_EQ(extra[1], 9u);
  EXPECT_EQ(extra[2], 10u);
}
TEST(Syscall, UnknownNumbersAreEnosys) {
  EXPECT_THAT(Call(9999), FailsWith(ENOSYS));
  EXPECT_THAT(Call(-1), FailsWith(ENOSYS));
  EXPECT_THAT(Call(0x7fffffff), FailsWith(ENOSYS));
}
static void ClobberFpu(int) {
  asm volatile("pxor %%xmm0, %%xmm0; pxor %%xmm7, %%xmm7; fninit" ::: "xmm0", "xmm7");
  const unsigned csr = 0x1f80;
  asm volatile("ldmxcsr %0" : : "m"(csr));
}
TEST(FpuState, SseRegistersAndControlWordsSurviveAHandler) {
  signal(SIGUSR1, &ClobberFpu);
  const unsigned long in[2] = {0x1122334455667788, 0x99aabbccddeeff00};
  unsigned long out[2] = {};
  const unsigned csr_in = 0x1f80 | 0x6000;  // round toward zero
  unsigned csr_out = 0;
  unsigned old_csr = 0;
  long number = SYS_kill;
  asm volatile("stmxcsr %0" : "=m"(old_csr));
  asm volatile(
      "ldmxcsr %4\n\t"
      "movdqu (%2), %%xmm7\n\t"
      "syscall\n\t"
      "movdqu %%xmm7, (%3)\n\t"
      "stmxcsr %0\n\t"
      : "=m"(csr_out), "+a"(number)
      : "r"(in), "r"(out), "m"(csr_in), "D"(static_cast<long>(getpid())), "S"(static_cast<long>(SIGUSR1))
      : "rcx", "r11", "xmm7", "memory");
  asm volatile("ldmxcsr %0" : : "m"(old_csr));
  signal(SIGUSR1, SIG_DFL);
  EXPECT_EQ(out[0], in[0]);
  EXPECT_EQ(out[1], in[1]);
  EXPECT_EQ(csr_out, csr_in);
}
__attribute__((target("avx"))) static void AvxRound(const long* in, long* out) {
  const long pid = getpid();
  long number = SYS_kill;
  asm volatile(
      "vmovdqu (%1), %%ymm5\n\t"
      "syscall\n\t"
      "vmovdqu %%ymm5, (%2)\n\t"
      : "+a"(number)
      : "r"(in), "r"(out), "D"(pid), "S"(static_cast<long>(SIGUSR1))
      : "rcx", "r11", "xmm5", "memory");
}
TEST(FpuState, AvxUpperHalvesSurviveAHandler) {
  if (!__builtin_cpu_supports("avx")) GTEST_SKIP() << "no AVX";
  signal(SIGUSR1, [](int) { asm volatile("vzeroall" ::: "memory"); });
  const long in[4] = {1, 2, 3, 4};
  long out[4] = {};
  AvxRound(in, out);
  signal(SIGUSR1, SIG_DFL);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(out[i], in[i]);
}
TEST(FpuState, IsCopiedByFork) {
  const double in = 2.5;
  double out = 0;
  long child = SYS_fork;
  fflush(nullptr);
  asm volatile(
      "movsd %2, %%xmm9\n\t"
      "syscall\n\t"
      "movsd %%xmm9, %1\n\t"
      : "+a"(child), "=m"(out)
      : "m"(in)
      : "rcx", "r11", "xmm9", "memory");
  if (child == 0) _exit(out == 2.5 ? 0 : 1);
  EXPECT_THAT(StatusOf(static_cast<pid_t>(child)), Exited(0));
}
TEST(FpuState, FrameHasTheXsaveMagic) {
  static unsigned magic;
  struct sigaction action = {}, old;
  action.sa_sigaction = [](int, siginfo_t*, void* raw) {
    const auto* context = static_cast<ucontext_t*>(raw);
    memcpy(&magic, reinterpret_cast<const char*>(context->uc_mcontext.fpregs) + 464, 4);
  };
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGUSR1, &action, &old);
  raise(SIGUSR1);
  sigaction(SIGUSR1, &old, nullptr);
  EXPECT_EQ(magic, 0x46505853u);
}

}  // namespace tests
