// ptrace(2): system call stops, events, group-stops, PTRACE_SEIZE.
#include <sched.h>
#include <sys/prctl.h>

#include "tests/syscall/security/seccomp_filters.h"
#include "tests/syscall/task/tracee.h"

namespace tests {

constexpr long kProbe = SYS_getppid;

// ---- system calls -------------------------------------------------------------------------------------------------------------------

TEST(PtraceSyscall, SysgoodMarksTheStops) {
  Tracee child([] { Call(kProbe); }, PTRACE_O_TRACESYSGOOD);
  EXPECT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP | 0x80));
  EXPECT_EQ(child.Info().si_code, SIGTRAP | 0x80);
  EXPECT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP | 0x80));
}
TEST(PtraceSyscall, EntryAndExit) {
  Tracee child([] { Call(kProbe, 1, 2, 3); }, PTRACE_O_TRACESYSGOOD);
  EXPECT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP | 0x80));
  user_regs_struct regs = child.Regs();
  EXPECT_EQ(regs.orig_rax, static_cast<unsigned long>(kProbe));
  EXPECT_EQ(regs.rax, static_cast<unsigned long>(-ENOSYS));
  EXPECT_EQ(regs.rdi, 1u);
  EXPECT_EQ(child.Message(), static_cast<unsigned long>(PTRACE_EVENTMSG_SYSCALL_ENTRY));
  EXPECT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP | 0x80));
  regs = child.Regs();
  EXPECT_EQ(regs.orig_rax, static_cast<unsigned long>(kProbe));
  EXPECT_EQ(regs.rax, static_cast<unsigned long>(getpid()));
  EXPECT_EQ(child.Message(), static_cast<unsigned long>(PTRACE_EVENTMSG_SYSCALL_EXIT));
}
TEST(PtraceSyscall, NumberCanBeChanged) {
  Tracee child([] { _exit(Call(kProbe) == getpid() ? 1 : 2); }, PTRACE_O_TRACESYSGOOD);
  EXPECT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP | 0x80));
  user_regs_struct regs = child.Regs();
  regs.orig_rax = SYS_getpid;
  child.SetRegs(regs);
  EXPECT_THAT(child.Next(), Exited(1));
}
TEST(PtraceSyscall, MinusOneSkipsTheCall) {
  Tracee child([] { _exit(static_cast<int>(Call(kProbe))); }, PTRACE_O_TRACESYSGOOD);
  EXPECT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP | 0x80));
  user_regs_struct regs = child.Regs();
  regs.orig_rax = ~0ul;
  regs.rax = 66;
  child.SetRegs(regs);
  EXPECT_THAT(child.Next(), Exited(66));
}
TEST(PtraceSyscall, ArgumentsCanBeChanged) {
  Tracee child([] { Call(SYS_exit_group, 1); }, PTRACE_O_TRACESYSGOOD);
  EXPECT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP | 0x80));
  user_regs_struct regs = child.Regs();
  EXPECT_EQ(regs.orig_rax, static_cast<unsigned long>(SYS_exit_group));
  regs.rdi = 55;
  child.SetRegs(regs);
  EXPECT_THAT(child.Next(), Exited(55));
}
TEST(PtraceSyscall, InterruptedCallShowsItsRestartCode) {
  Tracee child(
      [] {
        const Pipe pipe;
        char byte;
        SignalRecorder recorder(SIGUSR1);
        _exit(Call(SYS_read, pipe.reader, &byte, 1) == -EINTR ? 1 : 2);
      },
      PTRACE_O_TRACESYSGOOD);
  user_regs_struct regs{};
  do {
    ASSERT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP | 0x80));
    regs = child.Regs();
  } while (regs.orig_rax != SYS_read);
  EXPECT_THAT(child.Go(kToSyscall), SucceedsWith(0));
  usleep(20000);
  kill(child.pid(), SIGUSR1);
  EXPECT_THAT(Wait(child.pid()), StoppedBy(SIGTRAP | 0x80));
  EXPECT_EQ(static_cast<long>(child.Regs().rax), -512);  // ERESTARTSYS
  EXPECT_THAT(child.Next(), StoppedBy(SIGUSR1));
  EXPECT_EQ(static_cast<long>(child.Regs().rax), -512);
  EXPECT_THAT(child.Next(kCont, SIGUSR1), Exited(1));
}
TEST(PtraceSyscall, SuppressedSignalRestartsTheCall) {
  static Pipe* pipe;
  Pipe shared;
  pipe = &shared;
  Tracee child([] {
    char byte;
    _exit(Call(SYS_read, pipe->reader, &byte, 1) == 1 ? 1 : 2);
  });
  EXPECT_THAT(child.Go(), SucceedsWith(0));
  usleep(20000);
  kill(child.pid(), SIGUSR1);
  EXPECT_THAT(Wait(child.pid()), StoppedBy(SIGUSR1));
  EXPECT_THAT(child.Go(), SucceedsWith(0));
  Call(SYS_write, shared.writer, "x", 1);
  EXPECT_THAT(Wait(child.pid()), Exited(1));
  child.Gone();
}
TEST(PtraceSyscall, Emulated) {
  Tracee child([] { _exit(Call(kProbe) == 66 ? 1 : 2); });
  EXPECT_THAT(child.Next(kSysEmu), StoppedBy(SIGTRAP));
  user_regs_struct regs = child.Regs();
  EXPECT_EQ(regs.orig_rax, static_cast<unsigned long>(kProbe));
  regs.rax = 66;
  child.SetRegs(regs);
  EXPECT_THAT(child.Next(), Exited(1));
}
TEST(PtraceSyscall, InfoOfEntryAndExit) {
  Tracee child([] { Call(kProbe, 1, 2, 3, 4, 5, 6); }, PTRACE_O_TRACESYSGOOD);
  ptrace_syscall_info info{};
  EXPECT_THAT(Trace(PTRACE_GET_SYSCALL_INFO, child.pid(), Value(sizeof(info)), &info), Succeeds());
  EXPECT_EQ(info.op, PTRACE_SYSCALL_INFO_NONE);
  EXPECT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP | 0x80));
  EXPECT_EQ(Trace(PTRACE_GET_SYSCALL_INFO, child.pid(), Value(sizeof(info)), &info),
            static_cast<long>(offsetof(ptrace_syscall_info, entry) + sizeof(info.entry)));
  EXPECT_EQ(info.op, PTRACE_SYSCALL_INFO_ENTRY);
  EXPECT_EQ(info.arch, static_cast<unsigned>(AUDIT_ARCH_X86_64));
  EXPECT_EQ(info.instruction_pointer, child.Regs().rip);
  EXPECT_EQ(info.stack_pointer, child.Regs().rsp);
  EXPECT_EQ(info.entry.nr, static_cast<unsigned long>(kProbe));
  for (unsigned i = 0; i < 6; ++i) EXPECT_EQ(info.entry.args[i], i + 1);
  EXPECT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP | 0x80));
  EXPECT_EQ(Trace(PTRACE_GET_SYSCALL_INFO, child.pid(), Value(sizeof(info)), &info),
            static_cast<long>(offsetof(ptrace_syscall_info, exit.is_error) + 1));
  EXPECT_EQ(info.op, PTRACE_SYSCALL_INFO_EXIT);
  EXPECT_EQ(info.exit.rval, getpid());
  EXPECT_EQ(info.exit.is_error, 0);
}
TEST(PtraceSyscall, InfoMayBeCut) {
  Tracee child([] {});
  unsigned char op[8] = {0xff, 0xff};
  EXPECT_THAT(Trace(PTRACE_GET_SYSCALL_INFO, child.pid(), Value(1), op), Succeeds());
  EXPECT_EQ(op[0], 0);
  EXPECT_EQ(op[1], 0xff);
}

