// ptrace(2): attaching, stops, signals, registers and memory.
#include "tests/syscall/task/tracee.h"

namespace tests {

static volatile long g_word = 0x1122334455667788;
__attribute__((noinline, aligned(16))) static long Work(long x) {
  asm volatile("" : "+r"(x));
  return x * 2;
}

// ---- who may ----------------------------------------------------------------------------------------------------------------------

TEST(PtraceAttach, NoSuchProcess) {
  EXPECT_THAT(Trace(kAttach, 0x3fffffff), FailsWith(ESRCH));
  EXPECT_THAT(Trace(PTRACE_SEIZE, 0x3fffffff), FailsWith(ESRCH));
  EXPECT_THAT(Trace(kCont, 0x3fffffff), FailsWith(ESRCH));
}
TEST(PtraceAttach, NotOneself) { EXPECT_THAT(Trace(kAttach, getpid()), FailsWith(EPERM)); }
TEST(PtraceAttach, NotOnesOwnThreads) {
  std::atomic<bool> stop{false};
  ScopedThread other([&] {
    while (!stop.load()) usleep(1000);
  });
  EXPECT_THAT(Trace(kAttach, other.tid()), FailsWith(EPERM));
  stop.store(true);
}
TEST(PtraceAttach, NotTwice) {
  Tracee child([] {});
  EXPECT_THAT(Trace(kAttach, child.pid()), FailsWith(EPERM));
  EXPECT_THAT(Trace(PTRACE_SEIZE, child.pid()), FailsWith(EPERM));
  InChild([&] { EXPECT_THAT(Trace(kAttach, child.pid()), FailsWith(EPERM)); });
}
TEST(PtraceAttach, TraceMeTwiceIsRefused) {
  EXPECT_THAT(ChildStatus([] {
                Call(SYS_ptrace, kTraceMe, 0, 0, 0);
                _exit(Call(SYS_ptrace, kTraceMe, 0, 0, 0) == -EPERM ? 3 : 4);
              }),
              Exited(3));
}
TEST(PtraceAttach, StopsWithSigstop) {
  const pid_t child = StartChild([] {
    for (;;) usleep(1000);
  });
  EXPECT_THAT(Trace(kAttach, child), SucceedsWith(0));
  EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP));
  EXPECT_THAT(Trace(kDetach, child), SucceedsWith(0));
  kill(child, SIGKILL);
  EXPECT_THAT(StatusOf(child), KilledBy(SIGKILL));
}
TEST(PtraceAttach, StopsRunningCode) {
  const pid_t child = StartChild([] {
    for (volatile long i = 0;;) {
      (void)i;
    }
  });
  usleep(5000);
  EXPECT_THAT(Trace(kAttach, child), SucceedsWith(0));
  EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP));
  kill(child, SIGKILL);
  EXPECT_THAT(StatusOf(child), KilledBy(SIGKILL));
}
TEST(PtraceAttach, StoppedProcess) {
  const pid_t child = StartChild([] { raise(SIGSTOP); });
  int status;
  EXPECT_EQ(waitpid(child, &status, WUNTRACED), child);
  EXPECT_THAT(Trace(kAttach, child), SucceedsWith(0));
  EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP));
  kill(child, SIGKILL);
  EXPECT_THAT(Wait(child), KilledBy(SIGKILL));
}
TEST(PtraceAttach, TracerPidIsShown) {
  Tracee child([] {});
  char line[256];
  FILE* file = fopen(("/proc/" + std::to_string(child.pid()) + "/status").c_str(), "r");
  ASSERT_NE(file, nullptr);
  int tracer = -1;
  char state = 0;
  while (fgets(line, sizeof(line), file) != nullptr) {
    sscanf(line, "TracerPid: %d", &tracer);
    sscanf(line, "State: %c", &state);
  }
  fclose(file);
  EXPECT_EQ(tracer, getpid());
  EXPECT_EQ(state, 't');
}
TEST(PtraceAttach, NobodyMayNotTraceRoot) {
  SKIP_UNLESS_ROOT();
  const pid_t child = StartChild([] {
    for (;;) usleep(1000);
  });
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Trace(kAttach, child), FailsWith(EPERM));
  });
  kill(child, SIGKILL);
  StatusOf(child);
}

