// rt_sigaction(2), delivery, nesting, siginfo, alternate stacks, default actions.
#include <sys/wait.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Sigaction, ReadsBackWhatWasSet) {
  struct sigaction action = {}, seen = {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART | SA_NODEFER;
  sigaddset(&action.sa_mask, SIGUSR2);
  ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
  ASSERT_EQ(sigaction(SIGUSR1, nullptr, &seen), 0);
  signal(SIGUSR1, SIG_DFL);
  EXPECT_EQ(seen.sa_handler, action.sa_handler);
  EXPECT_EQ(seen.sa_flags & (SA_RESTART | SA_NODEFER), SA_RESTART | SA_NODEFER);
  EXPECT_EQ(sigismember(&seen.sa_mask, SIGUSR2), 1);
}
TEST(Sigaction, KillAndStopCannotBeCaught) {
  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    unsigned long mask;
  } action = {};
  EXPECT_THAT(Call(SYS_rt_sigaction, SIGKILL, &action, nullptr, kSetSize), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_rt_sigaction, SIGSTOP, &action, nullptr, kSetSize), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_rt_sigaction, SIGKILL, nullptr, &action, kSetSize), SucceedsWith(0));
}
TEST(Sigaction, ArgumentErrors) {
  EXPECT_THAT(Call(SYS_rt_sigaction, 0, nullptr, nullptr, kSetSize), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_rt_sigaction, 65, nullptr, nullptr, kSetSize), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_rt_sigaction, SIGUSR1, nullptr, nullptr, 4), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_rt_sigaction, SIGUSR1, BadAddress(), nullptr, kSetSize), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_rt_sigaction, SIGUSR1, nullptr, BadAddress(), kSetSize), FailsWith(EFAULT));
}
TEST(Sigaction, IgnoringDropsPendingSignals) {
  const BlockedSignals blocked(SIGUSR1);
  raise(SIGUSR1);
  EXPECT_TRUE(IsPending(SIGUSR1));
  signal(SIGUSR1, SIG_IGN);
  EXPECT_FALSE(IsPending(SIGUSR1));
  signal(SIGUSR1, SIG_DFL);
}
static volatile int depth, max_depth;
static void Nest(int signal) {
  depth = depth + 1;
  if (depth > max_depth) max_depth = depth;
  if (depth < 3) raise(signal);
  depth = depth - 1;
}
TEST(Delivery, SignalIsBlockedInItsOwnHandlerUnlessNodefer) {
  for (const int flags : {0, SA_NODEFER}) {
    depth = 0;
    max_depth = 0;
    struct sigaction action = {};
    action.sa_handler = &Nest;
    action.sa_flags = flags;
    ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
    if (flags == 0) {
      // Each handler leaves one more pending: stop that chain after the first look.
      action.sa_handler = [](int) {
        depth = depth + 1;
        if (depth > max_depth) max_depth = depth;
        if (max_depth == 1 && !IsPending(SIGUSR1)) {
          raise(SIGUSR1);
          if (!IsPending(SIGUSR1)) max_depth = 100;
          signal(SIGUSR1, SIG_IGN);
        }
        depth = depth - 1;
      };
      ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
    }
    raise(SIGUSR1);
    EXPECT_EQ(max_depth, flags == 0 ? 1 : 3);
    signal(SIGUSR1, SIG_DFL);
  }
}
TEST(Delivery, ResethandRestoresTheDefault) {
  SignalRecorder recorder(SIGUSR1, static_cast<int>(SA_RESETHAND));
  raise(SIGUSR1);
  EXPECT_EQ(recorder.count(), 1);
  struct sigaction now;
  sigaction(SIGUSR1, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}
static int order[8];
static volatile int order_count;
static void Note(int signal) {
  order[order_count] = signal;
  order_count = order_count + 1;
}
TEST(Delivery, HandlersOfSeveralPendingSignalsRunHighestNumberFirst) {
  // Frames are pushed for all pending signals, lowest first: the highest number's handler is on top and runs first.
  order_count = 0;
  struct sigaction action = {};
  action.sa_handler = &Note;
  for (const int s : {SIGUSR1, SIGUSR2, SIGTERM}) sigaction(s, &action, nullptr);
  {
    const BlockedSignals blocked(SIGUSR1, SIGUSR2, SIGTERM);
    for (const int s : {SIGTERM, SIGUSR1, SIGUSR2}) raise(s);
  }
  EXPECT_EQ(order_count, 3);
  EXPECT_EQ(order[0], SIGTERM);
  EXPECT_EQ(order[1], SIGUSR2);
  EXPECT_EQ(order[2], SIGUSR1);
  for (const int s : {SIGUSR1, SIGUSR2, SIGTERM}) signal(s, SIG_DFL);
}
TEST(Delivery, HandlerMaskBlocksOthersUntilItReturns) {
  order_count = 0;
  struct sigaction action = {};
  action.sa_handler = &Note;
  sigaction(SIGUSR2, &action, nullptr);
  action.sa_handler = [](int signal) {
    raise(SIGUSR2);
    Note(signal);
  };
  sigaddset(&action.sa_mask, SIGUSR2);
  sigaction(SIGUSR1, &action, nullptr);
  raise(SIGUSR1);
  EXPECT_EQ(order_count, 2);
  EXPECT_EQ(order[0], SIGUSR1);
  EXPECT_EQ(order[1], SIGUSR2);
  signal(SIGUSR1, SIG_DFL);
  signal(SIGUSR2, SIG_DFL);
}
TEST(Delivery, StandardSignalsMergeAndRealTimeSignalsQueueInOrder) {
  SignalRecorder standard(SIGUSR1), real_time(SIGRTMIN + 1);
  {
    const BlockedSignals blocked(SIGUSR1, SIGRTMIN + 1);
    for (int i = 0; i < 3; ++i) {
      raise(SIGUSR1);
      sigval value;
      value.sival_int = i;
      EXPECT_EQ(sigqueue(getpid(), SIGRTMIN + 1, value), 0);
    }
  }
  EXPECT_EQ(standard.count(), 1);
  EXPECT_EQ(real_time.count(), 3);
  EXPECT_EQ(real_time.last().si_value.sival_int, 2);
}
TEST(Siginfo, OfKillTgkillAndSigqueue) {
  SignalRecorder recorder(SIGUSR1);
  EXPECT_THAT(Call(SYS_kill, getpid(), SIGUSR1), SucceedsWith(0));
  EXPECT_EQ(recorder.last().si_code, SI_USER);
  EXPECT_EQ(recorder.last().si_pid, getpid());
  EXPECT_EQ(recorder.last().si_uid, getuid());
  EXPECT_THAT(Call(SYS_tgkill, getpid(), gettid(), SIGUSR1), SucceedsWith(0));
  EXPECT_EQ(recorder.last().si_code, SI_TKILL);
  sigval value;
  value.sival_ptr = &value;
  EXPECT_EQ(sigqueue(getpid(), SIGUSR1, value), 0);
  EXPECT_EQ(recorder.last().si_code, SI_QUEUE);
  EXPECT_EQ(recorder.last().si_value.sival_ptr, &value);
}
static void* volatile handler_stack;
TEST(AlternateStack, HandlerRunsOnIt) {
  const Mapping stack(8 * kPage);
  stack_t mine = {}, old = {}, seen = {};
  mine.ss_sp = stack.get();
  mine.ss_size = stack.length();
  ASSERT_EQ(sigaltstack(&mine, &old), 0);
  struct sigaction action = {};
  action.sa_handler = [](int) {
    int here;
    handler_stack = &here;
    stack_t inside;
    sigaltstack(nullptr, &inside);
    if (inside.ss_flags != SS_ONSTACK) handler_stack = nullptr;
    // The stack in use cannot be changed.
    if (sigaltstack(&inside, nullptr) == 0 || errno != EPERM) handler_stack = nullptr;
  };
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, nullptr);
  raise(SIGUSR1);
  signal(SIGUSR1, SIG_DFL);
  EXPECT_GE(static_cast<char*>(handler_stack), stack.get());
  EXPECT_LT(static_cast<char*>(handler_stack), stack.get() + stack.length());
  ASSERT_EQ(sigaltstack(&old, &seen), 0);
  EXPECT_EQ(seen.ss_sp, stack.get());
  EXPECT_EQ(seen.ss_flags, 0);
}
TEST(AlternateStack, Errors) {
  stack_t stack = {};
  char small[100];
  stack.ss_sp = small;
  stack.ss_size = sizeof small;
  EXPECT_THAT(Call(SYS_sigaltstack, &stack, nullptr), FailsWith(ENOMEM));
  stack.ss_flags = 0x40;
  EXPECT_THAT(Call(SYS_sigaltstack, &stack, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sigaltstack, BadAddress(), nullptr), FailsWith(EFAULT));
}
TEST(AlternateStack, StackOverflowIsHandledOnIt) {
  EXPECT_THAT(ChildStatus([] {
                static char bytes[16384];
                stack_t mine = {};
                mine.ss_sp = bytes;
                mine.ss_size = sizeof bytes;
                sigaltstack(&mine, nullptr);
                struct sigaction action = {};
                action.sa_handler = [](int) { _exit(44); };
                action.sa_flags = SA_ONSTACK;
                sigaction(SIGSEGV, &action, nullptr);
                // Push below the guard: rsp itself points at nothing.
                asm volatile("mov $0x2000, %%rsp; push %%rax" ::: "memory");
              }),
              Exited(44));
}
TEST(AlternateStack, NestedHandlersThatOverflowItAreKilledBySegv) {
  EXPECT_THAT(ChildStatus([] {
                // What lies below must not be overwritten: the frame that does not fit is not written.
                static char bytes[32768];
                stack_t mine = {};
                mine.ss_sp = bytes + 16384;
                mine.ss_size = 16384;
                sigaltstack(&mine, nullptr);
                struct sigaction action = {};
                action.sa_handler = [](int) { raise(SIGUSR1); };
                action.sa_flags = SA_ONSTACK | SA_NODEFER;
                sigaction(SIGUSR1, &action, nullptr);
                action.sa_handler = [](int) { _exit(1); };
                sigaction(SIGSEGV, &action, nullptr);
                raise(SIGUSR1);
              }),
              KilledBy(SIGSEGV));
}
TEST(DefaultAction, BadStackForAHandlerKillsBySegv) {
  EXPECT_THAT(ChildStatus([] {
                signal(SIGSEGV, [](int) { _exit(1); });
                asm volatile("mov $0x2000, %%rsp; push %%rax" ::: "memory");
              }),
              KilledBy(SIGSEGV));
}
TEST(DefaultAction, TerminatesStopsOrIsIgnored) {
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGABRT, SIGRTMIN}) {
    EXPECT_THAT(ChildStatus([=] { raise(signal); }), KilledBy(signal));
  }
  for (const int signal : {SIGCHLD, SIGURG, SIGWINCH, SIGCONT}) {
    EXPECT_THAT(ChildStatus([=] { raise(signal); }), Exited(0));
  }
}
TEST(DefaultAction, KillCannotBeBlocked) {
  EXPECT_THAT(ChildStatus([] {
                sigset_t all;
                sigfillset(&all);
                sigprocmask(SIG_SETMASK, &all, nullptr);
                raise(SIGKILL);
              }),
              KilledBy(SIGKILL));
}
TEST(Sigchld, TellsWhoAndHow) {
  const BlockedSignals blocked(SIGCHLD);
  SignalRecorder recorder(SIGCHLD);
  const pid_t child = ForkChild();
  if (child == 0) _exit(5);
  const sigset_t none = SetOf();
  sigsuspend(&none);
  EXPECT_EQ(recorder.last().si_code, CLD_EXITED);
  EXPECT_EQ(recorder.last().si_pid, child);
  EXPECT_EQ(recorder.last().si_status, 5);
  EXPECT_THAT(StatusOf(child), Exited(5));
}
TEST(Sigchld, NocldstopSilencesStops) {
  SignalRecorder recorder(SIGCHLD, SA_NOCLDSTOP);
  const pid_t child = ForkChild();
  while (child == 0) Call(SYS_pause);
  EXPECT_THAT(Call(SYS_kill, child, SIGSTOP), SucceedsWith(0));
  int status;
  EXPECT_THAT(Call(SYS_wait4, child, &status, WUNTRACED, nullptr), SucceedsWith(child));
  EXPECT_EQ(recorder.count(), 0);
  EXPECT_THAT(Call(SYS_kill, child, SIGKILL), SucceedsWith(0));
  EXPECT_THAT(StatusOf(child), KilledBy(SIGKILL));
  EXPECT_EQ(recorder.count(), 1);
}
TEST(Stop, ContinueRunsAHandlerAndClearsPendingStops) {
  const pid_t child = StartChild([] {
    SignalRecorder recorder(SIGCONT);
    const BlockedSignals blocked(SIGTSTP);
    raise(SIGTSTP);
    EXPECT_TRUE(IsPending(SIGTSTP));
    raise(SIGSTOP);
    EXPECT_EQ(recorder.count(), 1);
    EXPECT_FALSE(IsPending(SIGTSTP));
  });
  int status;
  EXPECT_THAT(Call(SYS_wait4, child, &status, WUNTRACED, nullptr), SucceedsWith(child));
  EXPECT_TRUE(WIFSTOPPED(status));
  EXPECT_THAT(Call(SYS_kill, child, SIGCONT), SucceedsWith(0));
  EXPECT_THAT(StatusOf(child), Exited(0));
}

}  // namespace tests
