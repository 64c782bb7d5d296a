// seccomp(2), prctl(PR_SET_SECCOMP).
#include "tests/syscall/security/seccomp_filters.h"

#include <fcntl.h>
#include <sys/ptrace.h>

namespace tests {

constexpr long kProbe = SYS_getppid;  // a call that filters decide about
constexpr int kMarker = 123;

static sock_filter Return(unsigned value) { return BPF_STMT(BPF_RET | BPF_K, value); }
static long InstallCode(std::vector<sock_filter> code, unsigned flags = 0) { return Install({std::move(code), {}}, flags); }

// ---- arguments ---------------------------------------------------------------------------------------------------------------

TEST(Seccomp, UnknownOperationIsInvalid) { EXPECT_THAT(Call(SYS_seccomp, 99, 0, nullptr), FailsWith(EINVAL)); }
TEST(Seccomp, StrictWithFlagsIsInvalid) { EXPECT_THAT(Call(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, nullptr), FailsWith(EINVAL)); }
TEST(Seccomp, StrictWithArgumentIsInvalid) { EXPECT_THAT(Call(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, BadAddress()), FailsWith(EINVAL)); }
TEST(Seccomp, UnknownFilterFlagIsInvalid) {
  InChild([] { EXPECT_THAT(Install(Always(SECCOMP_RET_ALLOW), 1u << 20), FailsWith(EINVAL)); });
}
TEST(Seccomp, BadProgramPointerFaults) {
  InChild([] {
    NoNewPrivs();
    EXPECT_THAT(Call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, BadAddress()), FailsWith(EFAULT));
  });
}
TEST(Seccomp, BadInstructionPointerFaults) {
  InChild([] {
    NoNewPrivs();
    sock_fprog program{1, reinterpret_cast<sock_filter*>(BadAddress())};
    EXPECT_THAT(Call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), FailsWith(EFAULT));
  });
}
TEST(Seccomp, EmptyProgramIsInvalid) {
  InChild([] { EXPECT_THAT(InstallCode({}), FailsWith(EINVAL)); });
}
TEST(Seccomp, ProgramOf4096InstructionsIsAccepted) {
  InChild([] { EXPECT_THAT(InstallCode(std::vector<sock_filter>(4096, Return(SECCOMP_RET_ALLOW))), SucceedsWith(0)); });
}
TEST(Seccomp, ProgramOf4097InstructionsIsInvalid) {
  InChild([] { EXPECT_THAT(InstallCode(std::vector<sock_filter>(4097, Return(SECCOMP_RET_ALLOW))), FailsWith(EINVAL)); });
}
TEST(Seccomp, ProgramMustEndWithReturn) {
  InChild([] { EXPECT_THAT(InstallCode({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)}), FailsWith(EINVAL)); });
}
TEST(Seccomp, JumpBeyondTheEndIsInvalid) {
  InChild([] {
    EXPECT_THAT(InstallCode({BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 5, 0), Return(SECCOMP_RET_ALLOW)}), FailsWith(EINVAL));
    EXPECT_THAT(InstallCode({BPF_STMT(BPF_JMP | BPF_JA, 1), Return(SECCOMP_RET_ALLOW)}), FailsWith(EINVAL));
  });
}
TEST(Seccomp, LoadOutsideTheDataIsInvalid) {
  InChild([] {
    EXPECT_THAT(InstallCode({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), Return(SECCOMP_RET_ALLOW)}), FailsWith(EINVAL));
    EXPECT_THAT(InstallCode({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 60), Return(SECCOMP_RET_ALLOW)}), SucceedsWith(0));
  });
}
TEST(Seccomp, UnalignedLoadIsInvalid) {
  InChild([] { EXPECT_THAT(InstallCode({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), Return(SECCOMP_RET_ALLOW)}), FailsWith(EINVAL)); });
}
TEST(Seccomp, OnlyWordsMayBeLoaded) {
  InChild([] {
    EXPECT_THAT(InstallCode({BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), Return(SECCOMP_RET_ALLOW)}), FailsWith(EINVAL));
    EXPECT_THAT(InstallCode({BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), Return(SECCOMP_RET_ALLOW)}), FailsWith(EINVAL));
    EXPECT_THAT(InstallCode({BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), Return(SECCOMP_RET_ALLOW)}), FailsWith(EINVAL));
  });
}
TEST(Seccomp, DivisionByConstantZeroIsInvalid) {
  InChild([] { EXPECT_THAT(InstallCode({BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), Return(SECCOMP_RET_ALLOW)}), FailsWith(EINVAL)); });
}
TEST(Seccomp, ModuloIsNotForFilters) {
  InChild([] { EXPECT_THAT(InstallCode({BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), Return(SECCOMP_RET_ALLOW)}), FailsWith(EINVAL)); });
}
TEST(Seccomp, UnwrittenScratchMemoryMayNotBeRead) {
  InChild([] { EXPECT_THAT(InstallCode({BPF_STMT(BPF_LD | BPF_MEM, 3), Return(SECCOMP_RET_ALLOW)}), FailsWith(EINVAL)); });
}
TEST(Seccomp, ScratchMemoryHolds16Words) {
  InChild([] {
    EXPECT_THAT(InstallCode({BPF_STMT(BPF_ST, 15), BPF_STMT(BPF_LD | BPF_MEM, 15), Return(SECCOMP_RET_ALLOW)}), SucceedsWith(0));
    EXPECT_THAT(InstallCode({BPF_STMT(BPF_ST, 16), Return(SECCOMP_RET_ALLOW)}), FailsWith(EINVAL));
  });
}
TEST(Seccomp, FiltersTogetherAreLimited) {
  InChild([] {
    int installed = 0;
    long result = 0;
    while (installed < 20 && (result = InstallCode(std::vector<sock_filter>(4096, Return(SECCOMP_RET_ALLOW)))) == 0) ++installed;
    EXPECT_EQ(installed, 3);  // a return counts twice: Linux counts the program that it translates them to
    EXPECT_THAT(result, FailsWith(ENOMEM));
  });
}