// ---- requests need a stop -----------------------------------------------------------------------------------------------------------

TEST(PtraceStop, RunningTraceeIsEsrch) {
  Tracee child([] {
    for (;;) usleep(1000);
  });
  EXPECT_THAT(child.Go(), SucceedsWith(0));
  user_regs_struct regs;
  EXPECT_THAT(Trace(kGetRegs, child.pid(), nullptr, &regs), FailsWith(ESRCH));
  EXPECT_THAT(Trace(kCont, child.pid()), FailsWith(ESRCH));
  EXPECT_THAT(Trace(kDetach, child.pid()), FailsWith(ESRCH));
}
TEST(PtraceStop, NotOnesTraceeIsEsrch) {
  const pid_t child = StartChild([] {
    for (;;) usleep(1000);
  });
  EXPECT_THAT(Trace(kCont, child), FailsWith(ESRCH));
  EXPECT_THAT(Trace(kKill, child), FailsWith(ESRCH));
  EXPECT_THAT(Trace(PTRACE_INTERRUPT, child), FailsWith(ESRCH));
  kill(child, SIGKILL);
  StatusOf(child);
}
TEST(PtraceStop, UnknownRequestIsEio) {
  Tracee child([] {});
  EXPECT_THAT(Trace(0x9999, child.pid()), FailsWith(EIO));
}
TEST(PtraceStop, BadSignalIsEio) {
  Tracee child([] {});
  EXPECT_THAT(Trace(kCont, child.pid(), nullptr, Value(65)), FailsWith(EIO));
  EXPECT_THAT(Trace(kDetach, child.pid(), nullptr, Value(1000)), FailsWith(EIO));
}
TEST(PtraceStop, ReportedOnce) {
  Tracee child([] {});
  int status;
  EXPECT_THAT(Call(SYS_wait4, child.pid(), &status, __WALL | WNOHANG, nullptr), SucceedsWith(0));
}
TEST(PtraceStop, WaitidShowsTheTrap) {
  const pid_t child = StartChild([] {
    Call(SYS_ptrace, kTraceMe, 0, 0, 0);
    raise(SIGUSR1);
  });
  siginfo_t info{};
  EXPECT_THAT(Call(SYS_waitid, P_PID, child, &info, WSTOPPED | WNOWAIT, nullptr), SucceedsWith(0));
  EXPECT_EQ(info.si_code, CLD_TRAPPED);
  EXPECT_EQ(info.si_status, SIGUSR1);
  EXPECT_THAT(Wait(child), StoppedBy(SIGUSR1));
  EXPECT_THAT(Trace(kCont, child), SucceedsWith(0));
  EXPECT_THAT(Wait(child), Exited(0));
}
TEST(PtraceStop, NeedsNoWuntraced) {
  Tracee child([] { raise(SIGUSR1); });
  EXPECT_THAT(child.Go(), SucceedsWith(0));
  EXPECT_THAT(Wait(child.pid(), 0), StoppedBy(SIGUSR1));
}
TEST(PtraceStop, SigchldTellsTheStop) {
  const BlockedSignals blocked(SIGCHLD);
  Tracee child([] { raise(SIGUSR1); });
  siginfo_t info{};
  timespec limit{2, 0};
  sigset_t set = SetOf(SIGCHLD);
  EXPECT_EQ(sigtimedwait(&set, &info, &limit), SIGCHLD);
  child.Next();
  EXPECT_EQ(sigtimedwait(&set, &info, &limit), SIGCHLD);
  EXPECT_EQ(info.si_code, CLD_TRAPPED);
  EXPECT_EQ(info.si_status, SIGUSR1);
  EXPECT_EQ(info.si_pid, child.pid());
}
TEST(PtraceStop, KillEndsIt) {
  Tracee child([] {});
  EXPECT_THAT(Trace(kKill, child.pid()), SucceedsWith(0));
  EXPECT_THAT(Wait(child.pid()), KilledBy(SIGKILL));
  child.Gone();
}
TEST(PtraceStop, SigkillEndsIt) {
  Tracee child([] {});
  kill(child.pid(), SIGKILL);
  EXPECT_THAT(Wait(child.pid()), KilledBy(SIGKILL));
  child.Gone();
}

