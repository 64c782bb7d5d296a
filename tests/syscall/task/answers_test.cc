// getpid(2), getppid(2), gettid(2), getuid(2), sched_yield(2), futex(2) that wakes nobody, asked so often that a sandbox may know the
// answers by heart: they must be true when they change, and whoever watches calls must see each.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>

#include <atomic>

#include "tests/lib/guest.h"

namespace tests {
namespace {

constexpr int kOften = 100;

// One place for all, which is used often.
__attribute__((noinline)) long Ask(long number) { return Call(number); }
long AskOften(long number) {
  long answer = 0;
  for (int i = 0; i < kOften; ++i) answer = Ask(number);
  return answer;
}

// `number` fails with EDOM from now on.
long Refuse(uint32_t number, unsigned flags) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDOM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{4, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return Call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

TEST(Answers, EachThreadAndProcessHasItsOwn) {
  const long pid = AskOften(SYS_getpid), tid = AskOften(SYS_gettid);
  EXPECT_EQ(pid, getpid());
  long thread_pid = 0, thread_tid = 0;
  ScopedThread thread([&] {
    thread_pid = Ask(SYS_getpid);
    thread_tid = AskOften(SYS_gettid);
  });
  thread.Join();
  EXPECT_EQ(thread_pid, pid);
  EXPECT_EQ(thread_tid, thread.tid());
  EXPECT_NE(thread_tid, tid);
  InChild([&] {
    EXPECT_NE(Ask(SYS_getpid), pid);
    EXPECT_EQ(Ask(SYS_getppid), pid);
    EXPECT_EQ(AskOften(SYS_getpid), AskOften(SYS_gettid));
  });
}

TEST(Answers, TheParentIsTrueWhenTheOldOneIsGone) {
  InChild([] {
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    Pipe ready, result;
    const pid_t parent = fork();
    if (parent == 0) {
      if (fork() == 0) {
        char byte = 0;
        long answers[2] = {AskOften(SYS_getppid), 0};
        Call(SYS_write, ready.writer, &byte, 1);
        do {
          answers[1] = Ask(SYS_getppid);
        } while (answers[1] == answers[0]);
        Call(SYS_write, result.writer, answers, sizeof(answers));
        _exit(0);
      }
      char byte;
      Call(SYS_read, ready.reader, &byte, 1);
      _exit(0);
    }
    EXPECT_THAT(StatusOf(parent), Exited(0));
    long answers[2] = {0, 0};
    EXPECT_THAT(Call(SYS_read, result.reader, answers, sizeof(answers)), SucceedsWith(sizeof(answers)));
    EXPECT_EQ(answers[0], parent);
    EXPECT_EQ(answers[1], getpid());
    EXPECT_GT(wait(nullptr), 0);  // the orphan
  });
}

TEST(Answers, IdsFollowTheirChanges) {
  InChild([] {
    ASSERT_EQ(AskOften(SYS_geteuid), 0) << "needs root";
    EXPECT_EQ(AskOften(SYS_getgid), getgid());
    EXPECT_THAT(Call(SYS_setresgid, 1001, 1002, 1003), SucceedsWith(0));
    EXPECT_EQ(Ask(SYS_getgid), 1001);
    EXPECT_EQ(Ask(SYS_getegid), 1002);
    EXPECT_THAT(Call(SYS_setresuid, 1001, 1002, 0), SucceedsWith(0));
    EXPECT_EQ(AskOften(SYS_getuid), 1001);
    EXPECT_EQ(AskOften(SYS_geteuid), 1002);
    EXPECT_THAT(Call(SYS_setresuid, -1, 0, -1), SucceedsWith(0));
    EXPECT_EQ(Ask(SYS_geteuid), 0);
    EXPECT_EQ(Ask(SYS_getuid), 1001);
  });
}

TEST(Answers, AFilterSeesEachCall) {
  InChild([] {
    EXPECT_EQ(AskOften(SYS_getppid), getppid());
    EXPECT_THAT(Refuse(SYS_getppid, 0), SucceedsWith(0));
    for (int i = 0; i < kOften; ++i) EXPECT_THAT(Ask(SYS_getppid), FailsWith(EDOM));
    EXPECT_EQ(AskOften(SYS_getpid), getpid());
  });
}

TEST(Answers, AFilterForAllThreadsIsThereWhenItsCallReturns) {
  InChild([] {
    std::atomic<bool> often{false}, installed{false};
    long first = 0;
    ScopedThread other([&] {
      while (!installed.load()) {
        AskOften(SYS_getppid);
        often.store(true);
      }
      first = Ask(SYS_getppid);
    });
    while (!often.load()) usleep(100);
    EXPECT_THAT(Refuse(SYS_getppid, SECCOMP_FILTER_FLAG_TSYNC), SucceedsWith(0));
    installed.store(true);
    other.Join();
    EXPECT_EQ(first, -EDOM);
  });
}

TEST(Answers, ATracerSeesEachCall) {
  const pid_t child = ForkChild();
  if (child == 0) {
    AskOften(SYS_getppid);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    AskOften(SYS_getppid);
    _exit(0);
  }
  int status = 0, seen = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSTOPPED(status));
  for (;;) {
    ASSERT_EQ(ptrace(PTRACE_SYSCALL, child, 0, 0), 0);
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (!WIFSTOPPED(status)) break;
    const long number = ptrace(PTRACE_PEEKUSER, child, 15 * 8 /* orig_rax */, 0);
    if (number == SYS_getppid) ++seen;
  }
  EXPECT_THAT(status, Exited(0));
  EXPECT_EQ(seen, 2 * kOften);
}

TEST(Answers, SignalsArriveAmongThem) {
  static std::atomic<int> alarms;
  alarms.store(0);
  struct sigaction action {};
  action.sa_handler = [](int) { alarms.fetch_add(1); };
  struct sigaction old {};
  sigaction(SIGALRM, &action, &old);
  const itimerval often{{0, 200}, {0, 200}};
  setitimer(ITIMER_REAL, &often, nullptr);
  const long pid = getpid();
  long wrong = 0;
  while (alarms.load() < 500) wrong += Ask(SYS_getpid) != pid;
  const itimerval off{};
  setitimer(ITIMER_REAL, &off, nullptr);
  sigaction(SIGALRM, &old, nullptr);
  EXPECT_EQ(wrong, 0);
}

TEST(Answers, YieldSucceedsAlways) {
  for (int i = 0; i < kOften; ++i) EXPECT_THAT(Ask(SYS_sched_yield), SucceedsWith(0));
}

TEST(Answers, AWakeFindsWhoeverWaits) {
  static std::atomic<uint32_t> word, turns;
  word.store(0), turns.store(0);
  constexpr uint32_t kTurns = 3000;
  // The word is one of many that are woken often while nobody waits.
  static uint32_t others[64];
  ScopedThread waiter([&] {
    for (uint32_t turn = 0; turn < kTurns; ++turn) {
      while (word.load() == turn) Call(SYS_futex, &word, FUTEX_WAIT_PRIVATE, turn, nullptr, nullptr, 0);
      turns.store(turn + 1);
    }
  });
  for (uint32_t turn = 0; turn < kTurns; ++turn) {
    for (uint32_t i = 0; i < turn % 8; ++i) Call(SYS_futex, &others[i], FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    word.store(turn + 1);
    Call(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    // A wake that is lost ends the test by its time limit.
    while (turns.load() != turn + 1) sched_yield();
  }
}

TEST(Answers, AWakeFindsAWaiterThatWasMoved) {
  static std::atomic<uint32_t> from, to;
  from.store(0), to.store(0);
  for (int i = 0; i < kOften; ++i) {
    EXPECT_THAT(Call(SYS_futex, &from, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_futex, &to, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0), SucceedsWith(0));
  }
  ScopedThread waiter([&] { EXPECT_THAT(Call(SYS_futex, &from, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0), SucceedsWith(0)); });
  WaitUntilAsleep(waiter.tid());
  EXPECT_THAT(Call(SYS_futex, &from, FUTEX_CMP_REQUEUE_PRIVATE, 0, 1, &to, 0), SucceedsWith(1));
  EXPECT_THAT(Call(SYS_futex, &from, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_futex, &to, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0), SucceedsWith(1));
}

}  // namespace
}  // namespace tests