// ---- options ------------------------------------------------------------------------------------------------------------------------

TEST(PtraceOptions, UnknownOnesAreInvalid) {
  Tracee child([] {});
  EXPECT_THAT(Trace(PTRACE_SETOPTIONS, child.pid(), nullptr, Value(1u << 30)), FailsWith(EINVAL));
}
TEST(PtraceOptions, SeizeTakesThem) {
  const pid_t child = StartChild([] {
    for (;;) usleep(1000);
  });
  EXPECT_THAT(Trace(PTRACE_SEIZE, child, nullptr, Value(1u << 30)), FailsWith(EIO));
  EXPECT_THAT(Trace(PTRACE_SEIZE, child, Value(1)), FailsWith(EIO));
  EXPECT_THAT(Trace(PTRACE_SEIZE, child, nullptr, Value(PTRACE_O_TRACESYSGOOD)), SucceedsWith(0));
  kill(child, SIGKILL);
  EXPECT_THAT(Wait(child), KilledBy(SIGKILL));
}

// ---- children -----------------------------------------------------------------------------------------------------------------------

TEST(PtraceFork, EventNamesTheChild) {
  Tracee parent(
      [] {
        const pid_t child = fork();
        if (child == 0) _exit(5);
        int status;
        waitpid(child, &status, 0);
        _exit(WEXITSTATUS(status));
      },
      PTRACE_O_TRACEFORK);
  EXPECT_THAT(parent.Next(), StoppedBy(SIGTRAP, PTRACE_EVENT_FORK));
  const auto child = static_cast<pid_t>(parent.Message());
  EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP));
  EXPECT_THAT(parent.Go(), SucceedsWith(0));
  EXPECT_THAT(Trace(kCont, child), SucceedsWith(0));
  EXPECT_THAT(Wait(child), Exited(5));
  EXPECT_THAT(Wait(parent.pid()), StoppedBy(SIGCHLD));
  EXPECT_THAT(parent.Next(kCont, SIGCHLD), Exited(5));
}
TEST(PtraceFork, WithoutTheOptionNothingHappens) {
  Tracee parent([] {
    const pid_t child = fork();
    if (child == 0) _exit(5);
    int status;
    waitpid(child, &status, 0);
    _exit(WEXITSTATUS(status));
  });
  EXPECT_THAT(parent.Next(), StoppedBy(SIGCHLD));
  EXPECT_THAT(parent.Next(), Exited(5));
}
TEST(PtraceFork, OptionsAreInherited) {
  Tracee parent(
      [] {
        if (fork() == 0) {
          const pid_t grandchild = fork();
          if (grandchild == 0) _exit(1);
          waitpid(grandchild, nullptr, 0);
          _exit(2);
        }
        wait(nullptr);
      },
      PTRACE_O_TRACEFORK);
  EXPECT_THAT(parent.Next(), StoppedBy(SIGTRAP, PTRACE_EVENT_FORK));
  const auto child = static_cast<pid_t>(parent.Message());
  EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP));
  EXPECT_THAT(Trace(kCont, child), SucceedsWith(0));
  EXPECT_THAT(Wait(child), StoppedBy(SIGTRAP, PTRACE_EVENT_FORK));
  unsigned long grandchild = 0;
  EXPECT_THAT(Trace(PTRACE_GETEVENTMSG, child, nullptr, &grandchild), SucceedsWith(0));
  EXPECT_THAT(Wait(static_cast<pid_t>(grandchild)), StoppedBy(SIGSTOP));
  for (const pid_t pid : {static_cast<pid_t>(grandchild), child, parent.pid()}) {
    kill(pid, SIGKILL);
    EXPECT_THAT(Wait(pid), KilledBy(SIGKILL));
  }
  parent.Gone();
}
TEST(PtraceFork, VforkAndItsEnd) {
  Tracee parent(
      [] {
        const pid_t child = vfork();
        if (child == 0) _exit(5);
        waitpid(child, nullptr, 0);
        _exit(6);
      },
      PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE);
  EXPECT_THAT(parent.Next(), StoppedBy(SIGTRAP, PTRACE_EVENT_VFORK));
  const auto child = static_cast<pid_t>(parent.Message());
  EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP));
  EXPECT_THAT(parent.Go(), SucceedsWith(0));
  int status;
  usleep(10000);
  EXPECT_THAT(Call(SYS_wait4, parent.pid(), &status, WNOHANG | __WALL, nullptr), SucceedsWith(0));
  EXPECT_THAT(Trace(kCont, child), SucceedsWith(0));
  EXPECT_THAT(Wait(child), Exited(5));
  EXPECT_THAT(Wait(parent.pid()), StoppedBy(SIGTRAP, PTRACE_EVENT_VFORK_DONE));
  EXPECT_EQ(parent.Message(), static_cast<unsigned long>(child));
  EXPECT_THAT(parent.Next(), StoppedBy(SIGCHLD));
  EXPECT_THAT(parent.Next(), Exited(6));
}
TEST(PtraceFork, VforkDoneAlone) {
  Tracee parent(
      [] {
        const pid_t child = vfork();
        if (child == 0) _exit(5);
        waitpid(child, nullptr, 0);
        _exit(6);
      },
      PTRACE_O_TRACEVFORKDONE);
  EXPECT_THAT(parent.Next(), StoppedBy(SIGTRAP, PTRACE_EVENT_VFORK_DONE));
}
TEST(PtraceFork, UntracedIsNotReported) {
  Tracee parent(
      [] {
        if (Call(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0) == 0) _exit(0);
        wait(nullptr);
        _exit(3);
      },
      PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE);
  EXPECT_THAT(parent.Next(), StoppedBy(SIGCHLD));
  EXPECT_THAT(parent.Next(), Exited(3));
}
TEST(PtraceFork, ClonePtraceAttachesWithoutAnEvent) {
  Tracee parent([] {
    if (Call(SYS_clone, CLONE_PTRACE | SIGCHLD, 0, 0, 0, 0) == 0) _exit(9);
    wait(nullptr);
    _exit(3);
  });
  EXPECT_THAT(parent.Go(), SucceedsWith(0));
  int status;
  pid_t child;
  do {
    child = waitpid(-1, &status, __WALL);  // orphans of other tests may come first
  } while (child > 0 && !WIFSTOPPED(status));
  EXPECT_NE(child, parent.pid());
  EXPECT_THAT(status, StoppedBy(SIGSTOP));
  EXPECT_THAT(Trace(kCont, child), SucceedsWith(0));
  EXPECT_THAT(Wait(child), Exited(9));
}
TEST(PtraceThread, EventStopsAndExits) {
  Tracee parent(
      [] {
        ScopedThread thread([] {});
        thread.Join();
        usleep(50000);
        _exit(4);
      },
      PTRACE_O_TRACECLONE);
  EXPECT_THAT(parent.Next(), StoppedBy(SIGTRAP, PTRACE_EVENT_CLONE));
  const auto thread = static_cast<pid_t>(parent.Message());
  EXPECT_NE(thread, parent.pid());
  EXPECT_THAT(Wait(thread), StoppedBy(SIGSTOP));
  EXPECT_THAT(parent.Go(), SucceedsWith(0));
  EXPECT_THAT(Trace(kCont, thread), SucceedsWith(0));
  EXPECT_THAT(Wait(thread), Exited(0));
  EXPECT_THAT(Wait(parent.pid()), Exited(4));
  parent.Gone();
}
TEST(PtraceThread, DeadThreadsWaitForTheirTracer) {
  Tracee parent(
      [] {
        ScopedThread thread([] {});
        thread.Join();
        for (;;) usleep(1000);
      },
      PTRACE_O_TRACECLONE);
  EXPECT_THAT(parent.Next(), StoppedBy(SIGTRAP, PTRACE_EVENT_CLONE));
  const auto thread = static_cast<pid_t>(parent.Message());
  EXPECT_THAT(Wait(thread), StoppedBy(SIGSTOP));
  EXPECT_THAT(Trace(kCont, thread), SucceedsWith(0));
  EXPECT_THAT(parent.Go(), SucceedsWith(0));
  siginfo_t info{};
  EXPECT_THAT(Call(SYS_waitid, P_PID, thread, &info, WEXITED | WNOWAIT | __WALL, nullptr), SucceedsWith(0));
  EXPECT_EQ(info.si_pid, thread);
  EXPECT_EQ(info.si_code, CLD_EXITED);
  EXPECT_THAT(Wait(thread), Exited(0));
  int status;
  EXPECT_THAT(Call(SYS_wait4, thread, &status, __WALL | WNOHANG, nullptr), FailsWith(ECHILD));
}
TEST(PtraceThread, ExitGroupReportsAllThreads) {
  Tracee parent(
      [] {
        ScopedThread thread([] {
          for (;;) usleep(1000);
        });
        thread.tid();
        _exit(4);
      },
      PTRACE_O_TRACECLONE);
  EXPECT_THAT(parent.Next(), StoppedBy(SIGTRAP, PTRACE_EVENT_CLONE));
  const auto thread = static_cast<pid_t>(parent.Message());
  EXPECT_THAT(Wait(thread), StoppedBy(SIGSTOP));
  EXPECT_THAT(Trace(kCont, thread), SucceedsWith(0));
  EXPECT_THAT(parent.Go(), SucceedsWith(0));
  EXPECT_THAT(Wait(thread), Exited(4));
  EXPECT_THAT(Wait(parent.pid()), Exited(4));
  parent.Gone();
}
ROLE(leave) { return 8; }
TEST(PtraceThread, ExecByAThreadTakesTheLeadersNumber) {
  Tracee parent(
      [] {
        ScopedThread thread([] { ExecRole("leave"); });
        for (;;) usleep(1000);
      },
      PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
  EXPECT_THAT(parent.Next(), StoppedBy(SIGTRAP, PTRACE_EVENT_CLONE));
  const auto thread = static_cast<pid_t>(parent.Message());
  EXPECT_THAT(Wait(thread), StoppedBy(SIGSTOP));
  EXPECT_THAT(parent.Go(), SucceedsWith(0));
  EXPECT_THAT(Trace(kCont, thread), SucceedsWith(0));
  EXPECT_THAT(Wait(parent.pid()), StoppedBy(SIGTRAP, PTRACE_EVENT_EXEC));
  EXPECT_EQ(parent.Message(), static_cast<unsigned long>(thread));
  EXPECT_THAT(parent.Next(), Exited(8));
}

// ---- execve, exit -------------------------------------------------------------------------------------------------------------------

TEST(PtraceExec, PlainSigtrapWithoutTheOption) {
  Tracee child([] { ExecRole("leave"); });
  EXPECT_THAT(child.Next(), StoppedBy(SIGTRAP));
  EXPECT_EQ(child.Info().si_code, SI_USER);
  EXPECT_THAT(child.Next(), Exited(8));
}
TEST(PtraceExec, Event) {
  Tracee child([] { ExecRole("leave"); }, PTRACE_O_TRACEEXEC);
  EXPECT_THAT(child.Next(), StoppedBy(SIGTRAP, PTRACE_EVENT_EXEC));
  EXPECT_EQ(child.Message(), static_cast<unsigned long>(child.pid()));
  EXPECT_THAT(child.Next(), Exited(8));
}
TEST(PtraceExec, EventThenExitStop) {
  Tracee child([] { ExecRole("leave"); }, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD);
  user_regs_struct regs{};
  do {
    ASSERT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP | 0x80));
    regs = child.Regs();
  } while (regs.orig_rax != SYS_execve);
  EXPECT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP, PTRACE_EVENT_EXEC));
  EXPECT_THAT(child.Next(kToSyscall), StoppedBy(SIGTRAP | 0x80));
  EXPECT_EQ(child.Regs().rax, 0u);
  EXPECT_EQ(child.Regs().orig_rax, static_cast<unsigned long>(SYS_execve));
  EXPECT_THAT(child.Next(), Exited(8));
}
TEST(PtraceExit, EventHasTheStatus) {
  Tracee child([] { _exit(9); }, PTRACE_O_TRACEEXIT);
  EXPECT_THAT(child.Next(), StoppedBy(SIGTRAP, PTRACE_EVENT_EXIT));
  EXPECT_EQ(child.Message(), 9ul << 8);
  EXPECT_THAT(child.Next(), Exited(9));
}
TEST(PtraceExit, EventOfADeadlySignal) {
  Tracee child([] { raise(SIGTERM); }, PTRACE_O_TRACEEXIT);
  EXPECT_THAT(child.Next(), StoppedBy(SIGTERM));
  EXPECT_THAT(child.Next(kCont, SIGTERM), StoppedBy(SIGTRAP, PTRACE_EVENT_EXIT));
  EXPECT_EQ(child.Message(), static_cast<unsigned long>(SIGTERM));
  EXPECT_THAT(child.Next(), KilledBy(SIGTERM));
}
TEST(PtraceExit, RegistersCanStillBeRead) {
  Tracee child([] { Call(SYS_exit_group, 9); }, PTRACE_O_TRACEEXIT);
  EXPECT_THAT(child.Next(), StoppedBy(SIGTRAP, PTRACE_EVENT_EXIT));
  EXPECT_EQ(child.Regs().orig_rax, static_cast<unsigned long>(SYS_exit_group));
  EXPECT_EQ(child.Regs().rdi, 9u);
  // The process is dying already: a signal changes nothing.
  kill(child.pid(), SIGKILL);
  usleep(10000);
  int status;
  EXPECT_THAT(Call(SYS_wait4, child.pid(), &status, WNOHANG | __WALL, nullptr), SucceedsWith(0));
  EXPECT_THAT(child.Next(), Exited(9));
}