// ---- signals ------------------------------------------------------------------------------------------------------------------------

TEST(PtraceSignal, SuppressedByZero) {
  Tracee child([] { raise(SIGTERM); });
  EXPECT_THAT(child.Next(), StoppedBy(SIGTERM));
  EXPECT_THAT(child.Next(kCont, 0), Exited(0));
}
TEST(PtraceSignal, Delivered) {
  Tracee child([] { raise(SIGTERM); });
  EXPECT_THAT(child.Next(), StoppedBy(SIGTERM));
  EXPECT_THAT(child.Next(kCont, SIGTERM), KilledBy(SIGTERM));
}
TEST(PtraceSignal, Exchanged) {
  Tracee child([] { raise(SIGTERM); });
  EXPECT_THAT(child.Next(), StoppedBy(SIGTERM));
  EXPECT_THAT(child.Next(kCont, SIGHUP), KilledBy(SIGHUP));
}
TEST(PtraceSignal, IgnoredSignalsStopToo) {
  Tracee child([] {
    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
    raise(SIGCHLD);
  });
  EXPECT_THAT(child.Next(), StoppedBy(SIGUSR1));
  EXPECT_THAT(child.Next(kCont, SIGUSR1), StoppedBy(SIGCHLD));
  EXPECT_THAT(child.Next(kCont, SIGCHLD), Exited(0));
}
TEST(PtraceSignal, HandlerRunsAfterwards) {
  Tracee child([] {
    SignalRecorder recorder(SIGUSR1);
    raise(SIGUSR1);
    _exit(recorder.count() == 1 ? 11 : 12);
  });
  EXPECT_THAT(child.Next(), StoppedBy(SIGUSR1));
  EXPECT_THAT(child.Next(kCont, SIGUSR1), Exited(11));
}
TEST(PtraceSignal, InfoIsThatOfTheSignal) {
  Tracee child([] { raise(SIGUSR1); });
  EXPECT_THAT(child.Next(), StoppedBy(SIGUSR1));
  const siginfo_t info = child.Info();
  EXPECT_EQ(info.si_signo, SIGUSR1);
  EXPECT_EQ(info.si_code, SI_TKILL);
  EXPECT_EQ(info.si_pid, child.pid());
}
TEST(PtraceSignal, InfoCanBeChanged) {
  Tracee child([] {
    SignalRecorder recorder(SIGUSR1, SA_SIGINFO);
    raise(SIGUSR1);
    _exit(recorder.last().si_value.sival_int);
  });
  EXPECT_THAT(child.Next(), StoppedBy(SIGUSR1));
  siginfo_t info = child.Info();
  info.si_code = SI_QUEUE;
  info.si_value.sival_int = 44;
  EXPECT_THAT(Trace(PTRACE_SETSIGINFO, child.pid(), nullptr, &info), SucceedsWith(0));
  EXPECT_THAT(child.Next(kCont, SIGUSR1), Exited(44));
}
TEST(PtraceSignal, ExchangedSignalComesFromTheTracer) {
  static pid_t tracer;
  tracer = getpid();
  Tracee child([] {
    SignalRecorder recorder(SIGUSR2, SA_SIGINFO);
    raise(SIGUSR1);
    _exit(recorder.last().si_code == SI_USER && recorder.last().si_pid == tracer ? 21 : 22);
  });
  EXPECT_THAT(child.Next(), StoppedBy(SIGUSR1));
  EXPECT_THAT(child.Next(kCont, SIGUSR2), Exited(21));
}
TEST(PtraceSignal, BlockedSignalsWait) {
  Tracee child([] {
    const BlockedSignals blocked(SIGUSR1);
    raise(SIGUSR1);
    raise(SIGUSR2);
  });
  EXPECT_THAT(child.Next(), StoppedBy(SIGUSR2));
}
TEST(PtraceSignal, PeekPending) {
  Tracee child([] {
    const BlockedSignals blocked(SIGUSR1, SIGRTMIN);
    raise(SIGUSR1);
    raise(SIGRTMIN);
    raise(SIGUSR2);
  });
  EXPECT_THAT(child.Next(), StoppedBy(SIGUSR2));
  struct {
    unsigned long off;
    unsigned flags;
    int nr;
  } args{0, 0, 8};
  siginfo_t infos[8] = {};
  EXPECT_THAT(Trace(PTRACE_PEEKSIGINFO, child.pid(), &args, infos), SucceedsWith(2));
  EXPECT_EQ(infos[0].si_signo, SIGUSR1);
  EXPECT_EQ(infos[1].si_signo, SIGRTMIN);
  args.off = 1;
  EXPECT_THAT(Trace(PTRACE_PEEKSIGINFO, child.pid(), &args, infos), SucceedsWith(1));
  args.flags = 1;  // the process's
  args.off = 0;
  EXPECT_THAT(Trace(PTRACE_PEEKSIGINFO, child.pid(), &args, infos), SucceedsWith(0));
  args.flags = 2;
  EXPECT_THAT(Trace(PTRACE_PEEKSIGINFO, child.pid(), &args, infos), FailsWith(EINVAL));
}
TEST(PtraceSignal, MaskIsReadAndWritten) {
  Tracee child([] { raise(SIGUSR1); });
  unsigned long mask = 0;
  EXPECT_THAT(Trace(PTRACE_GETSIGMASK, child.pid(), Value(4), &mask), FailsWith(EINVAL));
  EXPECT_THAT(Trace(PTRACE_GETSIGMASK, child.pid(), Value(8), &mask), SucceedsWith(0));
  mask |= 1ul << (SIGUSR1 - 1);
  EXPECT_THAT(Trace(PTRACE_SETSIGMASK, child.pid(), Value(8), &mask), SucceedsWith(0));
  EXPECT_THAT(child.Next(), Exited(0));
}
TEST(PtraceSignal, FaultsStop) {
  Tracee child([] { *reinterpret_cast<volatile int*>(0x10) = 1; });
  EXPECT_THAT(child.Next(), StoppedBy(SIGSEGV));
  const siginfo_t info = child.Info();
  EXPECT_EQ(info.si_code, SEGV_MAPERR);
  EXPECT_EQ(info.si_addr, reinterpret_cast<void*>(0x10));
  EXPECT_THAT(child.Next(kCont, SIGSEGV), KilledBy(SIGSEGV));
}