// ---- rights ---------------------------------------------------------------------------------------------------------------------

TEST(Seccomp, WithoutNoNewPrivsNeedsAdmin) {
  InChild([] {
    if (IsRoot()) DropToNobody();
    FilterProgram program = Always(SECCOMP_RET_ALLOW);
    EXPECT_THAT(Call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program), FailsWith(EACCES));
    EXPECT_THAT(NoNewPrivs(), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program), SucceedsWith(0));
  });
}
TEST(Seccomp, InvalidProgramComesBeforeMissingRights) {
  InChild([] {
    if (IsRoot()) DropToNobody();
    FilterProgram program{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), Return(SECCOMP_RET_ALLOW)}, {}};
    const long result = Call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program);
    EXPECT_THAT(result, FailsWithEither(EACCES, EINVAL));
  });
}

// ---- what there is --------------------------------------------------------------------------------------------------------------

TEST(Seccomp, AllActionsAreAvailable) {
  for (const unsigned action : {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO,
                                SECCOMP_RET_USER_NOTIF, SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW}) {
    EXPECT_THAT(Call(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action), SucceedsWith(0)) << std::hex << action;
  }
}
TEST(Seccomp, UnknownActionIsNotSupported) {
  const unsigned action = 0x12340000;
  EXPECT_THAT(Call(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action), FailsWith(EOPNOTSUPP));
}
TEST(Seccomp, ActionAvailableTakesNoFlags) {
  const unsigned action = SECCOMP_RET_ALLOW;
  EXPECT_THAT(Call(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 1, &action), FailsWith(EINVAL));
}
TEST(Seccomp, ActionAvailableFaults) { EXPECT_THAT(Call(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, BadAddress()), FailsWith(EFAULT)); }
TEST(Seccomp, NotificationSizes) {
  seccomp_notif_sizes sizes{};
  EXPECT_THAT(Call(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes), SucceedsWith(0));
  EXPECT_EQ(sizes.seccomp_notif, sizeof(seccomp_notif));
  EXPECT_EQ(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp));
  EXPECT_EQ(sizes.seccomp_data, sizeof(seccomp_data));
}
TEST(Seccomp, NotificationSizesTakeNoFlags) {
  seccomp_notif_sizes sizes{};
  EXPECT_THAT(Call(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 1, &sizes), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, BadAddress()), FailsWith(EFAULT));
}