// ---- seccomp ------------------------------------------------------------------------------------------------------------------------

TEST(PtraceSeccomp, EventHasTheFiltersData) {
  Tracee child(
      [] {
        Install(On(kProbe, SECCOMP_RET_TRACE | 123));
        Call(kProbe);
        _exit(3);
      },
      PTRACE_O_TRACESECCOMP);
  EXPECT_THAT(child.Next(), StoppedBy(SIGTRAP, PTRACE_EVENT_SECCOMP));
  EXPECT_EQ(child.Message(), 123u);
  EXPECT_EQ(child.Regs().orig_rax, static_cast<unsigned long>(kProbe));
  ptrace_syscall_info info{};
  EXPECT_THAT(Trace(PTRACE_GET_SYSCALL_INFO, child.pid(), Value(sizeof(info)), &info), Succeeds());
  EXPECT_EQ(info.op, PTRACE_SYSCALL_INFO_SECCOMP);
  EXPECT_EQ(info.seccomp.ret_data, 123u);
  EXPECT_THAT(child.Next(), Exited(3));
}
TEST(PtraceSeccomp, TracerMakesAnotherCallOfIt) {
  Tracee child(
      [] {
        Install(On(kProbe, SECCOMP_RET_TRACE));
        _exit(Call(kProbe) == getpid() ? 1 : 2);
      },
      PTRACE_O_TRACESECCOMP);
  EXPECT_THAT(child.Next(), StoppedBy(SIGTRAP, PTRACE_EVENT_SECCOMP));
  user_regs_struct regs = child.Regs();
  regs.orig_rax = SYS_getpid;
  child.SetRegs(regs);
  EXPECT_THAT(child.Next(), Exited(1));
}
TEST(PtraceSeccomp, ChangedCallIsFilteredAgain) {
  Tracee child(
      [] {
        Install(On(SYS_getpgrp, SECCOMP_RET_ERRNO | EPROTO));
        Install(On(kProbe, SECCOMP_RET_TRACE));
        _exit(Call(kProbe) == -EPROTO ? 1 : 2);
      },
      PTRACE_O_TRACESECCOMP);
  EXPECT_THAT(child.Next(), StoppedBy(SIGTRAP, PTRACE_EVENT_SECCOMP));
  user_regs_struct regs = child.Regs();
  regs.orig_rax = SYS_getpgrp;
  child.SetRegs(regs);
  EXPECT_THAT(child.Next(), Exited(1));
}
TEST(PtraceSeccomp, SkippedCall) {
  Tracee child(
      [] {
        Install(On(kProbe, SECCOMP_RET_TRACE));
        _exit(static_cast<int>(Call(kProbe)));
      },
      PTRACE_O_TRACESECCOMP);
  EXPECT_THAT(child.Next(), StoppedBy(SIGTRAP, PTRACE_EVENT_SECCOMP));
  user_regs_struct regs = child.Regs();
  regs.orig_rax = ~0ul;
  regs.rax = 77;
  child.SetRegs(regs);
  EXPECT_THAT(child.Next(), Exited(77));
}
TEST(PtraceSeccomp, WithoutTheOptionTheCallIsEnosys) {
  Tracee child([] {
    Install(On(kProbe, SECCOMP_RET_TRACE));
    _exit(Call(kProbe) == -ENOSYS ? 1 : 2);
  });
  EXPECT_THAT(child.Next(), Exited(1));
}
TEST(PtraceSeccomp, TracerSeesTheTrapSignal) {
  Tracee child([] {
    Install(On(kProbe, SECCOMP_RET_TRAP | 7));
    Call(kProbe);
    _exit(3);
  });
  EXPECT_THAT(child.Next(), StoppedBy(SIGSYS));
  EXPECT_EQ(child.Info().si_errno, 7);
  EXPECT_THAT(child.Next(), Exited(3));
}