// ---- memory -------------------------------------------------------------------------------------------------------------------------

TEST(PtraceMemory, Peek) {
  Tracee child([] {});
  EXPECT_EQ(child.Peek(&g_word), 0x1122334455667788);
  long word = 0;
  EXPECT_THAT(Trace(kPeekText, child.pid(), &g_word, &word), SucceedsWith(0));
  EXPECT_EQ(word, 0x1122334455667788);
}
TEST(PtraceMemory, PeekAtUnmappedIsEio) {
  Tracee child([] {});
  long word;
  EXPECT_THAT(Trace(kPeekData, child.pid(), BadAddress(), &word), FailsWith(EIO));
  EXPECT_THAT(Trace(kPeekData, child.pid(), KernelAddress(), &word), FailsWith(EIO));
  EXPECT_THAT(Trace(kPeekData, child.pid(), &g_word, BadAddress()), FailsWith(EFAULT));
}
TEST(PtraceMemory, PokeChangesTheTraceeOnly) {
  Tracee child([] { _exit(g_word == 5 ? 1 : 2); });
  EXPECT_THAT(Trace(kPokeData, child.pid(), &g_word, Value(5)), SucceedsWith(0));
  EXPECT_EQ(g_word, 0x1122334455667788);
  EXPECT_THAT(child.Next(), Exited(1));
}
TEST(PtraceMemory, PokeAtUnmappedIsEio) {
  Tracee child([] {});
  EXPECT_THAT(Trace(kPokeData, child.pid(), BadAddress(), Value(5)), FailsWith(EIO));
}
TEST(PtraceMemory, PokeReachesReadOnlyPages) {
  const Mapping page(kPage, PROT_READ);
  Tracee child([&] { _exit(*reinterpret_cast<volatile long*>(page.get()) == 77 ? 1 : 2); });
  EXPECT_THAT(Trace(kPokeData, child.pid(), page.get(), Value(77)), SucceedsWith(0));
  EXPECT_THAT(child.Next(), Exited(1));
}
TEST(PtraceMemory, PeekReachesPagesWithoutAccess) {
  const Mapping page(kPage);
  *reinterpret_cast<long*>(page.get()) = 88;
  mprotect(page.get(), kPage, PROT_NONE);
  Tracee child([] {});
  EXPECT_EQ(child.Peek(page.get()), 88);
}
TEST(PtraceMemory, PokeDoesNotReachReadOnlySharedPages) {
  const Mapping page(kPage, PROT_READ, MAP_SHARED | MAP_ANONYMOUS);
  Tracee child([] {});
  EXPECT_THAT(Trace(kPokeData, child.pid(), page.get(), Value(77)), FailsWith(EIO));
}
TEST(PtraceMemory, ProtectionStaysAfterPoke) {
  const Mapping page(kPage, PROT_READ);
  Tracee child([&] { *reinterpret_cast<volatile long*>(page.get()) = 1; });
  EXPECT_THAT(Trace(kPokeData, child.pid(), page.get(), Value(77)), SucceedsWith(0));
  EXPECT_THAT(child.Next(), StoppedBy(SIGSEGV));
  EXPECT_EQ(child.Info().si_code, SEGV_ACCERR);
}
TEST(PtraceMemory, ProcMemReachesReadOnlyPages) {
  const Mapping page(kPage, PROT_READ);
  Tracee child([&] { _exit(*reinterpret_cast<volatile long*>(page.get()) == 77 ? 1 : 2); });
  const ScopedFd mem(open(("/proc/" + std::to_string(child.pid()) + "/mem").c_str(), O_RDWR));
  const long value = 77;
  EXPECT_THAT(Call(SYS_pwrite64, mem, &value, 8, page.get()), SucceedsWith(8));
  EXPECT_THAT(child.Next(), Exited(1));
}