// ---- strict mode ----------------------------------------------------------------------------------------------------------------

TEST(SeccompStrict, ReadWriteAndExitGoOn) {
  const Pipe pipe;
  const int status = ChildStatus([&] {
    const int fd = pipe.writer.get();
    Call(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
    Call(SYS_write, fd, "x", 1);
    Call(SYS_exit, 7);
  });
  EXPECT_THAT(status, Exited(7));
  char byte = 0;
  EXPECT_THAT(Call(SYS_read, pipe.reader, &byte, 1), SucceedsWith(1));
}
TEST(SeccompStrict, OtherCallsKill) {
  EXPECT_THAT(ChildStatus([] {
                Call(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, nullptr);
                Call(SYS_getpid);
              }),
              KilledBy(SIGKILL));
}
TEST(SeccompStrict, ExitGroupKills) {
  EXPECT_THAT(ChildStatus([] {
                Call(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, nullptr);
                Call(SYS_exit_group, 0);
              }),
              KilledBy(SIGKILL));
}
TEST(SeccompStrict, NeedsNoRights) {
  EXPECT_THAT(ChildStatus([] {
                if (IsRoot()) DropToNobody();
                Call(SYS_exit, Call(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) == 0 ? 5 : 6);
              }),
              Exited(5));
}
TEST(SeccompStrict, NotAfterFilters) {
  InChild([] {
    EXPECT_THAT(Install(Always(SECCOMP_RET_ALLOW)), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, nullptr), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0), FailsWith(EINVAL));
  });
}

// ---- prctl ----------------------------------------------------------------------------------------------------------------------

TEST(SeccompPrctl, GetTellsTheMode) {
  InChild([] {
    EXPECT_THAT(Call(SYS_prctl, PR_GET_SECCOMP, 0, 0, 0, 0), SucceedsWith(0));
    EXPECT_THAT(Install(Always(SECCOMP_RET_ALLOW)), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_prctl, PR_GET_SECCOMP, 0, 0, 0, 0), SucceedsWith(2));
  });
}
TEST(SeccompPrctl, SetsFilters) {
  InChild([] {
    NoNewPrivs();
    FilterProgram program = On(kProbe, SECCOMP_RET_ERRNO | kMarker);
    EXPECT_THAT(Call(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program), SucceedsWith(0));
    EXPECT_EQ(Call(kProbe), -kMarker);
  });
}
TEST(SeccompPrctl, UnknownModeIsInvalid) { EXPECT_THAT(Call(SYS_prctl, PR_SET_SECCOMP, 3, 0, 0, 0), FailsWith(EINVAL)); }
TEST(SeccompPrctl, StatusShowsModeAndFilters) {
  InChild([] {
    EXPECT_EQ(StatusLine("Seccomp"), "0");
    EXPECT_EQ(StatusLine("Seccomp_filters"), "0");
    Install(Always(SECCOMP_RET_ALLOW));
    Install(Always(SECCOMP_RET_ALLOW));
    EXPECT_EQ(StatusLine("Seccomp"), "2");
    EXPECT_EQ(StatusLine("Seccomp_filters"), "2");
    EXPECT_EQ(StatusLine("NoNewPrivs"), "1");
  });
}

// ---- actions --------------------------------------------------------------------------------------------------------------------

