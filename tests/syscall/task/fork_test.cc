// fork(2), vfork(2), clone(2), clone3(2), set_tid_address(2).
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>

#include "tests/lib/guest.h"

namespace tests {

// The raw call, for flags that share no memory: the child goes on behind it like after fork.
static long CloneLikeFork(unsigned long flags, int* parent_tid = nullptr, int* child_tid = nullptr) {
  fflush(nullptr);
  return Call(SYS_clone, flags, nullptr, parent_tid, child_tid, 0);
}

TEST(Fork, ChildHasANewPidAndItsParent) {
  const pid_t parent = getpid();
  pid_t seen = 0;
  const Mapping page(kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  const pid_t child = StartChild([&] {
    EXPECT_THAT(Call(SYS_getppid), SucceedsWith(parent));
    EXPECT_EQ(Call(SYS_getpid), Call(SYS_gettid));
    *reinterpret_cast<pid_t*>(page.get()) = static_cast<pid_t>(Call(SYS_getpid));
  });
  EXPECT_THAT(StatusOf(child), Exited(0));
  seen = *reinterpret_cast<pid_t*>(page.get());
  EXPECT_EQ(seen, child);
}
TEST(Fork, DescriptorTableIsCopied) {
  Pipe pipe;
  InChild([&] {
    pipe.writer.Reset();
    EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETFD), Succeeds());
  });
  EXPECT_THAT(Call(SYS_fcntl, pipe.writer, F_GETFD), Succeeds());
}
TEST(Fork, PendingSignalsAreNotInherited) {
  SignalRecorder recorder(SIGUSR1);
  const BlockedSignals blocked(SIGUSR1);
  raise(SIGUSR1);
  InChild([] { EXPECT_FALSE(IsPending(SIGUSR1)); });
  EXPECT_TRUE(IsPending(SIGUSR1));
}
TEST(Fork, HandlersAndMaskAreInherited) {
  const BlockedSignals blocked(SIGUSR2);
  SignalRecorder recorder(SIGUSR1);
  InChild([&] {
    raise(SIGUSR1);
    EXPECT_EQ(recorder.count(), 1);
    sigset_t now;
    sigprocmask(SIG_BLOCK, nullptr, &now);
    EXPECT_EQ(sigismember(&now, SIGUSR2), 1);
  });
  EXPECT_EQ(recorder.count(), 0);
}
TEST(Fork, FromAThreadCopiesOnlyThatThread) {
  std::atomic<bool> stop{false};
  ScopedThread other([&] {
    while (!stop.load()) usleep(1000);
  });
  const pid_t tid = other.tid();
  InChild([&] { EXPECT_THAT(Call(SYS_tgkill, getpid(), tid, 0), FailsWith(ESRCH)); });
  stop.store(true);
}
TEST(Fork, OrphanIsAdopted) {
  const Pipe pipe;
  const pid_t child = StartChild([&] {
    const pid_t first = getpid();
    if (fork() == 0) {
      for (int i = 0; i < 1000 && getppid() == first; ++i) usleep(1000);
      const char changed = getppid() != first ? 'y' : 'n';
      Call(SYS_write, pipe.writer, &changed, 1);
      _exit(0);
    }
  });
  EXPECT_THAT(StatusOf(child), Exited(0));
  char changed;
  EXPECT_THAT(Call(SYS_read, pipe.reader, &changed, 1), SucceedsWith(1));
  EXPECT_EQ(changed, 'y');
}
TEST(Fork, ChildCanBeStoppedBeforeItHasRun) {
  for (int i = 0; i < 50; ++i) {
    const pid_t child = StartChild([] { Call(SYS_pause); });
    ASSERT_THAT(Call(SYS_kill, child, SIGSTOP), SucceedsWith(0));
    int status = 0;
    ASSERT_THAT(Call(SYS_wait4, child, &status, WUNTRACED, nullptr), SucceedsWith(child));
    ASSERT_TRUE(WIFSTOPPED(status)) << std::hex << status;
    ASSERT_THAT(Call(SYS_kill, child, SIGKILL), SucceedsWith(0));
    ASSERT_THAT(StatusOf(child), KilledBy(SIGKILL));
  }
}
TEST(Vfork, ParentWaitsForExitAndMemoryIsShared) {
  volatile int value = 1;
  const pid_t child = vfork();
  if (child == 0) {
    value = 2;
    _exit(7);
  }
  EXPECT_EQ(value, 2);
  EXPECT_THAT(StatusOf(child), Exited(7));
}
ROLE(exit_with) { return atoi(argv[0]); }
TEST(Vfork, ExecReleasesTheParent) {
  const std::string self = SelfPath();
  const char* argv[] = {"guest", "--role=exit_with", "9", nullptr};
  const pid_t child = vfork();
  if (child == 0) {
    execve(self.c_str(), const_cast<char**>(argv), nullptr);
    _exit(1);
  }
  EXPECT_THAT(StatusOf(child), Exited(9));
}
TEST(Clone, NoExitSignalNeedsWcloneOrWall) {
  const long child = CloneLikeFork(0);
  if (child == 0) _exit(3);
  int status;
  EXPECT_THAT(Call(SYS_wait4, child, &status, 0, nullptr), FailsWith(ECHILD));
  EXPECT_THAT(Call(SYS_wait4, child, &status, __WALL, nullptr), SucceedsWith(child));
  EXPECT_THAT(status, Exited(3));
}
TEST(Clone, OtherExitSignalIsSent) {
  SignalRecorder recorder(SIGUSR1);
  const long child = CloneLikeFork(SIGUSR1);
  if (child == 0) _exit(0);
  int status;
  long got;
  while ((got = Call(SYS_wait4, child, &status, __WALL, nullptr)) == -EINTR) {
  }
  EXPECT_EQ(got, child);
  EXPECT_EQ(recorder.count(), 1);
  EXPECT_EQ(recorder.last().si_pid, child);
}
TEST(Clone, ParentAndChildTidWordsAreWritten) {
  const Mapping page(kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  int* words = reinterpret_cast<int*>(page.get());
  const long child = CloneLikeFork(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, &words[0], &words[1]);
  if (child == 0) _exit(0);
  EXPECT_EQ(words[0], child);
  EXPECT_THAT(StatusOf(static_cast<pid_t>(child)), Exited(0));
  EXPECT_EQ(words[1], child);
}
TEST(Clone, FilesFlagSharesTheDescriptorTable) {
  const long child = CloneLikeFork(CLONE_FILES | SIGCHLD);
  if (child == 0) _exit(dup2(1, 250) == 250 ? 0 : 1);
  EXPECT_THAT(StatusOf(static_cast<pid_t>(child)), Exited(0));
  EXPECT_THAT(Call(SYS_close, 250), SucceedsWith(0));
}
TEST(Clone, FsFlagSharesTheWorkingDirectory) {
  InChild([] {
    EXPECT_EQ(chdir("/"), 0);
    const long child = CloneLikeFork(CLONE_FS | SIGCHLD);
    if (child == 0) _exit(chdir("/proc") == 0 ? 0 : 1);
    EXPECT_THAT(StatusOf(static_cast<pid_t>(child)), Exited(0));
    char name[20] = {};
    EXPECT_THAT(Call(SYS_getcwd, name, 20), Succeeds());
    EXPECT_STREQ(name, "/proc");
  });
}
TEST(Clone, CloneParentMakesASibling) {
  InChild([] {
    const Pipe pipe;
    const pid_t self = getpid();
    const pid_t child = StartChild([&] {
      const long sibling = CloneLikeFork(CLONE_PARENT | SIGCHLD);
      if (sibling == 0) _exit(getppid() == self ? 0 : 1);
      Call(SYS_write, pipe.writer, &sibling, 8);
    });
    long sibling = 0;
    EXPECT_THAT(Call(SYS_read, pipe.reader, &sibling, 8), SucceedsWith(8));
    EXPECT_THAT(StatusOf(child), Exited(0));
    EXPECT_THAT(StatusOf(static_cast<pid_t>(sibling)), Exited(0));
  });
}
TEST(Clone, ImpossibleFlagsAreInvalid) {
  EXPECT_THAT(Call(SYS_clone, CLONE_THREAD, nullptr, nullptr, nullptr, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_clone, CLONE_SIGHAND, nullptr, nullptr, nullptr, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_clone, CLONE_FS | CLONE_NEWNS, nullptr, nullptr, nullptr, 0), FailsWith(EINVAL));
}
TEST(Clone3, WorksLikeForkAndChecksItsSize) {
  clone_args args = {};
  args.exit_signal = SIGCHLD;
  fflush(nullptr);
  const long child = Call(SYS_clone3, &args, sizeof args);
  if (child == 0) _exit(5);
  ASSERT_THAT(child, Succeeds());
  EXPECT_THAT(StatusOf(static_cast<pid_t>(child)), Exited(5));
  EXPECT_THAT(Call(SYS_clone3, &args, 16), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_clone3, BadAddress(), sizeof args), FailsWith(EFAULT));
  args.exit_signal = 100;
  EXPECT_THAT(Call(SYS_clone3, &args, sizeof args), FailsWith(EINVAL));
}
TEST(Clone3, PidfdBecomesReadableAtExit) {
  int pidfd = -1;
  clone_args args = {};
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<unsigned long>(&pidfd);
  args.exit_signal = SIGCHLD;
  fflush(nullptr);
  const long child = Call(SYS_clone3, &args, sizeof args);
  if (child == 0) _exit(5);
  ASSERT_THAT(child, Succeeds());
  const ScopedFd fd(pidfd);
  siginfo_t info = {};
  EXPECT_THAT(Call(SYS_waitid, P_PIDFD, fd, &info, WEXITED, nullptr), SucceedsWith(0));
  EXPECT_EQ(info.si_pid, child);
  EXPECT_EQ(info.si_status, 5);
}
TEST(Threads, ShareThePidAndHaveTheirOwnTid) {
  const pid_t pid = getpid(), tid = gettid();
  ScopedThread thread([&] {
    EXPECT_THAT(Call(SYS_getpid), SucceedsWith(pid));
    EXPECT_NE(Call(SYS_gettid), tid);
  });
}
TEST(SetTidAddress, ReturnsTheTid) {
  InChild([] {
    int word = 0;
    EXPECT_THAT(Call(SYS_set_tid_address, &word), SucceedsWith(Call(SYS_gettid)));
  });
}
TEST(Pidfd, SignalsReachAProcessByItsDirectoryInProc) {
  const pid_t child = StartChild([] { pause(); });
  const std::string name = "/proc/" + std::to_string(child);
  const ScopedFd directory(Call(SYS_open, name, O_DIRECTORY | O_RDONLY));
  const ScopedFd threads(Call(SYS_open, name + "/task", O_DIRECTORY | O_RDONLY));
  const ScopedFd top(Call(SYS_open, "/proc", O_DIRECTORY | O_RDONLY));
  const ScopedFd handle(Call(SYS_open, name, O_PATH));
  EXPECT_THAT(Call(SYS_pidfd_send_signal, directory, 0, nullptr, 0), SucceedsWith(0));
  for (const ScopedFd* other : {&threads, &top, &handle}) EXPECT_THAT(Call(SYS_pidfd_send_signal, *other, 0, nullptr, 0), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_pidfd_getfd, directory, 0, 0), FailsWith(EBADF)) << "no pidfd otherwise";
  EXPECT_THAT(Call(SYS_pidfd_send_signal, directory, SIGKILL, nullptr, 0), SucceedsWith(0));
  EXPECT_THAT(StatusOf(child), KilledBy(SIGKILL));
  EXPECT_THAT(Call(SYS_pidfd_send_signal, directory, 0, nullptr, 0), FailsWith(ESRCH));
}
TEST(Pidfd, OpenSendAndErrors) {
  const Pipe pipe;
  const pid_t child = StartChild([&] {
    char byte;
    Call(SYS_read, pipe.reader, &byte, 1);
  });
  const ScopedFd fd(Call(SYS_pidfd_open, child, 0));
  EXPECT_TRUE(fd.valid());
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFD), SucceedsWith(FD_CLOEXEC));
  EXPECT_THAT(Call(SYS_pidfd_send_signal, fd, SIGKILL, nullptr, 0), SucceedsWith(0));
  EXPECT_THAT(StatusOf(child), KilledBy(SIGKILL));
  EXPECT_THAT(Call(SYS_pidfd_send_signal, fd, 0, nullptr, 0), FailsWith(ESRCH));
  EXPECT_THAT(Call(SYS_pidfd_open, -1, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_pidfd_open, getpid(), 1), FailsWith(EINVAL));
}

}  // namespace tests