// ---- registers ----------------------------------------------------------------------------------------------------------------------

TEST(PtraceRegs, BreakpointStopsBehindIt) {
  Tracee child([] { _exit(static_cast<int>(Work(21))); });
  const auto* at = reinterpret_cast<const char*>(&Work);
  const long code = child.Peek(at);
  EXPECT_THAT(Trace(kPokeText, child.pid(), at, Value((static_cast<unsigned long>(code) & ~0xfful) | 0xcc)), SucceedsWith(0));
  EXPECT_THAT(child.Next(), StoppedBy(SIGTRAP));
  EXPECT_EQ(child.Info().si_code, SI_KERNEL);
  user_regs_struct regs = child.Regs();
  EXPECT_EQ(regs.rip, reinterpret_cast<unsigned long>(at) + 1);
  EXPECT_EQ(regs.rdi, 21u);
  EXPECT_EQ(regs.orig_rax, ~0ul);
  EXPECT_THAT(Trace(kPokeText, child.pid(), at, Value(static_cast<unsigned long>(code))), SucceedsWith(0));
  regs.rip -= 1;
  regs.rdi = 50;
  child.SetRegs(regs);
  EXPECT_THAT(child.Next(), Exited(100));
}
TEST(PtraceRegs, ResultOfACallCanBeChanged) {
  Tracee child([] { _exit(static_cast<int>(Call(SYS_getppid))); });
  EXPECT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP));  // into getppid
  EXPECT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP));
  user_regs_struct regs = child.Regs();
  EXPECT_EQ(regs.rax, static_cast<unsigned long>(getpid()));
  regs.rax = 9;
  child.SetRegs(regs);
  EXPECT_THAT(child.Next(), Exited(9));
}
TEST(PtraceRegs, BadSegmentsAreEio) {
  Tracee child([] {});
  user_regs_struct regs = child.Regs();
  regs.cs = 0;
  EXPECT_THAT(Trace(kSetRegs, child.pid(), nullptr, &regs), FailsWith(EIO));
  regs = child.Regs();
  regs.ss = 0x10;  // the kernel's
  EXPECT_THAT(Trace(kSetRegs, child.pid(), nullptr, &regs), FailsWith(EIO));
  regs = child.Regs();
  regs.fs_base = 0xffff800000000000;
  EXPECT_THAT(Trace(kSetRegs, child.pid(), nullptr, &regs), FailsWith(EIO));
}
TEST(PtraceRegs, SystemFlagsStay) {
  Tracee child([] {});
  user_regs_struct regs = child.Regs();
  regs.eflags |= 0x3000;    // IOPL
  regs.eflags &= ~0x200ul;  // IF
  child.SetRegs(regs);
  const user_regs_struct now = child.Regs();
  EXPECT_EQ(now.eflags & 0x3000, 0u);
  EXPECT_EQ(now.eflags & 0x200, 0x200u);
}
TEST(PtraceRegs, BadPointerFaults) {
  Tracee child([] {});
  EXPECT_THAT(Trace(kGetRegs, child.pid(), nullptr, BadAddress()), FailsWith(EFAULT));
  EXPECT_THAT(Trace(kSetRegs, child.pid(), nullptr, BadAddress()), FailsWith(EFAULT));
}
TEST(PtraceRegs, UserAreaHasTheRegisters) {
  Tracee child([] {});
  const user_regs_struct regs = child.Regs();
  unsigned long word = 0;
  EXPECT_THAT(Trace(kPeekUser, child.pid(), Value(offsetof(user_regs_struct, rip)), &word), SucceedsWith(0));
  EXPECT_EQ(word, regs.rip);
  EXPECT_THAT(Trace(kPokeUser, child.pid(), Value(offsetof(user_regs_struct, rbx)), Value(4711)), SucceedsWith(0));
  EXPECT_EQ(child.Regs().rbx, 4711u);
}
TEST(PtraceRegs, UserAreaHasBounds) {
  Tracee child([] {});
  unsigned long word;
  EXPECT_THAT(Trace(kPeekUser, child.pid(), Value(3), &word), FailsWith(EIO));
  constexpr unsigned long kEnd = sizeof(struct user) + 16;  // the kernel's has two words more
  EXPECT_THAT(Trace(kPeekUser, child.pid(), Value(kEnd), &word), FailsWith(EIO));
  EXPECT_THAT(Trace(kPokeUser, child.pid(), Value(kEnd), Value(0)), FailsWith(EIO));
  EXPECT_THAT(Trace(kPeekUser, child.pid(), Value(offsetof(struct user, u_debugreg)), &word), SucceedsWith(0));
}
TEST(PtraceRegs, GeneralSet) {
  Tracee child([] {});
  user_regs_struct regs{};
  iovec iov{&regs, sizeof(regs)};
  EXPECT_THAT(Trace(PTRACE_GETREGSET, child.pid(), Value(NT_PRSTATUS), &iov), SucceedsWith(0));
  EXPECT_EQ(iov.iov_len, sizeof(regs));
  EXPECT_EQ(regs.rip, child.Regs().rip);
  regs.r15 = 99;
  EXPECT_THAT(Trace(PTRACE_SETREGSET, child.pid(), Value(NT_PRSTATUS), &iov), SucceedsWith(0));
  EXPECT_EQ(child.Regs().r15, 99u);
}
TEST(PtraceRegs, SetsMayBeCut) {
  Tracee child([] {});
  unsigned long first[3] = {};
  iovec iov{first, 16};
  EXPECT_THAT(Trace(PTRACE_GETREGSET, child.pid(), Value(NT_PRSTATUS), &iov), SucceedsWith(0));
  EXPECT_EQ(iov.iov_len, 16u);
  EXPECT_EQ(first[1], child.Regs().r14);
  iov.iov_len = 13;
  EXPECT_THAT(Trace(PTRACE_GETREGSET, child.pid(), Value(NT_PRSTATUS), &iov), FailsWith(EINVAL));
  char big[1000];
  iov = {big, sizeof(big)};
  EXPECT_THAT(Trace(PTRACE_GETREGSET, child.pid(), Value(NT_PRSTATUS), &iov), SucceedsWith(0));
  EXPECT_EQ(iov.iov_len, sizeof(user_regs_struct));
}
TEST(PtraceRegs, UnknownSetIsInvalid) {
  Tracee child([] {});
  char big[1000];
  iovec iov{big, sizeof(big)};
  EXPECT_THAT(Trace(PTRACE_GETREGSET, child.pid(), Value(0x7777), &iov), FailsWith(EINVAL));
}
TEST(PtraceRegs, FloatingPoint) {
  Tracee child([] {
    double value = 1.5;
    asm volatile("movsd %0, %%xmm7; mov %1, %%eax; syscall; movsd %%xmm7, %0"
                 : "+m"(value)
                 : "i"(SYS_getppid)
                 : "rax", "rcx", "r11", "xmm7");
    _exit(value == 2.5 ? 1 : 2);
  });
  EXPECT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP));
  user_fpregs_struct regs{};
  EXPECT_THAT(Trace(kGetFpRegs, child.pid(), nullptr, &regs), SucceedsWith(0));
  double value;
  memcpy(&value, reinterpret_cast<char*>(regs.xmm_space) + 7 * 16, sizeof(value));
  EXPECT_EQ(value, 1.5);
  value = 2.5;
  memcpy(reinterpret_cast<char*>(regs.xmm_space) + 7 * 16, &value, sizeof(value));
  EXPECT_THAT(Trace(kSetFpRegs, child.pid(), nullptr, &regs), SucceedsWith(0));
  EXPECT_THAT(child.Next(), Exited(1));
}
TEST(PtraceRegs, ExtendedState) {
  Tracee child([] { raise(SIGUSR1); });
  EXPECT_THAT(child.Next(), StoppedBy(SIGUSR1));
  alignas(64) static char area[16384];
  iovec iov{area, sizeof(area)};
  EXPECT_THAT(Trace(PTRACE_GETREGSET, child.pid(), Value(NT_X86_XSTATE), &iov), SucceedsWith(0));
  EXPECT_GE(iov.iov_len, 576u);
  unsigned long features;
  memcpy(&features, area + 464, sizeof(features));
  EXPECT_EQ(features & 3, 3u);
  EXPECT_THAT(Trace(PTRACE_SETREGSET, child.pid(), Value(NT_X86_XSTATE), &iov), SucceedsWith(0));
  EXPECT_THAT(child.Next(), Exited(0));
}