TEST(SeccompAction, ErrnoIsReturned) {
  InChild([] {
    EXPECT_THAT(Install(On(kProbe, SECCOMP_RET_ERRNO | EPROTO)), SucceedsWith(0));
    EXPECT_THAT(Call(kProbe), FailsWith(EPROTO));
    EXPECT_THAT(Call(SYS_getpid), Succeeds());
  });
}
TEST(SeccompAction, ErrnoZeroSucceedsWithoutTheCall) {
  InChild([] {
    EXPECT_THAT(Install(On(SYS_getpid, SECCOMP_RET_ERRNO)), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_getpid), SucceedsWith(0));
  });
}
TEST(SeccompAction, ErrnoIsAtMost4095) {
  InChild([] {
    EXPECT_THAT(Install(On(kProbe, SECCOMP_RET_ERRNO | 0xffff)), SucceedsWith(0));
    EXPECT_EQ(Call(kProbe), -4095);
  });
}
TEST(SeccompAction, LogAllows) {
  InChild([] {
    EXPECT_THAT(Install(On(SYS_getpid, SECCOMP_RET_LOG)), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_getpid), SucceedsWith(getpid()));
  });
}
TEST(SeccompAction, KillProcessIsSigsys) {
  EXPECT_THAT(ChildStatus([] {
                Install(On(kProbe, SECCOMP_RET_KILL_PROCESS));
                Call(kProbe);
              }),
              KilledBy(SIGSYS));
}
TEST(SeccompAction, KillProcessIgnoresHandlersAndMasks) {
  EXPECT_THAT(ChildStatus([] {
                signal(SIGSYS, SIG_IGN);
                const BlockedSignals blocked(SIGSYS);
                Install(On(kProbe, SECCOMP_RET_KILL_PROCESS));
                Call(kProbe);
              }),
              KilledBy(SIGSYS));
}
TEST(SeccompAction, KillProcessTakesAllThreads) {
  EXPECT_THAT(ChildStatus([] {
                Install(On(kProbe, SECCOMP_RET_KILL_PROCESS));
                ScopedThread other([] { Call(kProbe); });
                other.Join();
              }),
              KilledBy(SIGSYS));
}
TEST(SeccompAction, KillThreadLeavesTheOthers) {
  InChild([] {
    Install(On(kProbe, SECCOMP_RET_KILL_THREAD));
    std::atomic<bool> reached{false};
    {
      ScopedThread other([&] {
        Call(kProbe);
        reached.store(true);
      });
    }
    EXPECT_FALSE(reached.load());
  });
}
TEST(SeccompAction, KillThreadOfTheLastThreadIsSigsys) {
  EXPECT_THAT(ChildStatus([] {
                Install(On(kProbe, SECCOMP_RET_KILL_THREAD));
                Call(kProbe);
              }),
              KilledBy(SIGSYS));
}
TEST(SeccompAction, UnknownActionKills) {
  EXPECT_THAT(ChildStatus([] {
                Install(On(kProbe, 0x00010000));
                Call(kProbe);
              }),
              KilledBy(SIGSYS));
}
TEST(SeccompAction, TraceWithoutTracerIsEnosys) {
  InChild([] {
    EXPECT_THAT(Install(On(kProbe, SECCOMP_RET_TRACE | 5)), SucceedsWith(0));
    EXPECT_THAT(Call(kProbe), FailsWith(ENOSYS));
  });
}
TEST(SeccompAction, UserNotifWithoutListenerIsEnosys) {
  InChild([] {
    EXPECT_THAT(Install(On(kProbe, SECCOMP_RET_USER_NOTIF)), SucceedsWith(0));
    EXPECT_THAT(Call(kProbe), FailsWith(ENOSYS));
  });
}

static siginfo_t g_info;
static long g_rip, g_rax;
static void OnSigsys(int, siginfo_t* info, void* raw) {
  g_info = *info;
  const auto* context = static_cast<ucontext_t*>(raw);
  g_rip = context->uc_mcontext.gregs[REG_RIP];
  g_rax = context->uc_mcontext.gregs[REG_RAX];
}
static void CatchSigsys() {
  struct sigaction action {};
  action.sa_sigaction = OnSigsys;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSYS, &action, nullptr);
}