// ---- group-stops --------------------------------------------------------------------------------------------------------------------

TEST(PtraceGroupStop, InjectedSigstopStopsAgain) {
  Tracee child([] { raise(SIGTSTP); });
  EXPECT_THAT(child.Next(), StoppedBy(SIGTSTP));
  siginfo_t info{};
  EXPECT_THAT(Trace(PTRACE_GETSIGINFO, child.pid(), nullptr, &info), SucceedsWith(0));
  EXPECT_THAT(child.Next(kCont, SIGSTOP), StoppedBy(SIGSTOP));
  EXPECT_THAT(Trace(PTRACE_GETSIGINFO, child.pid(), nullptr, &info), FailsWith(EINVAL));
  EXPECT_THAT(child.Next(), Exited(0));  // a tracer overrules the group-stop
}
static pid_t SeizedChild(long options = 0) {
  const pid_t child = StartChild([] {
    for (;;) usleep(1000);
  });
  EXPECT_THAT(Trace(PTRACE_SEIZE, child, nullptr, Value(static_cast<unsigned long>(options))), SucceedsWith(0));
  return child;
}
static void End(pid_t child) {
  kill(child, SIGKILL);
  EXPECT_THAT(Wait(child), KilledBy(SIGKILL));
}
TEST(PtraceSeize, DoesNotStop) {
  const pid_t child = SeizedChild();
  usleep(10000);
  int status;
  EXPECT_THAT(Call(SYS_wait4, child, &status, WNOHANG | __WALL, nullptr), SucceedsWith(0));
  End(child);
}
TEST(PtraceSeize, Interrupt) {
  const pid_t child = SeizedChild();
  EXPECT_THAT(Trace(PTRACE_INTERRUPT, child), SucceedsWith(0));
  EXPECT_THAT(Wait(child), StoppedBy(SIGTRAP, PTRACE_EVENT_STOP));
  EXPECT_THAT(Trace(kCont, child), SucceedsWith(0));
  EXPECT_THAT(Trace(PTRACE_INTERRUPT, child), SucceedsWith(0));
  EXPECT_THAT(Wait(child), StoppedBy(SIGTRAP, PTRACE_EVENT_STOP));
  End(child);
}
TEST(PtraceSeize, InterruptNeedsSeize) {
  Tracee child([] {});
  EXPECT_THAT(Trace(PTRACE_INTERRUPT, child.pid()), FailsWith(EIO));
  EXPECT_THAT(Trace(PTRACE_LISTEN, child.pid()), FailsWith(EIO));
}
TEST(PtraceSeize, GroupStopIsAnEvent) {
  const pid_t child = SeizedChild();
  kill(child, SIGSTOP);
  EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP));  // the signal
  EXPECT_THAT(Trace(kCont, child, nullptr, Value(SIGSTOP)), SucceedsWith(0));
  EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP, PTRACE_EVENT_STOP));  // the stop
  siginfo_t info{};
  EXPECT_THAT(Trace(PTRACE_GETSIGINFO, child, nullptr, &info), SucceedsWith(0));
  EXPECT_EQ(info.si_signo, SIGSTOP);
  EXPECT_EQ(info.si_code, SIGSTOP | PTRACE_EVENT_STOP << 8);
  End(child);
}
TEST(PtraceSeize, ListenWaitsForSigcont) {
  const pid_t child = SeizedChild();
  kill(child, SIGSTOP);
  EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP));
  EXPECT_THAT(Trace(kCont, child, nullptr, Value(SIGSTOP)), SucceedsWith(0));
  EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP, PTRACE_EVENT_STOP));
  EXPECT_THAT(Trace(PTRACE_LISTEN, child), SucceedsWith(0));
  int status;
  EXPECT_THAT(Call(SYS_wait4, child, &status, WNOHANG | __WALL, nullptr), SucceedsWith(0));
  EXPECT_THAT(Trace(kCont, child), FailsWith(ESRCH));  // it does not count as stopped
  kill(child, SIGCONT);
  EXPECT_THAT(Wait(child), StoppedBy(SIGTRAP, PTRACE_EVENT_STOP));
  EXPECT_THAT(Trace(kCont, child), SucceedsWith(0));
  EXPECT_THAT(Wait(child), StoppedBy(SIGCONT));
  End(child);
}
TEST(PtraceSeize, InterruptInAGroupStopShowsItAgain) {
  const pid_t child = SeizedChild();
  kill(child, SIGSTOP);
  EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP));
  EXPECT_THAT(Trace(kCont, child, nullptr, Value(SIGSTOP)), SucceedsWith(0));
  EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP, PTRACE_EVENT_STOP));
  EXPECT_THAT(Trace(PTRACE_LISTEN, child), SucceedsWith(0));
  EXPECT_THAT(Trace(PTRACE_INTERRUPT, child), SucceedsWith(0));
  EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP, PTRACE_EVENT_STOP));
  End(child);
}
TEST(PtraceSeize, DetachInAGroupStopLeavesItStopped) {
  const pid_t child = SeizedChild();
  kill(child, SIGSTOP);
  EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP));
  EXPECT_THAT(Trace(kCont, child, nullptr, Value(SIGSTOP)), SucceedsWith(0));
  EXPECT_THAT(Wait(child), StoppedBy(SIGSTOP, PTRACE_EVENT_STOP));
  EXPECT_THAT(Trace(kDetach, child), SucceedsWith(0));
  usleep(20000);
  char state = 0;
  if (FILE* file = fopen(("/proc/" + std::to_string(child) + "/stat").c_str(), "r")) {
    EXPECT_EQ(fscanf(file, "%*d %*s %c", &state), 1);
    fclose(file);
  }
  EXPECT_EQ(state, 'T');
  kill(child, SIGKILL);
  EXPECT_THAT(StatusOf(child), KilledBy(SIGKILL));
}
TEST(PtraceSeize, ChildrenStartWithAnEventStop) {
  const pid_t child = StartChild([] {
    usleep(30000);
    if (fork() == 0) _exit(0);
    for (;;) usleep(1000);
  });
  EXPECT_THAT(Trace(PTRACE_SEIZE, child, nullptr, Value(PTRACE_O_TRACEFORK)), SucceedsWith(0));
  EXPECT_THAT(Wait(child), StoppedBy(SIGTRAP, PTRACE_EVENT_FORK));
  unsigned long grandchild = 0;
  EXPECT_THAT(Trace(PTRACE_GETEVENTMSG, child, nullptr, &grandchild), SucceedsWith(0));
  EXPECT_THAT(Wait(static_cast<pid_t>(grandchild)), StoppedBy(SIGTRAP, PTRACE_EVENT_STOP));
  End(static_cast<pid_t>(grandchild));
  End(child);
}
TEST(PtraceSeize, ExecGivesNoSigtrap) {
  const pid_t child = StartChild([] {
    usleep(30000);
    ExecRole("leave");
  });
  EXPECT_THAT(Trace(PTRACE_SEIZE, child), SucceedsWith(0));
  EXPECT_THAT(Wait(child), Exited(8));
}

}  // namespace tests