// ---- steps --------------------------------------------------------------------------------------------------------------------------

TEST(PtraceStep, OneInstruction) {
  Tracee child([] { asm volatile("int3; nop; nop; nop" ::: "memory"); });
  EXPECT_THAT(child.Next(), StoppedBy(SIGTRAP));
  const unsigned long at = child.Regs().rip;
  EXPECT_THAT(child.Next(kStep), StoppedBy(SIGTRAP));
  EXPECT_EQ(child.Regs().rip, at + 1);
  EXPECT_EQ(child.Info().si_code, TRAP_TRACE);
  EXPECT_THAT(child.Next(kStep), StoppedBy(SIGTRAP));
  EXPECT_EQ(child.Regs().rip, at + 2);
  EXPECT_EQ(child.Regs().eflags & 0x100, 0u);  // the trap flag is not the tracee's
  EXPECT_THAT(child.Next(), Exited(0));
}
TEST(PtraceStep, OverACall) {
  Tracee child([] { asm volatile("int3; mov %0, %%eax; syscall; nop" ::"i"(SYS_getppid) : "rax", "rcx", "r11", "memory"); });
  EXPECT_THAT(child.Next(), StoppedBy(SIGTRAP));
  EXPECT_THAT(child.Next(kStep), StoppedBy(SIGTRAP));  // mov
  const unsigned long at = child.Regs().rip;
  EXPECT_THAT(child.Next(kStep), StoppedBy(SIGTRAP));
  EXPECT_EQ(child.Regs().rip, at + 2);
  EXPECT_EQ(child.Regs().rax, static_cast<unsigned long>(getpid()));
  EXPECT_THAT(child.Next(kStep), StoppedBy(SIGTRAP));
  EXPECT_EQ(child.Regs().rip, at + 3);
  EXPECT_THAT(child.Next(), Exited(0));
}
TEST(PtraceStep, IntoAHandler) {
  static unsigned long handler;
  Tracee child([] {
    signal(SIGUSR1, [](int) {});
    raise(SIGUSR1);
  });
  (void)handler;
  EXPECT_THAT(child.Next(), StoppedBy(SIGUSR1));
  const unsigned long before = child.Regs().rsp;
  EXPECT_THAT(child.Next(kStep, SIGUSR1), StoppedBy(SIGTRAP));
  EXPECT_LT(child.Regs().rsp, before);
  EXPECT_EQ(child.Regs().rdi, static_cast<unsigned long>(SIGUSR1));  // nothing of the handler has run yet
  EXPECT_THAT(child.Next(), Exited(0));
}