TEST(SeccompAction, TrapSendsSigsysWithTheCall) {
  InChild([] {
    CatchSigsys();
    EXPECT_THAT(Install(On(kProbe, SECCOMP_RET_TRAP | kMarker)), SucceedsWith(0));
    const long result = Call(kProbe);
    EXPECT_EQ(g_info.si_signo, SIGSYS);
    EXPECT_EQ(g_info.si_code, 1);  // SYS_SECCOMP
    EXPECT_EQ(g_info.si_errno, kMarker);
    EXPECT_EQ(g_info.si_syscall, kProbe);
    EXPECT_EQ(g_info.si_arch, static_cast<unsigned>(AUDIT_ARCH_X86_64));
    EXPECT_EQ(reinterpret_cast<long>(g_info.si_call_addr), g_rip);
    EXPECT_EQ(g_rax, kProbe);
    EXPECT_EQ(result, kProbe);  // the handler left it as it was
  });
}
static void AnswerInHandler(int, siginfo_t*, void* raw) { static_cast<ucontext_t*>(raw)->uc_mcontext.gregs[REG_RAX] = 4711; }
TEST(SeccompAction, TrapHandlerDecidesTheResult) {
  InChild([] {
    struct sigaction action {};
    action.sa_sigaction = AnswerInHandler;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSYS, &action, nullptr);
    EXPECT_THAT(Install(On(kProbe, SECCOMP_RET_TRAP)), SucceedsWith(0));
    EXPECT_EQ(Call(kProbe), 4711);
  });
}
TEST(SeccompAction, TrapWithoutHandlerKills) {
  EXPECT_THAT(ChildStatus([] {
                Install(On(kProbe, SECCOMP_RET_TRAP));
                Call(kProbe);
              }),
              KilledBy(SIGSYS));
}
TEST(SeccompAction, BlockedTrapKills) {
  EXPECT_THAT(ChildStatus([] {
                CatchSigsys();
                const BlockedSignals blocked(SIGSYS);
                Install(On(kProbe, SECCOMP_RET_TRAP));
                Call(kProbe);
              }),
              KilledBy(SIGSYS));
}

// ---- what filters see -----------------------------------------------------------------------------------------------------------

TEST(SeccompData, ArchIsX86_64) {
  InChild([] {
    EXPECT_THAT(Install(OnWord(kProbe, offsetof(struct seccomp_data, arch), AUDIT_ARCH_X86_64, SECCOMP_RET_ERRNO | kMarker)),
                SucceedsWith(0));
    EXPECT_EQ(Call(kProbe), -kMarker);
  });
}
TEST(SeccompData, ArgumentsAreSeenWhole) {
  for (int i = 0; i < 6; ++i) {
    InChild([i] {
      const unsigned low = 0x11223344, high = 0x55667788;
      FilterProgram first = OnWord(kProbe, kArgument(i), low, SECCOMP_RET_ERRNO | 1);
      FilterProgram second = OnWord(kProbe, kArgument(i) + 4, high, SECCOMP_RET_ERRNO | 2);
      EXPECT_THAT(Install(first), SucceedsWith(0));
      EXPECT_THAT(Install(second), SucceedsWith(0));
      unsigned long args[6] = {};
      args[i] = static_cast<unsigned long>(high) << 32 | low;
      EXPECT_EQ(Call(kProbe, args[0], args[1], args[2], args[3], args[4], args[5]), -2) << i;
      args[i] = low;
      EXPECT_EQ(Call(kProbe, args[0], args[1], args[2], args[3], args[4], args[5]), -1) << i;
      args[i] = 0;
      EXPECT_GT(Call(kProbe, args[0], args[1], args[2], args[3], args[4], args[5]), 0) << i;
    });
  }
}
TEST(SeccompData, X32NumbersKeepTheirBit) {
  InChild([] {
    EXPECT_THAT(Install(On(0x40000000 | kProbe, SECCOMP_RET_ERRNO | kMarker)), SucceedsWith(0));
    EXPECT_EQ(Call(0x40000000 | kProbe), -kMarker);
    EXPECT_GT(Call(kProbe), 0);
  });
}
TEST(SeccompData, UnknownNumbersAreFilteredToo) {
  InChild([] {
    EXPECT_THAT(Install(On(9999, SECCOMP_RET_ERRNO | kMarker)), SucceedsWith(0));
    EXPECT_EQ(Call(9999), -kMarker);
    EXPECT_THAT(Call(9998), FailsWith(ENOSYS));
  });
}
TEST(SeccompData, LengthIsThatOfTheData) {
  InChild([] {
    EXPECT_THAT(InstallCode({BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 64, 1, 0), Return(SECCOMP_RET_KILL),
                             Return(SECCOMP_RET_ALLOW)}),
                SucceedsWith(0));
    EXPECT_THAT(Call(SYS_getpid), Succeeds());
  });
}
TEST(SeccompData, DivisionByZeroAtRunTimeKills) {
  EXPECT_THAT(ChildStatus([] {
                InstallCode({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kProbe, 0, 3),
                             BPF_STMT(BPF_LDX | BPF_IMM, 0), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), BPF_STMT(BPF_RET | BPF_A, 0),
                             Return(SECCOMP_RET_ALLOW)});
                Call(kProbe);
              }),
              KilledBy(SIGSYS));
}
TEST(SeccompData, ArithmeticWorks) {
  // (nr * 3 + 1) ^ 5, computed by the filter, decides.
  InChild([] {
    const unsigned expected = (static_cast<unsigned>(kProbe) * 3 + 1) ^ 5;
    EXPECT_THAT(
        InstallCode({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 3), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1),
                     BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 5), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, expected, 0, 1),
                     Return(SECCOMP_RET_ERRNO | kMarker), Return(SECCOMP_RET_ALLOW)}),
        SucceedsWith(0));
    EXPECT_EQ(Call(kProbe), -kMarker);
    EXPECT_THAT(Call(SYS_getpid), Succeeds());
  });
}

// ---- several filters ------------------------------------------------------------------------------------------------------------

TEST(SeccompStack, StrongestActionWins) {
  struct {
    unsigned weaker, stronger;
  } const pairs[] = {{SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | kMarker},
                     {SECCOMP_RET_LOG, SECCOMP_RET_ERRNO | kMarker},
                     {SECCOMP_RET_TRACE, SECCOMP_RET_ERRNO | kMarker},
                     {SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ERRNO | kMarker}};
  for (const auto& pair : pairs) {
    for (const bool stronger_first : {false, true}) {
      InChild([&] {
        Install(On(kProbe, stronger_first ? pair.stronger : pair.weaker));
        Install(On(kProbe, stronger_first ? pair.weaker : pair.stronger));
        EXPECT_EQ(Call(kProbe), -kMarker) << std::hex << pair.weaker;
      });
    }
  }
}
TEST(SeccompStack, KillBeatsErrno) {
  EXPECT_THAT(ChildStatus([] {
                Install(On(kProbe, SECCOMP_RET_KILL_PROCESS));
                Install(On(kProbe, SECCOMP_RET_ERRNO | kMarker));
                Call(kProbe);
              }),
              KilledBy(SIGSYS));
}
TEST(SeccompStack, TrapBeatsErrno) {
  EXPECT_THAT(ChildStatus([] {
                Install(On(kProbe, SECCOMP_RET_ERRNO | kMarker));
                Install(On(kProbe, SECCOMP_RET_TRAP));
                Call(kProbe);
              }),
              KilledBy(SIGSYS));
}
TEST(SeccompStack, NewestOfEqualsGivesTheData) {
  InChild([] {
    Install(On(kProbe, SECCOMP_RET_ERRNO | 1));
    Install(On(kProbe, SECCOMP_RET_ERRNO | 2));
    EXPECT_EQ(Call(kProbe), -2);
  });
}
TEST(SeccompStack, FiltersCannotBeTakenBack) {
  InChild([] {
    Install(On(kProbe, SECCOMP_RET_ERRNO | kMarker));
    Install(On(kProbe, SECCOMP_RET_ALLOW));
    EXPECT_EQ(Call(kProbe), -kMarker);
  });
}
TEST(SeccompStack, FilterAppliesToSeccompItself) {
  InChild([] {
    Install(On(SYS_seccomp, SECCOMP_RET_ERRNO | kMarker));
    EXPECT_EQ(Install(Always(SECCOMP_RET_ALLOW)), -kMarker);
  });
}

// ---- inheritance ----------------------------------------------------------------------------------------------------------------

TEST(SeccompInherit, Fork) {
  InChild([] {
    Install(On(kProbe, SECCOMP_RET_ERRNO | kMarker));
    InChild([] {
      EXPECT_EQ(Call(kProbe), -kMarker);
      EXPECT_EQ(StatusLine("Seccomp"), "2");
    });
  });
}
TEST(SeccompInherit, NewThread) {
  InChild([] {
    Install(On(kProbe, SECCOMP_RET_ERRNO | kMarker));
    ScopedThread other([] { EXPECT_EQ(Call(kProbe), -kMarker); });
  });
}
TEST(SeccompInherit, NotByThreadsThatExist) {
  InChild([] {
    std::atomic<int> step{0};
    long seen = 0;
    ScopedThread other([&] {
      while (step.load() == 0) usleep(500);
      seen = Call(kProbe);
    });
    other.tid();
    Install(On(kProbe, SECCOMP_RET_ERRNO | kMarker));
    step.store(1);
    other.Join();
    EXPECT_GT(seen, 0);
  });
}
ROLE(probe) { return Call(kProbe) == -kMarker ? 33 : 34; }
TEST(SeccompInherit, Exec) {
  EXPECT_THAT(ChildStatus([] {
                Install(On(kProbe, SECCOMP_RET_ERRNO | kMarker));
                ExecRole("probe");
              }),
              Exited(33));
}
TEST(SeccompInherit, ExecCanBeForbidden) {
  InChild([] {
    Install(On(SYS_execve, SECCOMP_RET_ERRNO | kMarker));
    EXPECT_EQ(ExecRole("probe"), -kMarker);
  });
}