// ---- the end ------------------------------------------------------------------------------------------------------------------------

TEST(PtraceEnd, DetachLetsItRun) {
  Tracee child([] { _exit(3); });
  EXPECT_THAT(Trace(kDetach, child.pid()), SucceedsWith(0));
  EXPECT_THAT(Wait(child.pid()), Exited(3));
  child.Gone();
}
TEST(PtraceEnd, DetachWithASignal) {
  Tracee child([] { raise(SIGUSR1); });
  EXPECT_THAT(child.Next(), StoppedBy(SIGUSR1));
  EXPECT_THAT(Trace(kDetach, child.pid(), nullptr, Value(SIGTERM)), SucceedsWith(0));
  EXPECT_THAT(Wait(child.pid()), KilledBy(SIGTERM));
  child.Gone();
}
TEST(PtraceEnd, TracersDeathLetsItRun) {
  const Pipe go, done;
  const pid_t child = StartChild([&] {
    char byte;
    Call(SYS_read, go.reader, &byte, 1);
    _exit(7);
  });
  InChild([&] {
    EXPECT_THAT(Trace(kAttach, child), SucceedsWith(0));
    EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP));
  });
  Call(SYS_write, go.writer, "x", 1);
  EXPECT_THAT(StatusOf(child), Exited(7));
}
TEST(PtraceEnd, ExitkillTakesItAlong) {
  const pid_t child = StartChild([] {
    for (;;) usleep(1000);
  });
  InChild([&] { EXPECT_THAT(Trace(PTRACE_SEIZE, child, nullptr, Value(PTRACE_O_EXITKILL)), SucceedsWith(0)); });
  EXPECT_THAT(StatusOf(child), KilledBy(SIGKILL));
}
TEST(PtraceEnd, TracerHearsBeforeTheParent) {
  const pid_t child = StartChild([] {
    usleep(50000);
    _exit(7);
  });
  const Pipe ready, reaped;
  const pid_t tracer = StartChild([&] {
    EXPECT_THAT(Trace(PTRACE_SEIZE, child), SucceedsWith(0));
    Call(SYS_write, ready.writer, "x", 1);
    siginfo_t info{};
    EXPECT_THAT(Call(SYS_waitid, P_PID, child, &info, WEXITED | WNOWAIT | __WALL, nullptr), SucceedsWith(0));
    char byte;
    Call(SYS_read, reaped.reader, &byte, 1);
    EXPECT_THAT(Wait(child), Exited(7));
  });
  char byte;
  Call(SYS_read, ready.reader, &byte, 1);
  usleep(150000);
  int status;
  EXPECT_THAT(Call(SYS_wait4, child, &status, WNOHANG, nullptr), SucceedsWith(0));
  Call(SYS_write, reaped.writer, "x", 1);
  EXPECT_THAT(StatusOf(tracer), Exited(0));
  EXPECT_THAT(StatusOf(child), Exited(7));
}

}  // namespace tests