// ---- threads together -------------------------------------------------------------------------------------------------------------

TEST(SeccompTsync, AllThreadsGetTheFilter) {
  InChild([] {
    std::atomic<int> step{0};
    long seen = 0, privileges = 0;
    ScopedThread other([&] {
      while (step.load() == 0) usleep(500);
      seen = Call(kProbe);
      privileges = Call(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    });
    other.tid();
    EXPECT_THAT(Install(On(kProbe, SECCOMP_RET_ERRNO | kMarker), SECCOMP_FILTER_FLAG_TSYNC), SucceedsWith(0));
    step.store(1);
    other.Join();
    EXPECT_EQ(seen, -kMarker);
    EXPECT_EQ(privileges, 1);
    EXPECT_EQ(Call(kProbe), -kMarker);
  });
}
TEST(SeccompTsync, ThreadWithFurtherFiltersIsNamed) {
  InChild([] {
    std::atomic<int> step{0};
    ScopedThread other([&] {
      Install(Always(SECCOMP_RET_ALLOW));
      step.store(1);
      while (step.load() == 1) usleep(500);
    });
    while (step.load() == 0) usleep(500);
    EXPECT_THAT(Install(On(kProbe, SECCOMP_RET_ERRNO | kMarker), SECCOMP_FILTER_FLAG_TSYNC), SucceedsWith(other.tid()));
    EXPECT_THAT(Install(On(kProbe, SECCOMP_RET_ERRNO | kMarker), SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH),
                FailsWith(ESRCH));
    EXPECT_GT(Call(kProbe), 0);  // nothing was installed
    step.store(2);
  });
}
TEST(SeccompTsync, ThreadWithAnAncestorFilterFits) {
  InChild([] {
    Install(Always(SECCOMP_RET_ALLOW));
    std::atomic<int> step{0};
    long seen = 0;
    ScopedThread other([&] {
      while (step.load() == 0) usleep(500);
      seen = Call(kProbe);
    });
    other.tid();
    EXPECT_THAT(Install(On(kProbe, SECCOMP_RET_ERRNO | kMarker), SECCOMP_FILTER_FLAG_TSYNC), SucceedsWith(0));
    step.store(1);
    other.Join();
    EXPECT_EQ(seen, -kMarker);
  });
}

// ---- together with others ---------------------------------------------------------------------------------------------------------

TEST(SeccompRestart, RestartedCallIsFilteredAgain) {
  // A read that a handler with SA_RESTART interrupts is made anew, under the filter that the handler installed.
  InChild([] {
    const Pipe pipe;
    struct sigaction action {};
    action.sa_handler = [](int) { Install(On(SYS_read, SECCOMP_RET_ERRNO | kMarker)); };
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, nullptr);
    ualarm(20000, 0);
    char byte;
    EXPECT_EQ(Call(SYS_read, pipe.reader, &byte, 1), -kMarker);
  });
}
TEST(SeccompRestart, RunningCallGoesOn) {
  InChild([] {
    const Pipe pipe;
    std::atomic<long> seen{0};
    ScopedThread reader([&] {
      char byte;
      seen.store(Call(SYS_read, pipe.reader, &byte, 1));
    });
    WaitUntilAsleep(reader.tid());
    EXPECT_THAT(Install(On(SYS_read, SECCOMP_RET_ERRNO | kMarker), SECCOMP_FILTER_FLAG_TSYNC), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
    reader.Join();
    EXPECT_EQ(seen.load(), 1);
  });
}

}  // namespace tests
